// The handshake against peers that break it at every point: an error before the deadline, never more.
#include "libp2p/upgrade.hpp"

#include "libp2p/host_testing.hpp"
#include "libp2p/multistream.hpp"

#include <functional>
#include <gtest/gtest.h>
#include <string>

namespace myelin::libp2p {
namespace {

using namespace testing;
using Upgrade = Result<Upgraded>;

struct Upgrading : io::simulated::testing::Pair {
  UpgradeRequest request(bool dialer) {
    UpgradeRequest made;
    made.dialer = dialer;
    made.key = dialer ? &key_a : &key_b;
    made.deadline = world->now() + 15s;
    return made;
  }
  // We listen; the peer sends `bytes` and, if asked, the end. What we say.
  ErrorCode against(const Bytes& bytes, bool end) {
    connect();
    Pending<Upgrade> upgrading(*b, upgrade(b, std::move(far), request(false)));
    if (!bytes.empty()) EXPECT_TRUE(on_a(near->write(Buffer::copy_of(bytes))));
    if (end) EXPECT_TRUE(on_a(near->close_write()));
    MYELIN_CHECK(world->run_until([&] { return upgrading.done(); }, 16s), "the upgrade ends in time");
    return upgrading.result() ? ErrorCode::io : upgrading.result().error().code;
  }
  identity::KeyPair key_a = key_of(1);
  identity::KeyPair key_b = key_of(2);
};

Bytes concat(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

const Bytes hello = concat({multistream::message(multistream::header), multistream::message("/noise")});

TEST(Upgrade, BothEnds) {
  Upgrading pair;
  pair.connect();
  auto as_dialer = pair.request(true);
  as_dialer.expected = pair.key_b.peer_id();
  Pending<Upgrade> near(*pair.a, upgrade(pair.a, std::move(pair.near), std::move(as_dialer)));
  Pending<Upgrade> far(*pair.b, upgrade(pair.b, std::move(pair.far), pair.request(false)));
  ASSERT_TRUE(pair.world->run_until([&] { return near.done() && far.done(); }, 1s));
  ASSERT_TRUE(near.result()) << to_string(near.result().error());
  ASSERT_TRUE(far.result()) << to_string(far.result().error());
  EXPECT_EQ(near.result()->session.peer, pair.key_b.peer_id());
  EXPECT_EQ(far.result()->session.peer, pair.key_a.peer_id());
  EXPECT_TRUE(near.result()->early_muxer);
}

TEST(Upgrade, SilenceEndsAtTheDeadline) { EXPECT_EQ(Upgrading().against({}, false), ErrorCode::timeout); }
TEST(Upgrade, SilenceAfterTheFirstMessage) { EXPECT_EQ(Upgrading().against(hello, false), ErrorCode::timeout); }
TEST(Upgrade, AnEndAtOnce) { EXPECT_EQ(Upgrading().against({}, true), ErrorCode::link_lost); }

TEST(Upgrade, AnEndAnywhere) {
  const Bytes all = concat({hello, {0, 32}, Bytes(32, 9)});
  for (std::size_t size = 1; size < all.size(); ++size) {
    const Bytes cut(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(Upgrading().against(cut, true), ErrorCode::link_lost) << size;
  }
}

TEST(Upgrade, Garbage) {
  EXPECT_EQ(Upgrading().against(Bytes(1000, 0xff), false), ErrorCode::protocol);
  const std::string http =
      "GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: somebody who knows no libp2p at all\r\n\r\n";
  EXPECT_EQ(Upgrading().against(Bytes(http.begin(), http.end()), false), ErrorCode::protocol);
  EXPECT_EQ(Upgrading().against(concat({hello, {0, 1}, {7}}), false), ErrorCode::protocol);
  EXPECT_EQ(Upgrading().against(concat({hello, {0xff, 0xff}, Bytes(65535, 1)}), false), ErrorCode::protocol);
}

TEST(Upgrade, EveryByteOfTheHandshakeMatters) {
  // A dialer whose bytes are changed at one place on their way: the listener never ends up with a session.
  for (const std::size_t place : {0u, 5u, 19u, 21u, 26u, 27u, 28u, 40u, 60u, 62u, 70u, 120u, 200u}) {
    struct Relay {
      static io::Task<bool> run(io::Stream* from, io::Stream* to, std::size_t change_at) {
        std::size_t offset = 0;
        for (;;) {
          auto bytes = co_await from->read(4096);
          if (!bytes || bytes->empty()) break;
          Buffer copy = Buffer::copy_of(bytes->view());
          if (change_at >= offset && change_at - offset < copy.size()) copy.writable()[change_at - offset] ^= 1;
          offset += copy.size();
          if (auto written = co_await to->write(std::move(copy)); !written) break;
        }
        to->reset();
        co_return true;
      }
    };
    Upgrading pair;
    pair.connect();
    auto near = std::move(pair.near);
    auto far = std::move(pair.far);
    pair.connect();
    // a's dialer → near…far (on b) → relay → near2…far2 → b's listener
    Pending<Upgrade> dialer(*pair.a, upgrade(pair.a, std::move(near), pair.request(true)));
    Pending<bool> there(*pair.b, Relay::run(far.get(), pair.far.get(), place));
    Pending<bool> back(*pair.b, Relay::run(pair.far.get(), far.get(), SIZE_MAX));
    Pending<Upgrade> listener(*pair.a, upgrade(pair.a, std::move(pair.near), pair.request(false)));
    ASSERT_TRUE(
        pair.world->run_until([&] { return listener.done() && dialer.done() && there.done() && back.done(); }, 20s));
    EXPECT_FALSE(listener.result()) << place;
  }
}

}  // namespace
}  // namespace myelin::libp2p
