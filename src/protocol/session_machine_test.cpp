// One connection, byte by byte: the handshake in both roles and generations, and what bad bytes get.
#include "protocol/session_machine.hpp"

#include "protocol/channel_testing.hpp"
#include "protocol/handshake.hpp"

#include <gtest/gtest.h>

namespace myelin::protocol {
namespace {

using channel_testing::bytes_of;
using Kind = SessionMachine::Step::Kind;
using State = SessionMachine::State;
using namespace std::chrono_literals;

constexpr Instant start{};
constexpr Instant deadline = start + 5s;
const Host self{"127.0.0.1", 5101};
const Host peer{"127.0.0.1", 5102};
constexpr std::string_view w0_hello = "00000013 0101 3132372e302e302e31202020202020 ed13";
constexpr std::string_view w3_hello = "00000010 010101 0900 3132372e302e302e31 e115";
constexpr std::string_view ack = "00000002 0102";
constexpr std::string_view w0_ping = "00000005 0001000100";
constexpr std::string_view w3_ping = "00000011 00cc092603a4f5e73c 0100000000000000";

void feed(SessionMachine& machine, std::string_view hex) { machine.receive(Buffer::copy_of(bytes_of(hex))); }

// All steps up to `more` or the end, in words.
std::vector<std::string> steps(SessionMachine& machine) {
  std::vector<std::string> seen;
  for (;;) {
    const SessionMachine::Step step = machine.next();
    switch (step.kind) {
      case Kind::more:
        return seen;
      case Kind::established:
        seen.emplace_back("established");
        break;
      case Kind::message:
        seen.push_back("message " + std::to_string(step.protocol) + "/" + std::to_string(step.id) + "/" +
                       std::to_string(step.wire_id) + " " + to_hex(step.payload));
        machine.pop();
        break;
      case Kind::merge:
        seen.push_back("merge " + std::to_string(static_cast<int>(step.merge)));
        break;
      case Kind::dropped:
        seen.push_back("dropped " + std::string(step.why));
        break;
      case Kind::closed:
        seen.push_back("closed " + std::string(name(machine.error().code)));
        return seen;
    }
  }
}

std::vector<std::string> steps(SessionMachine& machine, std::string_view hex) {
  feed(machine, hex);
  return steps(machine);
}

using Steps = std::vector<std::string>;

SessionMachine established(Wire wire = Wire::w0) {
  SessionMachine machine = SessionMachine::acceptor(deadline);
  EXPECT_EQ(steps(machine, wire == Wire::w0 ? w0_hello : w3_hello), Steps{"established"});
  EXPECT_EQ(machine.take_output(), ack_frame());
  return machine;
}

SessionMachine dialled(Wire wire = Wire::w0) {
  SessionMachine machine = SessionMachine::dialler(wire, self, peer, deadline);
  EXPECT_EQ(machine.take_output(), hello_frame(wire, self));
  return machine;
}

TEST(SessionMachine, AnAcceptorAnswersEitherHello) {
  SessionMachine old = established(Wire::w0);
  EXPECT_EQ(old.wire(), Wire::w0);
  EXPECT_EQ(old.peer(), (Host{"127.0.0.1", 5101}));
  EXPECT_EQ(old.deadline(), Instant::max());
  SessionMachine now = established(Wire::w3);
  EXPECT_EQ(now.wire(), Wire::w3);
  EXPECT_EQ(now.peer(), (Host{"127.0.0.1", 5601}));
}

TEST(SessionMachine, ADiallerWaitsForTheAck) {
  for (const Wire wire : {Wire::w0, Wire::w3}) {
    SessionMachine machine = dialled(wire);
    EXPECT_EQ(machine.state(), State::awaiting_ack);
    EXPECT_EQ(steps(machine), Steps{});
    EXPECT_EQ(steps(machine, ack), Steps{"established"});
    EXPECT_EQ(machine.peer(), peer);
    EXPECT_TRUE(machine.take_output().empty());
  }
}

TEST(SessionMachine, MessagesMayComeInOnePieceWithTheHandshake) {
  SessionMachine acceptor = SessionMachine::acceptor(deadline);
  EXPECT_EQ(steps(acceptor, std::string(w0_hello) + std::string(w0_ping) + "00000005 0001000200"),
            (Steps{"established", "message 1/1/0 ", "message 1/2/0 "}));
  SessionMachine dialler = dialled(Wire::w3);
  EXPECT_EQ(steps(dialler, std::string(ack) + std::string(w3_ping)),
            (Steps{"established", "message 0/0/4388746446672103884 0100000000000000"}));
}

TEST(SessionMachine, BytesMayComeOneByOne) {
  SessionMachine machine = SessionMachine::acceptor(deadline);
  Steps seen;
  for (const std::uint8_t byte : bytes_of(std::string(w3_hello) + std::string(w3_ping))) {
    machine.receive(Buffer::copy_of(View(&byte, 1)));
    for (std::string& step : steps(machine)) seen.push_back(std::move(step));
  }
  EXPECT_EQ(seen, (Steps{"established", "message 0/0/4388746446672103884 0100000000000000"}));
}

TEST(SessionMachine, AMessageStaysUntilItIsPopped) {
  SessionMachine machine = established();
  feed(machine, std::string(w0_ping) + "00000005 0001000200");
  EXPECT_EQ(machine.next().id, 1);
  EXPECT_EQ(machine.next().id, 1);
  machine.pop();
  EXPECT_EQ(machine.next().id, 2);
}

TEST(SessionMachine, MessagesBeforeTheHelloAreRefused) {
  for (const std::string_view bytes :
       {w0_ping, w3_ping, std::string_view("00000000"), std::string_view("00000001 00")}) {
    SessionMachine machine = SessionMachine::acceptor(deadline);
    EXPECT_EQ(steps(machine, bytes), Steps{"closed protocol"}) << bytes;
    EXPECT_TRUE(machine.take_output().empty());
    EXPECT_EQ(steps(machine, w0_hello), Steps{"closed protocol"}) << "nothing comes after the end";
  }
}

TEST(SessionMachine, MessagesBeforeTheAckAreRefused) {
  SessionMachine machine = dialled();
  EXPECT_EQ(steps(machine, w0_ping), Steps{"closed protocol"});
}

TEST(SessionMachine, ABadHelloIsRefused) {
  for (const std::string_view hello :
       {"00000002 0101", "00000013 0101 3939392e302e302e31202020202020 ed13", "00000003 010101",
        "00000013 0101 3132372e302e302e31202020202020 0000", "00000014 0101 3132372e302e302e31202020202020 ed13 00"}) {
    SessionMachine machine = SessionMachine::acceptor(deadline);
    EXPECT_EQ(steps(machine, hello), Steps{"closed protocol"}) << hello;
    EXPECT_TRUE(machine.take_output().empty()) << hello;
  }
}

TEST(SessionMachine, AnUnknownVersionIsRejected) {
  SessionMachine machine = SessionMachine::acceptor(deadline);
  EXPECT_EQ(steps(machine, "00000010 010102 0900 3132372e302e302e31 e115"), Steps{"closed unsupported"});
  EXPECT_EQ(machine.take_output(), bytes_of("00000003 010301"));
}

TEST(SessionMachine, ARejectEndsADial) {
  for (const std::string_view reject : {"00000003 010301", "00000002 0103", "00000005 0103010203"}) {
    SessionMachine machine = dialled();
    EXPECT_FALSE(machine.rejected());
    EXPECT_EQ(steps(machine, reject), Steps{"closed unsupported"});
    EXPECT_TRUE(machine.rejected());
  }
}

TEST(SessionMachine, EachStepHasItsTime) {
  SessionMachine dialler = dialled();
  dialler.expire(deadline - 1ns);
  EXPECT_EQ(steps(dialler), Steps{});
  EXPECT_EQ(dialler.deadline(), deadline);
  dialler.expire(deadline);
  EXPECT_EQ(steps(dialler), Steps{"closed timeout"});
  SessionMachine acceptor = SessionMachine::acceptor(deadline);
  feed(acceptor, "00000013 0101 31");
  EXPECT_EQ(steps(acceptor), Steps{});
  acceptor.expire(deadline);
  EXPECT_EQ(steps(acceptor), Steps{"closed timeout"});
  SessionMachine up = established();
  up.expire(deadline + 1h);
  EXPECT_EQ(up.state(), State::established);
}

TEST(SessionMachine, WhatBelongsToNoStateIsDropped) {
  SessionMachine machine = established();
  EXPECT_EQ(steps(machine, w0_hello), Steps{"dropped second_hello"});
  EXPECT_EQ(steps(machine, w3_hello), Steps{"dropped second_hello"});
  EXPECT_EQ(steps(machine, ack), Steps{"dropped unexpected_ack"});
  EXPECT_EQ(steps(machine, "00000003 010301"), Steps{"dropped unexpected_reject"});
  EXPECT_EQ(steps(machine, "00000002 0109"), Steps{"dropped unknown_handshake"});
  EXPECT_EQ(steps(machine, "00000001 01"), Steps{"dropped unknown_handshake"});
  EXPECT_EQ(steps(machine, "00000003 020102"), Steps{"dropped unknown_layer"});
  EXPECT_EQ(steps(machine, "00000001 ff"), Steps{"dropped unknown_layer"});
  EXPECT_EQ(steps(machine, "00000000"), Steps{"dropped empty_frame"});
  EXPECT_EQ(steps(machine, "00000004 00010001"), Steps{"dropped truncated_header"});
  EXPECT_EQ(steps(machine, "00000001 00"), Steps{"dropped truncated_header"});
  EXPECT_EQ(steps(machine, w0_ping), Steps{"message 1/1/0 "}) << "and the connection goes on";
  EXPECT_EQ(machine.peer(), (Host{"127.0.0.1", 5101}));
  EXPECT_EQ(machine.wire(), Wire::w0);
}

TEST(SessionMachine, WhatBelongsToNoStateBeforeTheHandshakeIsDroppedToo) {
  SessionMachine acceptor = SessionMachine::acceptor(deadline);
  EXPECT_EQ(steps(acceptor, ack), Steps{"dropped unexpected_ack"});
  EXPECT_EQ(steps(acceptor, "00000001 07"), Steps{"dropped unknown_layer"});
  EXPECT_EQ(steps(acceptor, w0_hello), Steps{"established"});
  SessionMachine dialler = dialled();
  EXPECT_EQ(steps(dialler, w0_hello), Steps{"dropped unexpected_hello"});
  EXPECT_EQ(steps(dialler, ack), Steps{"established"});
}

TEST(SessionMachine, MergeFramesComeInOrderWithMessages) {
  EXPECT_EQ(to_hex(merge_frame(Merge::crossed)), "000000024d01");
  SessionMachine machine = SessionMachine::acceptor(deadline);
  EXPECT_EQ(steps(machine, "00000002 4d01"), Steps{"dropped unknown_layer"}) << "there is no session yet";
  steps(machine, w0_hello);
  EXPECT_EQ(steps(machine, "00000002 4d01 00000002 4d02 00000000 00000002 4d03"),
            (Steps{"merge 1", "merge 2", "dropped empty_frame", "merge 3"}));
  EXPECT_EQ(steps(machine, "00000001 4d"), Steps{"dropped unknown_layer"});
  EXPECT_EQ(steps(machine, "00000002 4d00"), Steps{"dropped unknown_layer"});
  EXPECT_EQ(steps(machine, "00000002 4d04"), Steps{"dropped unknown_layer"});
  EXPECT_EQ(steps(machine, "00000003 4d0101"), Steps{"dropped unknown_layer"});
}

TEST(SessionMachine, FramesThatAreTooLongEndIt) {
  SessionMachine early = SessionMachine::acceptor(deadline);
  EXPECT_EQ(steps(early, "00000400 01"), Steps{"closed too_large"}) << "nobody needs a kilobyte to say Hello";
  SessionMachine machine = established();
  EXPECT_EQ(steps(machine, std::string(w0_ping) + "01000001 00"), (Steps{"message 1/1/0 ", "closed too_large"}));
  SessionMachine legal = established();
  EXPECT_EQ(steps(legal, "01000000 00"), Steps{});
  EXPECT_EQ(legal.state(), State::established);
}

TEST(SessionMachine, TheLongestHelloFits) {
  const Host longest{std::string(255, 'n'), 1};
  SessionMachine machine = SessionMachine::acceptor(deadline);
  machine.receive(Buffer::copy_of(hello_frame(Wire::w3, longest)));
  EXPECT_EQ(steps(machine), Steps{"established"});
  EXPECT_EQ(machine.peer(), longest);
}

TEST(SessionMachine, WithAnAuthenticatedPeerMessagesComeAtOnce) {
  SessionMachine machine = SessionMachine::authenticated({"12D3KooW", 0});
  EXPECT_TRUE(machine.take_output().empty());
  EXPECT_EQ(steps(machine, w3_ping), Steps{"message 0/0/4388746446672103884 0100000000000000"});
  EXPECT_EQ(steps(machine, w0_hello), Steps{"dropped second_hello"});
}

}  // namespace
}  // namespace myelin::protocol
