// Sweep: who is asked, when, and what happens when members come and go meanwhile.
#include "glia/sweep.hpp"

#include "io/network.hpp"
#include "io/simulated.hpp"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace myelin::glia {
namespace {

using namespace std::chrono_literals;

class Watched final : public Sweep::Member {
 public:
  Watched(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(log) {}
  void sweep(Instant now) override {
    log_.push_back(name_);
    asked_at = now;
    if (const auto once = std::exchange(then, nullptr)) once();
  }
  void stop_sweep() override { log_.push_back("stop " + name_); }
  std::function<void()> then;
  std::optional<Instant> asked_at;

 private:
  std::string name_;
  std::vector<std::string>& log_;
};

class Sweeping : public ::testing::Test {
 protected:
  Sweeping()
      : world(io::SimulatedWorld::create(1)),
        loop(world->add_host("machine", *io::IpAddress::parse("10.0.0.1")).add_loop()),
        sweep(loop) {}
  std::vector<std::string> taken() { return std::exchange(log, {}); }

  std::unique_ptr<io::SimulatedWorld> world;
  io::Loop& loop;
  Sweep sweep;
  std::vector<std::string> log;
};

TEST_F(Sweeping, AsksEachOnceInAnIntervalInTheOrderOfAdding) {
  Watched a("a", log), b("b", log);
  sweep.add(a);
  sweep.add(b);
  const Instant begun = loop.now();
  world->run_for(1500ms);
  EXPECT_EQ(taken(), (std::vector<std::string>{"a", "b"}));
  EXPECT_LE(*a.asked_at - begun, Sweep::interval);
  world->run_for(1s);
  EXPECT_EQ(taken(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(Sweeping, WhoHasLeftOrIsGoneIsNotAsked) {
  Watched a("a", log);
  auto b = std::make_unique<Watched>("b", log);
  sweep.add(a);
  sweep.add(*b);
  sweep.remove(a);
  sweep.remove(a);
  b.reset();
  EXPECT_TRUE(sweep.empty());
  world->run_for(3s);
  EXPECT_EQ(taken(), std::vector<std::string>{});
  sweep.add(a);
  world->run_for(1100ms);
  EXPECT_EQ(taken(), std::vector<std::string>{"a"}) << "and it may come back";
}

TEST_F(Sweeping, MembersMayGoAndComeWhileTheyAreAsked) {
  Watched a("a", log), c("c", log), d("d", log);
  auto b = std::make_unique<Watched>("b", log);
  sweep.add(a);
  sweep.add(*b);
  sweep.add(c);
  a.then = [&] {  // itself and the next
    sweep.remove(a);
    b.reset();
  };
  c.then = [&] { sweep.add(d); };
  world->run_for(1100ms);
  EXPECT_EQ(log.front(), "a");
  EXPECT_EQ(std::count(log.begin(), log.end(), "b"), 0);
  EXPECT_EQ(std::count(log.begin(), log.end(), "c"), 1);
  taken();
  world->run_for(1s);
  EXPECT_EQ(taken(), (std::vector<std::string>{"c", "d"}));
}

TEST_F(Sweeping, StopTellsAll) {
  Watched a("a", log), b("b", log);
  sweep.add(a);
  sweep.add(b);
  sweep.stop();
  EXPECT_EQ(taken(), (std::vector<std::string>{"stop a", "stop b"}));
}

TEST_F(Sweeping, ItsTimerGoesWithIt) {
  Watched a("a", log);
  {
    Sweep brief(loop);
    brief.add(a);
  }
  world->run_for(3s);
  EXPECT_EQ(taken(), std::vector<std::string>{});
  sweep.add(a);  // it was let go
  EXPECT_FALSE(sweep.empty());
}

}  // namespace
}  // namespace myelin::glia
