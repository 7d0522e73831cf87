// Guests that misuse every host call: refused each time, and the node and its other guests go on.
#include "kernel/kernel_testing.hpp"

namespace myelin::kernel::testing {
namespace {

class Hostile : public KernelTest {};

TEST_F(Hostile, PointersAndLengthsOutsideItsMemory) { EXPECT_EQ(ask(spawn("kernel_hostile").pid, "pointers"), "0"); }

TEST_F(Hostile, IdsThatAreNotItsOwn) { EXPECT_EQ(ask(spawn("kernel_hostile").pid, "ids"), "0"); }

TEST_F(Hostile, BrokenRecords) { EXPECT_EQ(ask(spawn("kernel_hostile").pid, "records"), "0"); }

TEST_F(Hostile, GiantRecordsAndDrafts) { EXPECT_EQ(ask(spawn("kernel_hostile").pid, "giants"), "0"); }

TEST_F(Hostile, MoreRequestsThanItMayHaveOpen) {
  EXPECT_EQ(ask(spawn("kernel_hostile").pid, "many"), "0");
  SpawnSpec few;
  few.limits.open_requests = 16;
  auto pid = spawn("kernel_hostile", few).pid;
  EXPECT_EQ(ask(pid, "many"), "0");
  EXPECT_LE(inspect(pid).open_requests, 16u);
}

TEST_F(Hostile, PollsReceiveForEver) {
  SpawnSpec spec;
  spec.limits.fuel_per_call = 2'000'000;
  auto pid = spawn("kernel_hostile", spec).pid;
  auto bystander = spawn("kernel_mailbox").pid;
  auto& polling = send(message_for(pid, "poll_forever"));
  EXPECT_EQ(ask(bystander, "echo", "x"), "x");
  ASSERT_TRUE(world->run_until([&] { return polling.has_value(); }, 100s));
  EXPECT_EQ(polling->error(), (Error{ErrorCode::trapped, "out of fuel"}));
}

TEST_F(Hostile, HostCallsFromTheEndOfTheStack) {
  SpawnSpec spec;
  spec.limits.open_requests = 1'000'000;
  spec.limits.queue_bytes = 1ull << 30;
  auto pid = spawn("kernel_hostile", spec).pid;
  auto outcome = request(message_for(pid, "deep"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::trapped) << to_string(outcome.error());
  EXPECT_NE(outcome.error().message.find("stack"), std::string::npos) << outcome.error().message;
  EXPECT_GT(inspect(pid).fuel_used, 10'000u);
  EXPECT_EQ(ask(pid, "pointers"), "0") << "and the node goes on";
}

TEST_F(Hostile, OnMethodsToo) {
  // The same calls when the message is a call with a stream.
  auto pid = spawn("kernel_hostile").pid;
  for (const char* method : {"pointers", "records"}) EXPECT_EQ(call(pid, method, "input").output, "0") << method;
}

}  // namespace
}  // namespace myelin::kernel::testing
