#include "libp2p/multiaddr.hpp"

#include "identity/key_vectors.hpp"

#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <utility>

namespace myelin::libp2p {
namespace {

using identity::PeerId;
using identity::vectors::from_hex;

const std::string qm = "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC";
const std::string ed = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV";

TEST(Multiaddr, TextAndBytes) {
  const std::pair<std::string, std::string> cases[] = {
      {"/ip4/127.0.0.1/udp/1234", "047f000001910204d2"},
      {"/ip4/127.0.0.1/tcp/4321", "047f0000010610e1"},
      {"/ip4/127.0.0.1/udp/1234/ip4/127.0.0.1/tcp/4321", "047f000001910204d2047f0000010610e1"},
      {"/ip6/::1/tcp/80",
       "290000000000000000000000000000000106"
       "0050"},
      {"/ip6zone/x/ip6/fe80::1", "2a017829fe800000000000000000000000000001"},
      {"/dns/example.com/tcp/443/wss", "350b6578616d706c652e636f6d0601bbde03"},
      {"/dns4/a.b/tcp/1", "3603612e62060001"},
      {"/dns6/a.b/tcp/1", "3703612e62060001"},
      {"/dnsaddr/bootstrap.libp2p.io", "3813626f6f7473747261702e6c69627032702e696f"},
      {"/unix/a/b", "9003042f612f62"},
      {"/tls/sni/a.b/ws", "c003c10303612e62dd03"},
      {"/noise", "c603"},
      {"/ip4/1.2.3.4/udp/1/quic",
       "0401020304910200"
       "01cc03"},
      {"/ip4/1.2.3.4/udp/1/quic-v1/webtransport",
       "0401020304910200"
       "01cd03d103"},
      {"/ip4/1.2.3.4/udp/1/webrtc-direct",
       "0401020304910200"
       "019802"},
      {"/p2p-circuit", "a202"},
      {"/p2p/" + qm, "a50322" + to_hex(PeerId::parse(qm)->bytes())},
      {"/p2p/" + ed, "a50326" + to_hex(PeerId::parse(ed)->bytes())},
  };
  for (const auto& [text, hex] : cases) {
    const Result<Multiaddr> parsed = Multiaddr::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(to_hex(parsed->to_bytes()), hex) << text;
    EXPECT_EQ(parsed->to_string(), text);
    const Result<Multiaddr> read = Multiaddr::from_bytes(from_hex(hex));
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, *parsed);
    EXPECT_EQ(read->to_string(), text);
  }
}

TEST(Multiaddr, GoodTextComesBack) {
  const std::string hash = "uEQRhYmNk";  // a multihash of any function: sha1, cut to four bytes
  const std::string cases[] = {
      "/ip4/1.2.3.4",
      "/ip4/0.0.0.0",
      "/ip4/255.255.255.255/tcp/65535",
      "/ip6/::",
      "/ip6/2601:9:4f81:9700:803e:ca65:66e8:c21",
      "/ip6/2601:9:4f81:9700:803e:ca65:66e8:c21/udp/1234/quic-v1",
      "/ip6/::ffff:127.0.0.1/tcp/111",
      "/ip6zone/x%y/ip6/fe80::1",
      "/ip6zone/eth0/ip6/fe80::1/udp/1234/quic",
      "/udp/0",
      "/tcp/0",
      "/tcp/1234",
      "/udp/65535",
      "/p2p/" + qm + "/tcp/1234",
      "/ip4/127.0.0.1/p2p/" + qm,
      "/ip4/127.0.0.1/tcp/9090/p2p/" + ed + "/p2p-circuit",
      "/ip4/127.0.0.1/tcp/9090/p2p/" + ed + "/p2p-circuit/p2p/" + qm,
      "/unix/a/b/c/d/e",
      "/unix/stdio",
      "/ip4/1.2.3.4/tcp/80/unix/a/b/c/d/e/f",
      "/ip4/127.0.0.1/p2p/" + qm + "/tcp/1234/unix/stdio",
      "/ip4/127.0.0.1/tcp/127/ws",
      "/ip4/127.0.0.1/tcp/127/tls",
      "/ip4/127.0.0.1/tcp/127/tls/ws",
      "/ip4/127.0.0.1/tcp/127/noise",
      "/ip4/127.0.0.1/tcp/127/wss",
      "/ip4/127.0.0.1/tcp/127/webrtc-direct",
      "/dns4/_service.example.com/tcp/443/tls/sni/*.example.com/ws/p2p/" + ed,
      "/dns/example.com./tcp/1",
      "/dns/localhost",
      "/dns/" + std::string(63, 'a') + ".b",
      "/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/" + hash,
  };
  for (const std::string& text : cases) {
    const Result<Multiaddr> parsed = Multiaddr::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->to_string(), text);
    EXPECT_EQ(*Multiaddr::from_bytes(parsed->to_bytes()), *parsed) << text;
    EXPECT_EQ(*Multiaddr::parse(text + "/"), *parsed) << "one slash at the end is nothing";
  }
}

TEST(Multiaddr, OtherSpellingsAreTheSameAddress) {
  const std::pair<std::string, std::string> cases[] = {
      {"/ipfs/" + qm, "/p2p/" + qm},
      {"/p2p/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7", "/p2p/" + qm},
      {"/p2p/bafzbeigvf25ytwc3akrijfecaotc74udrhcxzh2cx3we5qqnw5vgrei4bm", "/p2p/" + qm},
      {"/p2p/k51qzi5uqu5dhb6l8spkdx7yxafegfkee5by8h7lmjh2ehc2sgg34z7c15vzqs", "/p2p/" + ed},
      {"/p2p/bafzaajaiaejcalj543iwv2d7pkjt7ykvefrkfu7qjfi6sduakhso4lay6abn2d5u", "/p2p/" + ed},
      {"/ip6/0:0:0:0:0:0:0:1", "/ip6/::1"},
      {"/ip6/FE80::1", "/ip6/fe80::1"},
      {"/certhash/b2uaraocy6yrdblb4sfptaddgimjmmpy", "/certhash/u1QEQOFj2IjCsPJFfMAxmQxLGPw"},
      {"/certhash/zQmbWTwYGcmdyK9CYfNBcfs9nhZs17a6FQ4Y8oea278xx41",
       "/certhash/uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g"},
  };
  for (const auto& [text, canonical] : cases) {
    const Result<Multiaddr> parsed = Multiaddr::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->to_string(), canonical);
    EXPECT_EQ(*Multiaddr::parse(canonical), *parsed);
  }
}

void expect_refused(std::initializer_list<std::string> cases) {
  for (const std::string& text : cases) {
    const Result<Multiaddr> parsed = Multiaddr::parse(text);
    EXPECT_FALSE(parsed) << "'" << text << "' as " << (parsed ? parsed->to_string() : "");
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, ErrorCode::bad_request);
    }
  }
}

TEST(Multiaddr, TextThatIsNoAddress) {
  expect_refused({"", "/", "//", "ip4/1.2.3.4", " /ip4/1.2.3.4", "/ip4/1.2.3.4 ", "/ip4/1.2.3.4//", "//ip4/1.2.3.4"});
  expect_refused({"/sctp/1", "/http", "/onion/timaq4ygg2iegci7:80", "/nope", "/IP4/1.2.3.4", "/p2p-webrtc-direct"});
  expect_refused({"/quic/65536", "/quic-v1/65536", "/ip4/127.0.0.1/quic/1234", "/ws/x"});
}

TEST(Multiaddr, AddressesThatAreNone) {
  expect_refused({"/ip4", "/ip4/", "/ip4//tcp/1", "/ip4/::1", "/ip4/1.2.3", "/ip4/1.2.3.4.5", "/ip4/1.2.3.256"});
  expect_refused({"/ip4/01.2.3.4", "/ip4/fdpsofodsajfdoisa", "/ip4/0x7f000001", "/ip4/127.0.0.1\n"});
  expect_refused({std::string("/ip4/1.2.3.4\0/tcp/1", 19), std::string("/ip6/::1\0", 9)});
  expect_refused({"/ip6", "/ip6/", "/ip6/1.2.3.4", "/ip6/::1%lo", "/ip6/[::1]", "/ip6/:::1", "/ip6/12345::"});
  expect_refused(
      {"/ip6zone", "/ip6zone/", "/ip6zone//ip6/fe80::1", "/ip6zone/a b", "/ip6zone/" + std::string(65, 'z')});
}

TEST(Multiaddr, PortsThatAreNone) {
  expect_refused({"/udp", "/tcp", "/tcp/", "/udp/65536", "/tcp/65536", "/tcp/-1", "/tcp/+1", "/tcp/ 1", "/tcp/1 "});
  expect_refused({"/tcp/080", "/tcp/0x10", "/tcp/99999999999999999999", "/ip4/1.2.3.4/tcp", "/ip4/1.2.3.4/tcp/jfods"});
}

TEST(Multiaddr, NamesThatAreNone) {
  expect_refused(
      {"/dns", "/dns/", "/dns/a..b", "/dns/.a", "/dns/a b", "/dns/" + std::string(64, 'a'), "/dns/..", "/dns/."});
  expect_refused({"/dns/\xc3\xa4.de", "/dns/a.*.b", "/dns4/a\n.b", "/dnsaddr/" + std::string(254, 'a'), "/sni"});
  expect_refused({"/unix", "/unix/", "/unix//", "/ip4/1.2.3.4/tcp/80/unix", "/unix/a\x01z", "/unix/\xff"});
}

TEST(Multiaddr, HashesThatAreNone) {
  expect_refused({"/p2p", "/p2p/", "/p2p/tcp", "/ipfs", "/ip4/127.0.0.1/ipfs/tcp", "/p2p/" + qm.substr(1)});
  expect_refused({"/p2p/QmxoHT6iViN5xAjoz1VZ553cL31U9F94ht3QvWR1FrEbZY"});  // a sha2-256 of more than 32 bytes
  expect_refused(
      {"/certhash", "/certhash/", "/certhash/b2uaraocy6yrdblb4sfptaddgimjmmp", "/certhash/hello", "/certhash/m"});
  expect_refused({"/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash"});
}

TEST(Multiaddr, BadBytes) {
  for (const char* hex : {"",
                          "04",                    // no value
                          "047f0000",              // cut off
                          "047f000001ff",          // a code that does not end
                          "0600",                  // half a port
                          "00",                    // no such code
                          "8400047f000001",        // 4, not minimal
                          "ffffffffffffffffff01",  // ten bytes of code
                          "8004",                  // 512, not known
                          "3500",                  // an empty name
                          "3502612f",              // a slash in a name
                          "350161ffffffffffffffffff7f",
                          "35ffffffffffffffff7f61",  // 2^63 - 1 bytes of name
                          "358000",                  // a length that is not minimal
                          "2a00",
                          "2a012f",  // zones
                          "900300",
                          "9003012f",
                          "90030261"
                          "62",
                          "9003032f612f",  // paths
                          "9003022f61"
                          "047f000001",  // something after a path
                          "a50300",
                          "a5030100",
                          "a503031220ff",
                          "a50322122000",
                          "d20300",
                          "d203021201"}) {
    const Result<Multiaddr> read = Multiaddr::from_bytes(from_hex(hex));
    EXPECT_FALSE(read) << hex << " as " << (read ? read->to_string() : "");
    if (!read) {
      EXPECT_EQ(read.error().code, ErrorCode::bad_request);
    }
  }
}

TEST(Multiaddr, EveryTruncationIsRefusedOrAnotherAddress) {
  const Bytes bytes = Multiaddr::parse("/ip4/1.2.3.4/tcp/4001/p2p/" + ed + "/p2p-circuit/p2p/" + qm)->to_bytes();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const Result<Multiaddr> read = Multiaddr::from_bytes(View(bytes).first(n));
    if (read) {
      EXPECT_EQ(read->to_bytes(), Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)));
    }
  }
}

TEST(Multiaddr, SizesAreBounded) {
  std::string text;
  for (std::size_t i = 0; i < Multiaddr::max_components; ++i) text += "/tcp/1";
  EXPECT_TRUE(Multiaddr::parse(text));
  EXPECT_FALSE(Multiaddr::parse(text + "/tcp/1"));
  Bytes bytes = Multiaddr::parse(text)->to_bytes();
  bytes.insert(bytes.end(), {6, 0, 1});
  EXPECT_FALSE(Multiaddr::from_bytes(bytes));
  EXPECT_FALSE(Multiaddr::parse(std::string(1 << 20, '/')));
  EXPECT_FALSE(Multiaddr::from_bytes(Bytes(1 << 20, 6)));
  EXPECT_TRUE(Multiaddr::parse("/unix/" + std::string(Multiaddr::max_bytes - 5, 'x')));
  EXPECT_FALSE(Multiaddr::parse("/unix/" + std::string(Multiaddr::max_bytes - 4, 'x')));
}

TEST(Multiaddr, PeersComeAndGo) {
  const PeerId id = *PeerId::parse(ed);
  const Multiaddr plain = *Multiaddr::parse("/ip4/1.2.3.4/tcp/4001");
  EXPECT_FALSE(plain.peer());
  const Multiaddr named = plain.with_peer(id);
  EXPECT_EQ(named.to_string(), "/ip4/1.2.3.4/tcp/4001/p2p/" + ed);
  EXPECT_EQ(named.peer(), id);
  EXPECT_EQ(named.with_peer(id), named);
  EXPECT_EQ(named.with_peer(*PeerId::parse(qm)).to_string(), "/ip4/1.2.3.4/tcp/4001/p2p/" + qm);
  EXPECT_EQ(named.without_peer(), plain);
  EXPECT_EQ(plain.without_peer(), plain);
  const Multiaddr relayed = *Multiaddr::parse("/ip4/1.2.3.4/tcp/1/p2p/" + qm + "/p2p-circuit/p2p/" + ed);
  EXPECT_EQ(relayed.peer(), id) << "the last one";
  const Multiaddr path = *Multiaddr::parse("/unix/a");
  EXPECT_EQ(path.with_peer(id), path);
}

TEST(Multiaddr, SocketsAndBack) {
  const auto socket = [](std::string_view text) { return Multiaddr::parse(text)->tcp_socket(); };
  const auto v4 = socket("/ip4/127.0.0.1/tcp/4001");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->ip, io::IpAddress::loopback_v4());
  EXPECT_EQ(v4->port, 4001);
  const auto v6 = socket("/ip6/::1/tcp/65535/p2p/" + ed);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->ip.family, io::IpAddress::Family::v6);
  EXPECT_EQ(v6->ip.bytes[15], 1);
  EXPECT_EQ(v6->port, 65535);
  for (const auto& address : {*v4, *v6}) EXPECT_EQ(Multiaddr::tcp_address(address).tcp_socket(), address);
  EXPECT_EQ(Multiaddr::tcp_address(*v4).to_string(), "/ip4/127.0.0.1/tcp/4001");
  EXPECT_EQ(Multiaddr::tcp_address(*v6).to_string(), "/ip6/::1/tcp/65535");
  for (const std::string& text : {std::string("/ip4/1.2.3.4"), std::string("/tcp/1"), std::string("/ip4/1.2.3.4/udp/1"),
                                  std::string("/ip4/1.2.3.4/tcp/1/ws"), std::string("/dns/localhost/tcp/1"),
                                  std::string("/ip6zone/lo/ip6/fe80::1/tcp/1"),
                                  "/ip4/1.2.3.4/tcp/1/p2p/" + qm + "/p2p-circuit", std::string("/tcp/1/ip4/1.2.3.4")}) {
    EXPECT_FALSE(socket(text)) << text;
  }
  EXPECT_FALSE(Multiaddr().tcp_socket());
}

}  // namespace
}  // namespace myelin::libp2p
