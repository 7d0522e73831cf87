#include "wasm/compile_places.hpp"

#include "io/scope.hpp"
#include "io/simulated.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <vector>

namespace myelin::wasm {
namespace {

using namespace std::chrono_literals;

class Places : public ::testing::Test {
 protected:
  void claim(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      tickets.push_back(std::make_unique<CompilePlaces::Ticket>(places, i % 2 == 0 ? one : two));
      ends.emplace_back();
    }
    for (std::size_t i = ends.size() - count; i < ends.size(); ++i) {
      (i % 2 == 0 ? scope_one : scope_two).spawn(wait(tickets[i].get(), &ends[i]));
    }
    world->run_for(1ms);
  }
  static io::Task<void> wait(CompilePlaces::Ticket* ticket, std::optional<Result<void>>* end) {
    *end = co_await ticket->granted();
  }
  void drop(std::size_t i) {
    tickets[i].reset();
    world->run_for(1ms);
  }
  std::string granted() const {
    std::string all;
    for (const auto& end : ends) all += !end ? '.' : *end ? 'y' : 'n';
    return all;
  }

  std::unique_ptr<io::SimulatedWorld> world = io::SimulatedWorld::create(1);
  io::SimulatedWorld::Host& host = world->add_host("h", io::IpAddress{io::IpAddress::Family::v4, {10, 0, 0, 1}});
  io::Loop& one = host.add_loop();
  io::Loop& two = host.add_loop();
  io::Scope scope_one{one}, scope_two{two};
  CompilePlaces places{2};
  std::vector<std::unique_ptr<CompilePlaces::Ticket>> tickets;
  std::deque<std::optional<Result<void>>> ends;  // addresses stay
};

TEST_F(Places, AreGivenInTheOrderOfTheClaims) {
  claim(5);
  EXPECT_EQ(granted(), "yy...");
  drop(1);
  EXPECT_EQ(granted(), "yyy..");
  drop(2);
  drop(0);
  EXPECT_EQ(granted(), "yyyyy");
  drop(3);
  drop(4);
  claim(3);
  EXPECT_EQ(granted(), "yyyyyyy.") << "all are free again, and no more than all";
  drop(5);
  EXPECT_EQ(granted(), "yyyyyyyy");
}

TEST_F(Places, OneThatIsDroppedBeforeItKnewOfItsTurnPassesItOn) {
  claim(4);
  tickets[0].reset();  // it is the third's turn, which has not heard of it
  tickets[2].reset();
  world->run_for(1ms);
  EXPECT_TRUE(ends[3].has_value()) << granted();
}

TEST_F(Places, TheQueueIsBounded) {
  claim(2 + CompilePlaces::max_waiting + 1);
  ASSERT_TRUE(ends.back());
  EXPECT_EQ(ends.back()->error().code, ErrorCode::limit);
  EXPECT_FALSE(ends[2]);
  for (std::size_t i = 0; i < tickets.size(); ++i) drop(i);
  EXPECT_TRUE(ends[2]);
}

}  // namespace
}  // namespace myelin::wasm
