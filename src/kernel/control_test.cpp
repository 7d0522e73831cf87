// What operators do: spawn, names, signals, logs, wait, remove, drain, stop; and what is refused.
#include "kernel/kernel_testing.hpp"

namespace myelin::kernel::testing {
namespace {

constexpr int no_such_process = 4, mailbox_full = 8, trapped = 10, stopping = 15, limit_code = 16, timeout_code = 17;

class Control : public KernelTest {
 protected:
  ErrorCode spawn_error(const std::string& stem, SpawnSpec spec = {}) {
    auto info = try_spawn(stem, std::move(spec));
    EXPECT_FALSE(info);
    return info ? ErrorCode::io : info.error().code;
  }
  static SpawnSpec named(std::string name, bool replace = false) {
    SpawnSpec spec;
    spec.name = std::move(name);
    spec.replace = replace;
    return spec;
  }
};

TEST_F(Control, BadModulesAreRefused) {
  EXPECT_EQ(spawn_error("kernel_nothing"), ErrorCode::invalid_module);
  EXPECT_EQ(spawn_error("kernel_bad_start"), ErrorCode::trapped);
  EXPECT_EQ(run(kernel().spawn(*loop, SpawnSpec{})).error().code, ErrorCode::invalid_module);
  SpawnSpec garbage;
  garbage.module = Buffer::copy_of("this is no module");
  EXPECT_EQ(run(kernel().spawn(*loop, garbage)).error().code, ErrorCode::invalid_module);
  EXPECT_TRUE(run(kernel().list(*loop)).empty()) << "nothing is left of them";
  EXPECT_EQ(metrics().spawned, 0u);
}

TEST_F(Control, AStartThatNeverEndsIsStopped) {
  config.slice_time = 50ms;  // a slice is worth more virtual time: the start limit is 30 s
  EXPECT_EQ(spawn_error("kernel_endless_start"), ErrorCode::timeout);
  EXPECT_TRUE(run(kernel().list(*loop)).empty());
}

TEST_F(Control, InitializeRunsOncePerInstance) {
  auto pid = spawn("kernel_once").pid;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call(pid, "go").result);
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::restart)));
  EXPECT_TRUE(call(pid, "go").result);
}

TEST_F(Control, BadSpecsAreRefused) {
  for (const char* bad : {"Upper", "-x", "a b", "3xRb", "name/with"})
    EXPECT_EQ(spawn_error("kernel_methods", named(bad)), ErrorCode::bad_request) << bad;
  SpawnSpec zero;
  zero.arguments = {std::string("a\0b", 3)};
  EXPECT_EQ(spawn_error("kernel_methods", zero), ErrorCode::bad_request);
  SpawnSpec variable;
  variable.environment = {{"A=B", "c"}};
  EXPECT_EQ(spawn_error("kernel_methods", variable), ErrorCode::bad_request);
  SpawnSpec queue;
  queue.limits.queue_messages = 0;
  EXPECT_EQ(spawn_error("kernel_methods", queue), ErrorCode::bad_request);
  SpawnSpec memory;
  memory.limits.memory_pages = 1;
  EXPECT_EQ(spawn_error("kernel_mailbox", memory), ErrorCode::limit) << "its minimum does not fit";
}

TEST_F(Control, NamesAreUnique) {
  auto first = spawn("kernel_methods", named("worker"));
  EXPECT_EQ(spawn_error("kernel_methods", named("worker")), ErrorCode::conflict);
  EXPECT_EQ(call("worker", "count").output, "1");
  auto second = spawn("kernel_methods", named("worker", true));
  EXPECT_NE(first.pid, second.pid);
  EXPECT_EQ(call("worker", "count").output, "1") << "the new one";
  EXPECT_EQ(code(call(first.pid, "count")), no_such_process);
  EXPECT_EQ(run(kernel().list(*loop)).size(), 1u);
  EXPECT_TRUE(run(kernel().remove(*loop, second.pid)));
  EXPECT_EQ(code(call("worker", "count")), no_such_process);
  EXPECT_EQ(call(spawn("kernel_methods", named("worker")).pid, "count").output, "1");
}

TEST_F(Control, TwoSpawnsOfOneNameAtOnce) {
  std::optional<Result<ProcessInfo>> a, b;
  for (auto* out : {&a, &b}) {
    SpawnSpec spec = named("single");
    spec.module = guest("kernel_methods");
    scope->spawn(keep(kernel().spawn(*loop, spec), out));
  }
  ASSERT_TRUE(world->run_until([&] { return a && b; }, 100s));
  EXPECT_NE(a->has_value(), b->has_value());
  EXPECT_EQ((a->has_value() ? *b : *a).error().code, ErrorCode::conflict);
  EXPECT_EQ(run(kernel().list(*loop)).size(), 1u);
}

TEST_F(Control, AFailedReplacementLeavesTheOldOne) {
  spawn("kernel_methods", named("keeper"));
  EXPECT_EQ(spawn_error("kernel_bad_start", named("keeper", true)), ErrorCode::trapped);
  EXPECT_EQ(call("keeper", "count").output, "1");
}

TEST_F(Control, TheNodeHoldsItsMostProcesses) {
  config.max_processes = 2;
  auto first = spawn("kernel_methods");
  spawn("kernel_methods");
  EXPECT_EQ(spawn_error("kernel_methods"), ErrorCode::limit);
  EXPECT_TRUE(run(kernel().signal(*loop, first.pid, Signal::kill)));
  spawn("kernel_methods");
  auto back = run(kernel().signal(*loop, first.pid, Signal::restart));
  ASSERT_FALSE(back);
  EXPECT_EQ(code(back), limit_code) << "its place is taken";
}

TEST_F(Control, KillIsForGoodWhateverThePolicy) {
  auto pid = spawn("kernel_methods", restarting(RestartPolicy::always)).pid;
  auto& running = start(pid, "echo", "x", false);
  auto& queued = start(pid, "count");
  world->run_for(10ms);
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::kill)));
  EXPECT_EQ(code(finish(running)), stopping);
  EXPECT_EQ(code(finish(queued)), no_such_process);
  world->run_for(100s);
  EXPECT_EQ(inspect(pid).state, ProcessState::exited);
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::kill))) << "killing the dead is nothing";
  EXPECT_FALSE(run(kernel().signal(*loop, pid, Signal::stop)));
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::restart)));
  EXPECT_EQ(call(pid, "count").output, "1");
}

TEST_F(Control, StopKeepsTheQueueAndResumeGoesOn) {
  auto pid = spawn("kernel_methods").pid;
  EXPECT_EQ(call(pid, "count").output, "1");
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::stop)));
  EXPECT_EQ(inspect(pid).state, ProcessState::stopped);
  auto& waiting = start(pid, "count");
  world->run_for(10s);
  EXPECT_FALSE(waiting.ended());
  EXPECT_EQ(inspect(pid).queued_messages, 1u);
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::resume)));
  EXPECT_EQ(finish(waiting).output, "2") << "the same memory";
}

TEST_F(Control, StopInTheMiddleOfACall) {
  auto pid = spawn("kernel_methods").pid;
  auto& echo = start(pid, "echo", "before ", false);
  world->run_for(10ms);
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::stop)));
  scope->spawn(write_input(echo.call.get(), "after", true));
  world->run_for(1s);
  EXPECT_FALSE(echo.ended());
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::resume)));
  EXPECT_EQ(finish(echo).output, "before after");
  auto late = spec_for(pid, "count");
  late.deadline = world->now() + 1s;
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::stop)));
  EXPECT_EQ(code(call(std::move(late))), timeout_code) << "deadlines go on";
}

TEST_F(Control, RestartKeepsTheQueueAndIsNotCounted) {
  auto pid = spawn("kernel_methods").pid;
  auto& running = start(pid, "echo", "x", false);
  auto& queued = start(pid, "count");
  world->run_for(10ms);
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::restart)));
  EXPECT_EQ(code(finish(running)), stopping);
  EXPECT_EQ(finish(queued).output, "1");
  EXPECT_EQ(inspect(pid).restarts, 0u);
}

TEST_F(Control, SignalsReachNobodyElse) {
  EXPECT_EQ(code(run(kernel().signal(*loop, Pid{}, Signal::kill))), no_such_process);
  EXPECT_EQ(code(run(kernel().remove(*loop, Pid{}))), no_such_process);
  EXPECT_FALSE(run(kernel().inspect(*loop, "nobody")));
  EXPECT_FALSE(run(kernel().logs(*loop, Pid{}, 0, true)));
  EXPECT_FALSE(run(kernel().wait(*loop, Pid{})));
}

TEST_F(Control, LogsAreLinesOfTheGuest) {
  auto pid = spawn("kernel_methods").pid;
  call(pid, "chatter");
  auto lines = run(kernel().logs(*loop, pid, 0, false));
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 4u);
  EXPECT_EQ((*lines)[0].text, "first");
  EXPECT_EQ((*lines)[0].sequence, 1u);
  EXPECT_EQ((*lines)[1].text, "second");
  EXPECT_EQ((*lines)[2].text, "\\x1b[31mred\\xff");
  EXPECT_EQ((*lines)[3].text, "no feed");
  auto rest = run(kernel().logs(*loop, pid, 3, false));
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ((*rest)[0].sequence, 4u);
}

TEST_F(Control, LogsAreBounded) {
  auto pid = spawn("kernel_methods").pid;
  call(pid, "prattle");
  auto lines = run(kernel().logs(*loop, pid, 0, false));
  ASSERT_TRUE(lines);
  EXPECT_LE(lines->size(), limits::process_log_bytes / 1000);
  EXPECT_GT(lines->size(), 100u);
  EXPECT_EQ(lines->back().sequence, 2000u) << "the last are kept";
}

TEST_F(Control, LogsWaitForALine) {
  auto pid = spawn("kernel_methods").pid;
  using Lines = Result<std::vector<LogLine>>;
  std::optional<Lines> found, cut, gone;
  io::CancelSource cancel;
  scope->spawn(keep(kernel().logs(*loop, pid, 0, true), &found));
  world->run_for(1s);
  EXPECT_FALSE(found);
  call(pid, "chatter");
  world->run_for(10ms);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((**found)[0].text, "first");
  std::optional<Lines> last;
  scope->spawn(keep(kernel().logs(*loop, pid, 7, true), &last));
  call(pid, "chatter");
  world->run_for(10ms);
  ASSERT_TRUE(last && *last) << "a line without line feed is one when the call has ended";
  EXPECT_EQ((**last)[0].text, "no feed");
  scope->spawn(keep(kernel().logs(*loop, pid, 8, true, cancel.token()), &cut));
  scope->spawn(keep(kernel().logs(*loop, pid, 8, true), &gone));
  world->run_for(10ms);
  EXPECT_FALSE(cut);
  cancel.fire();
  world->run_for(10ms);
  ASSERT_TRUE(cut && *cut);
  EXPECT_TRUE((*cut)->empty());
  EXPECT_TRUE(run(kernel().remove(*loop, pid)));
  world->run_for(10ms);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->error().code, ErrorCode::no_such_process);
}

TEST_F(Control, WaitEndsWithTheProcess) {
  auto pid = spawn("kernel_mailbox").pid;
  std::optional<Result<ProcessInfo>> end, cut;
  io::CancelSource cancel;
  scope->spawn(keep(kernel().wait(*loop, pid), &end));
  scope->spawn(keep(kernel().wait(*loop, pid, cancel.token()), &cut));
  ask(pid, "trap");
  world->run_for(1s);
  EXPECT_FALSE(end) << "a restart is no end";
  cancel.fire();
  world->run_for(1ms);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->error().code, ErrorCode::cancelled);
  ask(pid, "return");
  ASSERT_TRUE(world->run_until([&] { return end.has_value(); }, 1s));
  EXPECT_EQ((*end)->state, ProcessState::exited);
  EXPECT_TRUE(run(kernel().wait(*loop, pid))) << "it has ended already";
}

TEST_F(Control, EndedProcessesAreForgottenOneDay) {
  auto first = spawn("kernel_methods").pid;
  EXPECT_TRUE(run(kernel().signal(*loop, first, Signal::kill)));
  for (int i = 0; i < 260; ++i) EXPECT_TRUE(run(kernel().signal(*loop, spawn("kernel_methods").pid, Signal::kill)));
  EXPECT_LE(run(kernel().list(*loop)).size(), 256u);
  EXPECT_FALSE(run(kernel().inspect(*loop, first)));
  EXPECT_EQ(metrics().ended, 261u);
}

TEST_F(Control, AccessListsDecideWhoIsAdmitted) {
  SpawnSpec friends;
  friends.access.peers = {peer(2)};
  SpawnSpec open;
  open.access.anyone = true;
  auto closed_pid = spawn("kernel_methods").pid, friends_pid = spawn("kernel_methods", friends).pid,
       open_pid = spawn("kernel_methods", open).pid;
  auto as = [&](const Pid& pid, Principal principal) {
    auto spec = spec_for(pid, "count");
    spec.principal = std::move(principal);
    return code(call(std::move(spec)));
  };
  using Kind = Principal::Kind;
  for (const Pid& pid : {closed_pid, friends_pid, open_pid})
    for (auto kind : {Kind::operator_, Kind::token, Kind::process}) EXPECT_EQ(as(pid, {kind, {}, {}}), 0);
  EXPECT_EQ(as(closed_pid, {Kind::anonymous, {}, {}}), 2);
  EXPECT_EQ(as(friends_pid, {Kind::anonymous, {}, {}}), 2);
  EXPECT_EQ(as(open_pid, {Kind::anonymous, {}, {}}), 0);
  EXPECT_EQ(as(closed_pid, {Kind::peer, {}, peer(2)}), 3);
  EXPECT_EQ(as(friends_pid, {Kind::peer, {}, peer(2)}), 0);
  EXPECT_EQ(as(friends_pid, {Kind::peer, {}, peer(3)}), 3);
  EXPECT_EQ(as(open_pid, {Kind::peer, {}, peer(3)}), 0);
  EXPECT_EQ(as(closed_pid, {Kind::peer, {}, {}}), 3);
}

TEST_F(Control, AFullMailboxRefusesCalls) {
  SpawnSpec spec;
  spec.limits.queue_messages = 2;
  auto pid = spawn("kernel_methods", spec).pid;
  auto& running = start(pid, "echo", "", false);
  world->run_for(1ms);
  auto& first = start(pid, "count");
  auto& second = start(pid, "count");
  EXPECT_EQ(code(call(pid, "count")), mailbox_full);
  running.call->input().close();
  EXPECT_EQ(finish(first).output, "1");
  EXPECT_EQ(finish(second).output, "2");
}

TEST_F(Control, DrainWaitsForWhatIsUnderWay) {
  auto pid = spawn("kernel_methods").pid;
  auto& running = start(pid, "echo", "last", false);
  bool drained = false;
  auto note = [](io::Task<void> task, bool* done) -> io::Task<void> {
    co_await std::move(task);
    *done = true;
  };
  world->run_for(1ms);
  scope->spawn(note(kernel().drain(*loop, world->now() + 60s), &drained));
  world->run_for(1s);
  EXPECT_FALSE(drained);
  EXPECT_EQ(code(call(pid, "count")), stopping);
  EXPECT_EQ(spawn_error("kernel_methods"), ErrorCode::stopping);
  running.call->input().close();
  EXPECT_EQ(finish(running).output, "last");
  world->run_for(100ms);
  EXPECT_TRUE(drained);
}

TEST_F(Control, DrainEndsAtItsDeadline) {
  auto pid = spawn("kernel_methods").pid;
  start(pid, "echo", "", false);
  world->run_for(1ms);
  Instant begun = world->now();
  run(kernel().drain(*loop, begun + 2s));
  EXPECT_GE(world->now() - begun, 2s);
  EXPECT_LT(world->now() - begun, 2100ms);
}

TEST_F(Control, StopEndsEverything) {
  auto pid = spawn("kernel_methods").pid;
  auto mailbox = spawn("kernel_mailbox").pid;
  auto& running = start(pid, "echo", "", false);
  auto& queued = start(pid, "count");
  auto& held = start(mailbox, "hold");
  std::optional<Result<ProcessInfo>> waiting;
  scope->spawn(keep(kernel().wait(*loop, pid), &waiting));
  world->run_for(10ms);
  run(kernel().stop(*loop));
  for (auto* each : {&running, &queued, &held}) EXPECT_EQ(code(finish(*each)), stopping);
  EXPECT_TRUE(waiting);
  EXPECT_EQ(code(call(pid, "count")), stopping);
  EXPECT_TRUE(run(kernel().list(*loop)).empty());
  kernel_.reset();
  calls.clear();
  world->run_for(100s);
}

TEST_F(Control, FiguresAddUp) {
  auto pid = spawn("kernel_methods").pid;
  call(pid, "count");
  call(pid, "crash");
  call(pid, "nothing");
  ask(pid, "count");
  auto all = metrics();
  EXPECT_EQ(all.calls, 2u);
  EXPECT_EQ(all.requests, 1u);
  EXPECT_EQ(all.outcomes_ok, 2u);
  EXPECT_EQ(all.outcomes_error[trapped], 1u);
  EXPECT_EQ(all.outcomes_error[5], 1u);
  EXPECT_EQ(all.spawned, 1u);
  EXPECT_EQ(all.traps, 1u);
  EXPECT_EQ(all.restarts, 1u);
  EXPECT_EQ(all.processes, 1u);
  EXPECT_EQ(all.queued_messages, 0u);
  EXPECT_EQ(all.queued_bytes, 0u);
  EXPECT_GT(all.fuel, 0u);
}

TEST_F(Control, ARequestIsRefusedForWhatItIs) {
  auto pid = spawn("kernel_mailbox").pid;
  auto response = message_for(pid, "echo");
  response.kind = Message::Kind::response;
  EXPECT_EQ(request(std::move(response)).error().code, ErrorCode::bad_request);
  EXPECT_EQ(request(message_for(pid, "echo", std::string(limits::message_body_bytes + 1, 'x'))).error().code,
            ErrorCode::too_large);
  auto elsewhere = message_for(pid, "echo");
  elsewhere.target.node = peer(9);
  EXPECT_EQ(request(std::move(elsewhere)).error().code, ErrorCode::offline);
  auto third = message_for(pid, "echo");
  third.target.node = peer(9);
  third.principal = Principal{Principal::Kind::peer, {}, peer(3)};
  EXPECT_EQ(request(std::move(third)).error().code, ErrorCode::forbidden);
}

}  // namespace
}  // namespace myelin::kernel::testing
