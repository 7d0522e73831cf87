#include "libp2p/multistream.hpp"

#include "base/limits.hpp"
#include "base/varint.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace myelin::libp2p::multistream {
namespace {

const std::string header_hex = "132f6d756c746973747265616d2f312e302e300a";
const std::string na_hex = "036e610a";

Rope rope(std::string_view text) { return Rope(Buffer::copy_of(text)); }
Rope rope(const Bytes& bytes) { return Rope(Buffer::copy_of(View(bytes))); }
std::string text_of(const Bytes& bytes) { return to_text(bytes); }
std::string line(std::string_view text) { return text_of(message(text)); }
Dialer dialer(std::vector<std::string> proposals) { return *Dialer::create(std::move(proposals)); }

void feed(Dialer& machine, std::string_view bytes) {
  Rope in = rope(bytes);
  machine.receive(in);
}

void feed(Listener& machine, std::string_view bytes) {
  Rope in = rope(bytes);
  machine.receive(in);
}

TEST(Multistream, MessagesAsTheyAreOnTheWire) {
  EXPECT_EQ(to_hex(message("/multistream/1.0.0")), header_hex);
  EXPECT_EQ(to_hex(message("/noise")), "072f6e6f6973650a");
  EXPECT_EQ(to_hex(message("/tls/1.0.0")), "0b2f746c732f312e302e300a");
  EXPECT_EQ(to_hex(message("/yamux/1.0.0")), "0d2f79616d75782f312e302e300a");
  EXPECT_EQ(to_hex(message("na")), na_hex);
  EXPECT_EQ(to_hex(message(std::string(127, 'x'))).substr(0, 4), "8001");
}

TEST(Multistream, GliaCallPath) {
  const std::string path =
      "/ww/0.1.0/12D3KooWFYcCMuKujeeDDPqnH6yHeVrnXPaCjfbYVmQ9fHxfRDtA/Wt9hMLbqHmNuCsvqCW8AuKxUjwL/echo";
  ASSERT_EQ(path.size(), 95u);
  EXPECT_EQ(text_of(dialer({path}).take_output()), line(header) + "\x60" + path + "\n");
}

TEST(Multistream, NamesThatCanBeProposed) {
  EXPECT_TRUE(valid_protocol("/ipfs/ping/1.0.0"));
  EXPECT_TRUE(valid_protocol(std::string(limits::multistream_token_bytes - 1, 'a')));
  EXPECT_FALSE(valid_protocol(std::string(limits::multistream_token_bytes, 'a')));
  EXPECT_FALSE(valid_protocol(""));
  EXPECT_FALSE(valid_protocol("na"));
  EXPECT_FALSE(valid_protocol("ls"));
  EXPECT_FALSE(valid_protocol(header));
  EXPECT_FALSE(valid_protocol("/a\n/b"));
}

TEST(MultistreamDialer, HeaderAndFirstProposalAreOneWrite) {
  Dialer machine = dialer({"/noise"});
  EXPECT_EQ(to_hex(machine.take_output()), header_hex + "072f6e6f6973650a");
  EXPECT_TRUE(machine.take_output().empty()) << "given once";
  EXPECT_EQ(machine.state(), State::reading);
}

TEST(MultistreamDialer, AgreesAndLeavesTheRest) {
  Dialer machine = dialer({"/a", "/b"});
  Rope in = rope(line(header) + line("na") + line("/b") + "\x03surplus");
  machine.receive(in);
  ASSERT_EQ(machine.state(), State::agreed);
  EXPECT_EQ(machine.protocol(), "/b");
  EXPECT_EQ(as_text(in.flatten().view()), "\x03surplus");
  machine.receive(in);
  EXPECT_EQ(in.size(), 8u) << "nothing more is taken";
}

TEST(MultistreamDialer, ProposesTheNextWhenRefused) {
  Dialer machine = dialer({"/a", "/b", "/c"});
  machine.take_output();
  feed(machine, line(header));
  EXPECT_TRUE(machine.take_output().empty());
  feed(machine, line("na"));
  EXPECT_EQ(text_of(machine.take_output()), line("/b"));
  feed(machine, line("na"));
  EXPECT_EQ(text_of(machine.take_output()), line("/c"));
  feed(machine, line("na"));
  ASSERT_EQ(machine.state(), State::failed);
  EXPECT_EQ(machine.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(machine.take_output().empty());
}

TEST(MultistreamDialer, EverySplitGivesTheSame) {
  const std::string bytes = line(header) + line("na") + line("/second/protocol") + "rest";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Dialer machine = dialer({"/first", "/second/protocol"});
    Rope in = rope(bytes.substr(0, cut));
    machine.receive(in);
    in.append(Buffer::copy_of(bytes.substr(cut)));
    machine.receive(in);
    ASSERT_EQ(machine.state(), State::agreed) << cut;
    EXPECT_EQ(as_text(in.flatten().view()), "rest");
  }
  Dialer machine = dialer({"/first", "/second/protocol"});
  for (const char c : bytes) {
    if (machine.state() == State::reading) feed(machine, std::string_view(&c, 1));
  }
  EXPECT_EQ(machine.state(), State::agreed);
}

TEST(MultistreamDialer, WhatBreaksTheProtocol) {
  const std::string cases[] = {
      line("/multistream/2.0.0"),
      line("na"),
      line("/a"),
      line(header) + line("/b"),  // not proposed (now)
      line(header) + line(header),
      line(header) + line("ls"),
      line(header) + std::string(1, '\0'),
      line(header) + "\x01\n",
      line(header) + "\x03/ab",                     // no line feed at the end
      line(header) + "\x05/a\nb\n",                 // one inside
      line(header) + "\x80\x08",                    // 1024 is the limit …
      line(header) + "\x81\x08",                    // … 1025 is over it
      line(header) + std::string("\x82\0/a\n", 5),  // not minimal
      line(header) + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
  };
  for (const std::string& bytes : cases) {
    Dialer machine = dialer({"/a", "/b"});
    feed(machine, bytes);
    if (bytes.ends_with("\x80\x08")) {
      EXPECT_EQ(machine.state(), State::reading) << "a body of the largest size may follow";
      continue;
    }
    ASSERT_EQ(machine.state(), State::failed) << to_hex(as_view(bytes));
    EXPECT_EQ(machine.error().code, ErrorCode::protocol);
  }
}

TEST(MultistreamDialer, ProposalsOutOfBoundsAreNotMade) {
  EXPECT_EQ(Dialer::create({}).error().code, ErrorCode::bad_request);
  EXPECT_FALSE(Dialer::create({"/a", ""}));
  EXPECT_FALSE(Dialer::create({std::string(2000, 'a')}));
  EXPECT_FALSE(Dialer::create(std::vector<std::string>(max_proposals + 1, "/a")));
  EXPECT_TRUE(Dialer::create(std::vector<std::string>(max_proposals, "/a")));
}

TEST(MultistreamListener, AnswersAsTheReferencesDo) {
  Listener machine;
  EXPECT_TRUE(machine.take_output().empty());
  feed(machine, line(header));
  EXPECT_EQ(to_hex(machine.take_output()), header_hex);
  feed(machine, line("/nope"));
  ASSERT_EQ(machine.state(), State::proposed);
  EXPECT_EQ(machine.proposal(), "/nope");
  machine.refuse();
  EXPECT_EQ(to_hex(machine.take_output()), na_hex);
  feed(machine, line("/noise"));
  ASSERT_EQ(machine.state(), State::proposed);
  machine.accept();
  EXPECT_EQ(to_hex(machine.take_output()), "072f6e6f6973650a");
  EXPECT_EQ(machine.state(), State::agreed);
  EXPECT_EQ(machine.protocol(), "/noise");
}

TEST(MultistreamListener, StopsAtEachProposal) {
  Listener machine;
  Rope in = rope(line(header) + line("/a") + line("/b") + "first bytes");
  machine.receive(in);
  EXPECT_EQ(machine.proposal(), "/a");
  machine.receive(in);
  EXPECT_EQ(machine.proposal(), "/a") << "undecided yet";
  machine.refuse();
  machine.receive(in);
  EXPECT_EQ(machine.proposal(), "/b");
  machine.accept();
  machine.receive(in);
  EXPECT_EQ(as_text(in.flatten().view()), "first bytes");
  EXPECT_EQ(text_of(machine.take_output()), line(header) + line("na") + line("/b")) << "one write";
}

TEST(MultistreamListener, RefusesTheList) {
  Listener machine;
  feed(machine, line(header) + line("ls"));
  EXPECT_EQ(machine.state(), State::reading);
  EXPECT_EQ(text_of(machine.take_output()), line(header) + line("na"));
}

TEST(MultistreamListener, EndlessProposalsEnd) {
  Listener machine;
  feed(machine, line(header));
  for (std::size_t i = 0; i < max_proposals; ++i) {
    ASSERT_EQ(machine.state(), State::reading) << i;
    if (i % 2 == 0) {
      feed(machine, line("ls"));
    } else {
      feed(machine, line("/p" + std::to_string(i)));
      machine.refuse();
    }
  }
  ASSERT_EQ(machine.state(), State::failed);
  EXPECT_EQ(machine.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(text_of(machine.take_output()).ends_with(line("na")));
}

TEST(MultistreamListener, WhatBreaksTheProtocol) {
  const std::string cases[] = {
      line("/a"),
      "GET / HTTP/1.1\r\nHost: example.com\r\n" + std::string(40, 'x'),
      line(header) + line("na"),
      line(header) + line(header),
      std::string(1, '\0'),
      "\x01\n",
      "\xff\xff\xff\xff\x7f",
      line(header) + "\x81\x08",
  };
  for (const std::string& bytes : cases) {
    Listener machine;
    feed(machine, bytes);
    ASSERT_EQ(machine.state(), State::failed) << to_hex(as_view(bytes));
    EXPECT_EQ(machine.error().code, ErrorCode::protocol);
  }
}

TEST(MultistreamListener, LargestNameIsHeard) {
  const std::string name(limits::multistream_token_bytes - 1, 'n');
  Listener machine;
  feed(machine, line(header) + line(name));
  ASSERT_EQ(machine.state(), State::proposed);
  EXPECT_EQ(machine.proposal(), name);
}

TEST(Multistream, MachinesAgreeWithEachOther) {
  for (std::size_t wanted = 0; wanted < 4; ++wanted) {
    Dialer out = dialer({"/0", "/1", "/2", "/3"});
    Listener in;
    for (int round = 0; round < 10 && out.state() == State::reading; ++round) {
      Rope there = rope(out.take_output());
      for (in.receive(there); in.state() == State::proposed; in.receive(there)) {
        in.proposal() == "/" + std::to_string(wanted) ? in.accept() : in.refuse();
      }
      Rope back = rope(in.take_output());
      out.receive(back);
    }
    ASSERT_EQ(out.state(), State::agreed);
    ASSERT_EQ(in.state(), State::agreed);
    EXPECT_EQ(out.protocol(), in.protocol());
    EXPECT_EQ(out.protocol(), "/" + std::to_string(wanted));
  }
}

}  // namespace
}  // namespace myelin::libp2p::multistream
