// The conformance suite of streams over simulated TCP: good links and bad ones.
#include "io/simulated/testing.hpp"
#include "io/stream_conformance_test.hpp"

#include <gtest/gtest.h>

namespace myelin::io::simulated {
namespace {

using namespace testing;

struct TcpPairs : StreamPairWorld {
  TcpPairs(std::uint64_t seed, LinkModel model) : pair(seed, model) {}
  Loop& loop() override { return *pair.a; }
  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> connect() override {
    pair.connect();
    // The suite's tasks run on one loop: a's. The far end stays on b's, where packets wake it.
    return {std::move(pair.near), std::move(pair.far)};
  }
  void run(Task<void> task) override {
    Scope scope(*pair.a);
    scope.spawn(std::move(task));
    EXPECT_TRUE(pair.world->run_until([&] { return scope.running() == 0; }, std::chrono::hours(24)));
  }
  std::size_t buffered_bytes_bound() const override { return 1024 * 1024; }
  Duration quiet_time() const override { return std::chrono::minutes(1); }

  Pair pair;
};

TEST(SimulatedTcpConformance, GoodLink) {
  TcpPairs world(1, {});
  run_stream_conformance(world);
}

TEST(SimulatedTcpConformance, SlowLink) {
  TcpPairs world(1, {.delay = 30ms, .bandwidth_bytes_s = 500'000});
  run_stream_conformance(world);
}

TEST(SimulatedTcpConformance, BadLinks) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    TcpPairs world(seed, {.delay = 20ms, .jitter = 15ms, .loss = 0.05, .retransmission = 60ms});
    run_stream_conformance(world);
  }
}

}  // namespace
}  // namespace myelin::io::simulated
