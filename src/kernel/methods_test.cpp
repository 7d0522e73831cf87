// Method processes and commands: what a message does to the process, and what its caller is told.
#include "kernel/kernel_testing.hpp"

namespace myelin::kernel::testing {
namespace {

constexpr int no_such_process = 4, no_such_method = 5, cancelled = 9, trapped = 10, guest_failed = 11, stopping = 15,
              timeout_code = 17;

class Methods : public KernelTest {};

TEST_F(Methods, EchoesWhatItIsGiven) {
  auto pid = spawn("kernel_methods").pid;
  auto end = call(pid, "echo", "Hello, Wetware!");
  EXPECT_TRUE(end.result) << to_string(end.result.error());
  EXPECT_EQ(end.output, "Hello, Wetware!");
  EXPECT_FALSE(end.output_error);
  EXPECT_EQ(call(pid, "echo", "").output, "");
}

TEST_F(Methods, StreamsMoreThanAnyBufferHolds) {
  auto pid = spawn("kernel_methods").pid;
  std::string input(5'000'000, 'a');
  for (std::size_t i = 0; i < input.size(); i += 997) input[i] = static_cast<char>('a' + i % 26);
  auto end = call(pid, "echo", input);
  EXPECT_TRUE(end.result);
  EXPECT_TRUE(end.output == input);
}

TEST_F(Methods, KeepsItsStateBetweenCalls) {
  auto pid = spawn("kernel_methods").pid;
  EXPECT_EQ(call(pid, "count").output, "1");
  EXPECT_EQ(call(pid, "count").output, "2");
  EXPECT_EQ(inspect(pid).state, ProcessState::ready);
  EXPECT_EQ(inspect(pid).calls, 2u);
}

TEST_F(Methods, DescribesItself) {
  SpawnSpec spec;
  spec.name = "worker";
  spec.arguments = {"one", "two"};
  auto info = spawn("kernel_methods", spec);
  EXPECT_EQ(info.kind, ProcessKind::method);
  EXPECT_EQ(info.state, ProcessState::ready);
  EXPECT_EQ(info.name, "worker");
  EXPECT_NE(std::find(info.methods.begin(), info.methods.end(), "echo"), info.methods.end());
  for (const char* hidden : {"malloc", "cabi_realloc", "add", "_initialize", "memory"})
    EXPECT_EQ(std::find(info.methods.begin(), info.methods.end(), hidden), info.methods.end()) << hidden;
  EXPECT_GT(info.memory_bytes, 0u);
  EXPECT_EQ(call("worker", "count").output, "1");
  EXPECT_EQ(run(kernel().list(*loop)).size(), 1u);
}

TEST_F(Methods, UnknownProcessAndMethodAreDifferentErrors) {
  auto pid = spawn("kernel_methods").pid;
  EXPECT_EQ(code(call(pid, "nothing")), no_such_method);
  EXPECT_EQ(code(call(Pid{}, "echo")), no_such_process);
  EXPECT_EQ(code(call("nobody", "echo")), no_such_process);
  EXPECT_EQ(call(pid, "count").output, "1");
}

TEST_F(Methods, WhatIsNoMethodCannotBeReached) {
  auto pid = spawn("kernel_methods").pid;
  for (const char* name : {"_start", "_initialize", "malloc", "cabi_realloc", "add", "memory", ""})
    EXPECT_EQ(code(call(pid, name)), no_such_method) << name;
}

TEST_F(Methods, ATrapEndsTheCallAndThePolicyRestarts) {
  auto pid = spawn("kernel_methods").pid;
  EXPECT_EQ(call(pid, "count").output, "1");
  auto end = call(pid, "crash");
  EXPECT_EQ(code(end), trapped);
  EXPECT_NE(end.result.error().message.find("unreachable"), std::string::npos) << end.result.error().message;
  EXPECT_EQ(inspect(pid).state, ProcessState::backoff);
  EXPECT_EQ(call(pid, "count").output, "1") << "memory is new";
  auto info = inspect(pid);
  EXPECT_EQ(info.restarts, 1u);
  EXPECT_EQ(info.failures, 1u);
  EXPECT_NE(info.last_error.find("trapped"), std::string::npos);
}

TEST_F(Methods, OutputBeforeATrapArrivesAndIsMarkedAsCutOff) {
  auto pid = spawn("kernel_methods").pid;
  auto end = call(pid, "half");
  EXPECT_EQ(code(end), trapped);
  EXPECT_EQ(end.output, "half");
  ASSERT_TRUE(end.output_error);
  EXPECT_EQ(end.output_error->code, ErrorCode::trapped);
}

TEST_F(Methods, ExitZeroIsSuccessAndAFreshStart) {
  auto pid = spawn("kernel_methods", restarting(RestartPolicy::never)).pid;
  EXPECT_EQ(call(pid, "count").output, "1");
  auto end = call(pid, "exit0");
  EXPECT_TRUE(end.result);
  EXPECT_EQ(end.output, "done");
  EXPECT_EQ(call(pid, "count").output, "1");
  EXPECT_EQ(inspect(pid).restarts, 0u);
}

TEST_F(Methods, AnExitCodeIsTold) {
  auto pid = spawn("kernel_methods").pid;
  auto end = call(pid, "exit3");
  EXPECT_EQ(code(end), guest_failed);
  EXPECT_EQ(end.result.error().detail, 3u);
  EXPECT_EQ(call(pid, "count").output, "1");
}

TEST_F(Methods, NeverRestartsMeansNever) {
  auto pid = spawn("kernel_methods", restarting(RestartPolicy::never)).pid;
  auto& first = start(pid, "crash");
  auto& queued = start(pid, "count");
  EXPECT_EQ(code(finish(first)), trapped);
  EXPECT_EQ(code(finish(queued)), no_such_process);
  EXPECT_EQ(inspect(pid).state, ProcessState::exited);
  EXPECT_EQ(code(call(pid, "count")), no_such_process);
}

TEST_F(Methods, TheQueueOutlivesARestart) {
  auto pid = spawn("kernel_methods").pid;
  auto& crash = start(pid, "crash");
  auto& first = start(pid, "count");
  auto& second = start(pid, "count");
  EXPECT_EQ(code(finish(crash)), trapped);
  EXPECT_EQ(finish(first).output, "1");
  EXPECT_EQ(finish(second).output, "2");
}

TEST_F(Methods, BackoffDoubles) {
  auto pid = spawn("kernel_methods").pid;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(code(call(pid, "crash")), trapped);
    Instant down = world->now();
    ASSERT_EQ(call(pid, "count").output, "1");
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(world->now() - down).count());
  }
  EXPECT_NEAR(static_cast<double>(waits[0]), 100, 10);
  EXPECT_NEAR(static_cast<double>(waits[1]), 200, 10);
  EXPECT_NEAR(static_cast<double>(waits[2]), 400, 10);
  EXPECT_NEAR(static_cast<double>(waits[3]), 800, 10);
  world->run_for(40s);
  ASSERT_EQ(code(call(pid, "crash")), trapped);
  Instant down = world->now();
  call(pid, "count");
  EXPECT_LT(world->now() - down, 150ms) << "up for long, it begins anew";
}

TEST_F(Methods, CallsOfOneProcessRunInOrder) {
  auto pid = spawn("kernel_methods").pid;
  std::vector<WatchedCall*> all;
  for (int i = 0; i < 20; ++i) all.push_back(&start(pid, "count"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(finish(*all[static_cast<std::size_t>(i)]).output, std::to_string(i + 1));
}

TEST_F(Methods, ProcessesOverlap) {
  auto slow = spawn("kernel_methods").pid;
  auto quick = spawn("kernel_methods").pid;
  auto& waiting = start(slow, "echo", "never ended", false);
  auto& working = start(slow, "count");
  EXPECT_EQ(call(quick, "count").output, "1");
  EXPECT_FALSE(waiting.ended());
  EXPECT_FALSE(working.ended());
  waiting.call->input().close();
  EXPECT_EQ(finish(waiting).output, "never ended");
  EXPECT_EQ(finish(working).output, "1");
}

TEST_F(Methods, ASpinnerDelaysOthersByItsSlicesOnly) {
  auto spinner = spawn("kernel_methods").pid;
  auto other = spawn("kernel_methods").pid;
  auto& spinning = start(spinner, "spin");
  world->run_for(10ms);
  Instant begun = world->now();
  EXPECT_EQ(call(other, "count").output, "1");
  EXPECT_LT(world->now() - begun, 5ms);
  EXPECT_FALSE(spinning.ended());
  EXPECT_TRUE(run(kernel().signal(*loop, spinner, Signal::kill)));
  auto end = finish(spinning);
  EXPECT_EQ(code(end), stopping);
  EXPECT_EQ(inspect(spinner).state, ProcessState::exited);
}

TEST_F(Methods, CountsFuel) {
  auto pid = spawn("kernel_methods").pid;
  EXPECT_EQ(call(pid, "work").output, "worked");
  auto used = inspect(pid).fuel_used;
  EXPECT_GT(used, 3'000'000u);
  EXPECT_LT(used, 100'000'000u);
  EXPECT_GE(metrics().fuel, used);
}

TEST_F(Methods, OutOfFuel) {
  SpawnSpec spec;
  spec.limits.fuel_per_call = 5'000'000;
  auto pid = spawn("kernel_methods", spec).pid;
  auto end = call(pid, "spin");
  EXPECT_EQ(code(end), trapped);
  EXPECT_EQ(end.result.error().message, "out of fuel");
  EXPECT_EQ(call(pid, "count").output, "1");
}

TEST_F(Methods, OutOfWallTime) {
  SpawnSpec spec;
  spec.limits.wall_per_call = 2s;
  spec.restart = RestartPolicy::never;
  auto pid = spawn("kernel_methods", spec).pid;
  auto& waiting = start(pid, "echo", "x", false);
  Instant begun = world->now();
  EXPECT_EQ(code(finish(waiting)), timeout_code);
  EXPECT_GE(world->now() - begun, 2s);
  EXPECT_LT(world->now() - begun, 3s);
  EXPECT_EQ(call(pid, "count").output, "1") << "callers cannot use the policy up";
}

TEST_F(Methods, OutputOverItsLimit) {
  SpawnSpec spec;
  spec.limits.output_bytes_per_call = 100'000;
  auto pid = spawn("kernel_methods", spec).pid;
  auto end = call(pid, "flood");
  EXPECT_EQ(code(end), trapped);
  EXPECT_EQ(end.result.error().message, "the output is over its limit");
  EXPECT_EQ(end.output.size(), 100'000u);
  EXPECT_EQ(call(pid, "count").output, "1");
}

TEST_F(Methods, DeadlineWhileRunning) {
  auto pid = spawn("kernel_methods", restarting(RestartPolicy::never)).pid;
  auto& count = start(pid, "count");
  EXPECT_EQ(finish(count).output, "1");
  auto spec = spec_for(pid, "spin");
  spec.deadline = world->now() + 500ms;
  Instant begun = world->now();
  EXPECT_EQ(code(call(std::move(spec))), timeout_code);
  EXPECT_LT(world->now() - begun, 510ms);
  EXPECT_EQ(call(pid, "count").output, "1") << "started afresh, whatever the policy";
  EXPECT_EQ(inspect(pid).restarts, 0u);
}

TEST_F(Methods, DeadlineWhileQueued) {
  auto pid = spawn("kernel_methods").pid;
  start(pid, "echo", "", false);
  auto spec = spec_for(pid, "count");
  spec.deadline = world->now() + 300ms;
  EXPECT_EQ(code(call(std::move(spec))), timeout_code);
  auto late = spec_for(pid, "count");
  late.deadline = world->now();
  EXPECT_EQ(code(call(std::move(late))), timeout_code);
  EXPECT_EQ(inspect(pid).queued_messages, 0u);
}

TEST_F(Methods, ACallerThatLeavesIsNoticed) {
  auto pid = spawn("kernel_methods").pid;
  auto& watched = start(pid, "echo", "some", false);
  world->run_for(10ms);
  watched.call->cancel();
  EXPECT_EQ(code(finish(watched)), cancelled);
  EXPECT_EQ(call(pid, "count").output, "1");
  EXPECT_EQ(inspect(pid).restarts, 0u);
  EXPECT_EQ(inspect(pid).failures, 0u) << "echo ended by itself in its grace";
}

TEST_F(Methods, AStubbornCalleeIsAbortedAfterItsGrace) {
  EXPECT_EQ(config.leave_grace, 1s);
  config.leave_grace = 100ms;  // the guest spins all the while
  config.slice_time = 1ms;
  for (auto policy : {RestartPolicy::never, RestartPolicy::on_failure, RestartPolicy::always}) {
    SpawnSpec spec;
    spec.restart = policy;
    auto pid = spawn("kernel_methods", spec).pid;
    EXPECT_EQ(call(pid, "count").output, "1");
    auto& watched = start(pid, "stubborn", "x", false);
    auto& next = start(pid, "count");
    world->run_for(10ms);
    watched.call->cancel();
    world->run_for(90ms);
    EXPECT_FALSE(next.ended()) << "it has its grace";
    world->run_for(20ms);
    EXPECT_TRUE(next.ended()) << name(policy);
    EXPECT_EQ(finish(next).output, "1") << "fresh at once";
    EXPECT_EQ(inspect(pid).restarts, 0u);
  }
}

TEST_F(Methods, WhatAGuestDoesBecauseItsCallerLeftDoesNotCount) {
  auto pid = spawn("kernel_methods", restarting(RestartPolicy::never)).pid;
  // Writes until EPIPE, then ends with an exit code.
  auto spec = spec_for(pid, "flood");
  auto left = kernel().call(*loop, std::move(spec));
  world->run_for(50ms);
  left.reset();
  world->run_for(100ms);
  EXPECT_EQ(call(pid, "count").output, "1");
}

TEST_F(Methods, ALeavingCallerIsReadAsCancelled) {
  auto pid = spawn("kernel_methods").pid;
  auto& watched = start(pid, "drain", "abc", false);
  world->run_for(10ms);
  watched.call->input().fail(Error{ErrorCode::cancelled, "gone"});
  EXPECT_EQ(finish(watched).output, "3 11") << "ECANCELED";
}

TEST_F(Methods, LeavingTheQueueFreesItsPlace) {
  auto pid = spawn("kernel_methods").pid;
  auto& running = start(pid, "echo", "", false);
  auto& queued = start(pid, "count");
  world->run_for(10ms);
  EXPECT_EQ(inspect(pid).queued_messages, 1u);
  queued.call->cancel();
  world->run_for(10ms);
  EXPECT_EQ(inspect(pid).queued_messages, 0u);
  running.call->input().close();
  finish(running);
  EXPECT_EQ(call(pid, "count").output, "1") << "the one that left never ran";
}

TEST_F(Methods, DescriptorsKeptBeyondTheCallLeadNowhere) {
  auto pid = spawn("kernel_methods").pid;
  EXPECT_TRUE(call(pid, "keep_output").result);
  EXPECT_EQ(call(pid, "write_kept").output, "64") << "EPIPE";
  EXPECT_TRUE(call(pid, "keep_input", "unread").result);
  EXPECT_EQ(call(pid, "read_kept").output, "0 0") << "the end";
}

TEST_F(Methods, TellsWhoCalls) {
  SpawnSpec named;
  named.name = "teller";
  auto pid = spawn("kernel_methods", named).pid;
  auto spec = spec_for(pid, "whoami");
  spec.path = "/ww/0.1.0/somebody/teller/whoami";
  spec.mime = "text/plain";
  spec.correlation = "r-17";
  spec.deadline = world->now() + 5s;
  spec.principal = Principal{Principal::Kind::token, {}, {}};
  auto end = call(std::move(spec));
  ASSERT_TRUE(end.result) << to_string(end.result.error());
  EXPECT_EQ(end.output.substr(0, end.output.find("deadline_ms")),
            "protocol=ww/0.1.0\nnode=" + peer(1).to_string() + "\npid=" + pid.to_string() +
                "\nname=teller\nmethod=whoami\npath=/ww/0.1.0/somebody/teller/whoami\ncaller=token\n"
                "correlation=r-17\nmime=text/plain\n");
  int left = std::stoi(end.output.substr(end.output.find("deadline_ms=") + 12));
  EXPECT_GT(left, 4900);
  EXPECT_LE(left, 5000);
}

TEST_F(Methods, SeesItsArgumentsAndEnvironment) {
  SpawnSpec spec;
  spec.arguments = {"one", "two words"};
  spec.environment = {{"KEY", "value=with equals"}};
  auto pid = spawn("kernel_methods", spec).pid;
  EXPECT_EQ(call(pid, "environment").output, "one\ntwo words\nKEY=value=with equals\n");
}

TEST_F(Methods, MemoryEndsAtItsLimit) {
  SpawnSpec spec;
  spec.limits.memory_pages = 100;
  auto pid = spawn("kernel_methods", spec).pid;
  auto end = call(pid, "grow");
  ASSERT_TRUE(end.result) << to_string(end.result.error());
  EXPECT_LE(std::stoi(end.output), 100);
  EXPECT_GT(std::stoi(end.output), 84);
}

TEST_F(Methods, EndlessRecursionIsATrap) {
  auto pid = spawn("kernel_methods").pid;
  auto bystander = spawn("kernel_methods").pid;
  auto end = call(pid, "recurse");
  EXPECT_EQ(code(end), trapped);
  EXPECT_FALSE(end.result.error().message.empty());
  EXPECT_EQ(call(bystander, "count").output, "1");
  EXPECT_EQ(call(pid, "count").output, "1");
}

TEST_F(Methods, ARequestGetsTheOutputAsBodyOrPayload) {
  auto pid = spawn("kernel_methods").pid;
  EXPECT_EQ(ask(pid, "echo", "a body"), "a body");
  auto message = message_for(pid, "echo", "ignored");
  message.payload.bytes = Rope(Buffer::copy_of("a payload"));
  auto outcome = request(std::move(message));
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->body.empty());
  ASSERT_TRUE(std::holds_alternative<Rope>(outcome->payload.bytes));
  EXPECT_EQ(to_text(std::get<Rope>(outcome->payload.bytes).flatten().view()), "a payload");
  EXPECT_EQ(outcome->payload.size, 9u);
}

TEST_F(Methods, AMethodMayAskAnotherProcess) {
  auto answering = spawn("kernel_mailbox").pid;
  auto asking = spawn("kernel_methods").pid;
  EXPECT_EQ(call(asking, "ask", answering.to_string()).output, "3 from a method");
  EXPECT_EQ(call(asking, "ask", "nobody").output, "4 from a method") << "an error gives the body back";
}

TEST_F(Methods, CommandsAreFreshForEveryMessage) {
  auto info = spawn("kernel_words_command");
  EXPECT_EQ(info.kind, ProcessKind::command);
  EXPECT_EQ(info.methods, std::vector<std::string>{"run"});
  EXPECT_EQ(call(info.pid, "run", "in").output, "in1");
  EXPECT_EQ(call(info.pid, "", "again").output, "again1");
  EXPECT_EQ(code(call(info.pid, "_start")), no_such_method);
  EXPECT_EQ(inspect(info.pid).state, ProcessState::ready);
}

TEST_F(Methods, ACommandsExitCodeIsItsCallersAlone) {
  SpawnSpec spec;
  spec.arguments = {"7"};
  spec.restart = RestartPolicy::never;
  auto pid = spawn("kernel_words_command", spec).pid;
  for (int i = 0; i < 3; ++i) {
    auto end = call(pid, "run");
    EXPECT_EQ(code(end), guest_failed);
    EXPECT_EQ(end.result.error().detail, 7u);
    EXPECT_EQ(end.output, "7\n1");
  }
  EXPECT_EQ(inspect(pid).failures, 3u);
}

}  // namespace
}  // namespace myelin::kernel::testing
