// Processes for one message: how they end, and that nothing of them is left.
#include "kernel/kernel_testing.hpp"

namespace myelin::kernel::testing {
namespace {

class Once : public KernelTest {
 protected:
  OnceSpec spec(const std::string& stem, std::string method, std::string input = {}) {
    auto loaded = run(kernel().load(*loop, guest(stem)));
    EXPECT_TRUE(loaded);
    OnceSpec made;
    made.spec.loaded = *loaded;
    made.method = std::move(method);
    made.input = Buffer::copy_of(input);
    made.principal = operator_principal();
    return made;
  }
  std::optional<Outcome>& begin(OnceSpec once) {
    auto& out = outcomes.emplace_back();
    kernel().run_once(*loop, std::move(once), [&out](Outcome outcome) { out.emplace(std::move(outcome)); });
    return out;
  }
  Outcome once(OnceSpec made) {
    auto& out = begin(std::move(made));
    EXPECT_FALSE(out) << "not before a later turn";
    EXPECT_TRUE(world->run_until([&] { return out.has_value(); }, 3600s));
    return out ? std::move(*out) : Outcome(fail(ErrorCode::io, "no outcome"));
  }
  std::size_t processes() { return run(kernel().list(*loop)).size(); }
  static std::string text(const Outcome& outcome) {
    return outcome ? to_text(outcome->body.view()) : to_string(outcome.error());
  }
  static int code(const Outcome& outcome) { return outcome ? 0 : static_cast<int>(outcome.error().code); }
};

TEST_F(Once, AnswersAndIsGone) {
  EXPECT_EQ(text(once(spec("kernel_methods", "echo", "hello"))), "hello");
  EXPECT_EQ(text(once(spec("kernel_mailbox", "echo", "hello"))), "hello");
  EXPECT_EQ(text(once(spec("kernel_words_command", "run", "a b"))).substr(0, 5).empty(), false);
  EXPECT_EQ(processes(), 0u);
  auto seen = metrics();
  EXPECT_EQ(seen.spawned, 3u);
  EXPECT_EQ(seen.ended, 3u);
  EXPECT_EQ(seen.processes, 0u);
}

TEST_F(Once, EachHasAnInstanceOfItsOwn) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(text(once(spec("kernel_mailbox", "seen"))), "1");
}

TEST_F(Once, ItsFailureIsTheOutcome) {
  EXPECT_EQ(code(once(spec("kernel_methods", "crash"))), 10);
  EXPECT_EQ(code(once(spec("kernel_methods", "nothing_of_that_name"))), 5);
  EXPECT_EQ(code(once(spec("kernel_bad_start", "go"))), 10) << "why it did not start";
  EXPECT_EQ(processes(), 0u);
}

TEST_F(Once, TheDeadlineAndTheLimitsHold) {
  config.slice_time = 1ms;
  auto late = spec("kernel_mailbox", "hold");
  late.deadline = world->now() + 50ms;
  EXPECT_EQ(code(once(std::move(late))), 17);
  auto burning = spec("kernel_mailbox", "spin");
  burning.spec.limits.fuel_per_call = 1'000'000;
  EXPECT_EQ(code(once(std::move(burning))), 10);
  auto wrong = spec("kernel_methods", "echo");
  wrong.spec.limits.memory_pages = 0;
  EXPECT_EQ(code(once(std::move(wrong))), 1);
  EXPECT_EQ(processes(), 0u);
}

TEST_F(Once, ManyAtOnceUpToTheMostProcesses) {
  config.max_processes = 4;
  std::vector<std::optional<Outcome>*> all;
  auto held = spec("kernel_mailbox", "echo", "x");
  for (int i = 0; i < 6; ++i) {
    OnceSpec made;
    made.spec.loaded = held.spec.loaded;
    made.method = held.method;
    made.input = held.input;
    made.principal = held.principal;
    all.push_back(&begin(std::move(made)));
  }
  ASSERT_TRUE(
      world->run_until([&] { return std::ranges::all_of(all, [](auto* each) { return each->has_value(); }); }, 60s));
  int answered = 0;
  for (auto* each : all) answered += code(**each) == 0 ? 1 : 0;
  EXPECT_EQ(answered, 4);
  EXPECT_EQ(code(**all[5]), 16) << "limit";
  EXPECT_EQ(processes(), 0u);
}

TEST_F(Once, AStoppingNodeEndsThem) {
  auto& held = begin(spec("kernel_mailbox", "hold"));
  world->run_for(10ms);
  EXPECT_FALSE(held);
  run(kernel().stop(*loop));
  world->run_for(10ms);
  ASSERT_TRUE(held);
  EXPECT_EQ(code(*held), 15);
}

}  // namespace
}  // namespace myelin::kernel::testing
