// Mailbox processes: receive, send, respond, payloads and events, as the guest ABI defines them.
#include "kernel/kernel_testing.hpp"

namespace myelin::kernel::testing {
namespace {

constexpr int forbidden = 3, no_such_process = 4, mailbox_full = 8, cancelled = 9, trapped = 10, guest_failed = 11,
              stopping = 15, timeout_code = 17;

class MailboxProcesses : public KernelTest {
 protected:
  Pid mailbox(SpawnSpec spec = {}) { return spawn("kernel_mailbox", std::move(spec)).pid; }
  static int code(const Outcome& outcome) { return outcome ? 0 : static_cast<int>(outcome.error().code); }
  static int code(const std::optional<Outcome>& outcome) { return outcome ? code(*outcome) : -1; }
};

TEST_F(MailboxProcesses, WaitsInReceive) {
  auto pid = mailbox();
  world->run_for(10ms);
  auto info = inspect(pid);
  EXPECT_EQ(info.kind, ProcessKind::mailbox);
  EXPECT_EQ(info.state, ProcessState::ready);
  auto fuel = info.fuel_used;
  world->run_for(60s);
  EXPECT_EQ(inspect(pid).fuel_used, fuel) << "waiting costs nothing";
}

TEST_F(MailboxProcesses, AnswersRequestsAndCalls) {
  auto pid = mailbox();
  EXPECT_EQ(ask(pid, "echo", "hello"), "hello");
  EXPECT_EQ(call(pid, "seen").output, "2") << "a call gets the body, as there is no payload";
  auto info = inspect(pid);
  EXPECT_EQ(info.queued_messages, 0u);
  EXPECT_EQ(info.queued_bytes, 0u);
}

TEST_F(MailboxProcesses, SeesWhatTheMessageIs) {
  auto pid = mailbox();
  auto message = message_for(pid, "describe");
  message.correlation = "c-1";
  message.metadata = Buffer::copy_of("meta");
  message.source.process = std::string("somebody");
  message.source.node = peer(2);
  message.principal = Principal{Principal::Kind::token, {}, {}};
  auto outcome = request(std::move(message));
  ASSERT_TRUE(outcome) << to_string(outcome.error());
  EXPECT_EQ(to_text(outcome->body.view()), "1 1 caller=token source=" + peer(2).to_string() +
                                               "/somebody method=describe correlation=c-1 metadata=meta");
  EXPECT_EQ(outcome->source.process, (std::variant<Pid, std::string>(pid)));
  EXPECT_EQ(outcome->id, 7u);
  // A call: wants a response, has a payload, which is a stream.
  EXPECT_EQ(call(pid, "describe").output.substr(0, 5), "2 11 ");
}

TEST_F(MailboxProcesses, RefusesInItsOwnWords) {
  auto pid = mailbox();
  auto end = call(pid, "refuse");
  EXPECT_EQ(KernelTest::code(end), forbidden);
  EXPECT_EQ(end.result.error().message, "not you");
  auto seven = call(pid, "refuse7");
  EXPECT_EQ(KernelTest::code(seven), guest_failed);
  EXPECT_EQ(seven.result.error().detail, 7u);
  EXPECT_EQ(inspect(pid).failures, 0u) << "a refusal is no failure of the process";
}

TEST_F(MailboxProcesses, ForwardsAndGetsItsContextBack) {
  auto back = mailbox();
  auto front = mailbox();
  EXPECT_EQ(ask(front, "forward", back.to_string() + " echo some words"), "response some words");
  EXPECT_EQ(ask(front, "forward", back.to_string() + " refuse x"), "error 3 0 x not you");
  EXPECT_EQ(ask(front, "forward", back.to_string() + " refuse7 x").substr(0, 13), "error 11 7 x ");
  EXPECT_EQ(ask(front, "forward", "nobody echo x").substr(0, 10), "error 4 0 ");
  EXPECT_EQ(ask(front, "forward", "Not,an/address echo x").substr(0, 10), "error 1 0 ");
  EXPECT_EQ(inspect(front).open_requests, 0u);
}

TEST_F(MailboxProcesses, OwnNodeByItsPeerIdIsHere) {
  SpawnSpec named;
  named.name = "back";
  mailbox(named);
  auto front = mailbox();
  EXPECT_EQ(ask(front, "forward", peer(1).to_string() + "/back echo x"), "response x");
  EXPECT_EQ(ask(front, "forward", peer(2).to_string() + "/back echo x").substr(0, 11), "error 13 0 ") << "offline";
}

TEST_F(MailboxProcesses, AsksItselfWithoutDeadlock) {
  auto pid = mailbox();
  EXPECT_EQ(ask(pid, "forward", pid.to_string() + " echo x"), "response x");
}

TEST_F(MailboxProcesses, AsksAMethodProcess) {
  auto methods = spawn("kernel_methods").pid;
  auto front = mailbox();
  EXPECT_EQ(ask(front, "forward", methods.to_string() + " echo bytes"), "response bytes");
  EXPECT_EQ(ask(front, "forward", methods.to_string() + " nothing x").substr(0, 10), "error 5 0 ");
  EXPECT_EQ(ask(front, "forward", methods.to_string() + " exit3 x").substr(0, 11), "error 11 3 ");
  EXPECT_EQ(ask(front, "forward", methods.to_string() + " crash x").substr(0, 11), "error 10 0 ");
}

TEST_F(MailboxProcesses, OneWayEndsWhenAccepted) {
  auto back = mailbox();
  auto front = mailbox();
  EXPECT_EQ(ask(front, "one_way", back.to_string() + " hold x"), "response ") << "told that it was accepted";
  EXPECT_EQ(ask(front, "one_way", "nobody hold x").substr(0, 10), "error 4 0 ");
  auto message = message_for(back, "hold");
  message.wants_response = false;
  EXPECT_TRUE(request(std::move(message)));
  EXPECT_EQ(ask(back, "seen"), "3");
  EXPECT_EQ(inspect(back).queued_messages, 0u);
}

TEST_F(MailboxProcesses, PayloadsPassWithoutBeingRead) {
  auto back = mailbox();
  auto front = mailbox();
  auto message = message_for(front, "forward_payload", back.to_string() + " double x");
  message.payload.bytes = Rope(Buffer::copy_of(std::string(100'000, 'p')));
  message.payload.mime = "text/plain";
  auto outcome = request(std::move(message));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(to_text(outcome->body.view()), "response ");
}

TEST_F(MailboxProcesses, ReadsAndWritesPayloads) {
  auto pid = mailbox();
  auto message = message_for(pid, "double");
  message.payload.bytes = Rope(Buffer::copy_of(std::string(100'000, 'p')));
  auto outcome = request(std::move(message));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->payload.mime, "text/doubled");
  EXPECT_EQ(std::get<Rope>(outcome->payload.bytes).size(), 200'000u);
}

TEST_F(MailboxProcesses, StreamsACall) {
  auto pid = mailbox();
  auto end = call(pid, "double", std::string(3'000'000, 's'));
  EXPECT_TRUE(end.result);
  EXPECT_EQ(end.output.size(), 6'000'000u);
  EXPECT_EQ(end.mime, "text/doubled");
}

TEST_F(MailboxProcesses, AnswersWithADraft) {
  auto pid = mailbox();
  auto end = call(pid, "draft");
  EXPECT_TRUE(end.result);
  EXPECT_TRUE(end.output == std::string(1 << 20, 'd')) << end.output.size();
  EXPECT_EQ(end.mime, "text/draft");
  auto outcome = request(message_for(pid, "draft"));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->payload.size, 1u << 20);
}

TEST_F(MailboxProcesses, ASlowReaderOfAnAnswerHoldsNobodyUp) {
  auto pid = mailbox();
  auto slow = kernel().call(*loop, spec_for(pid, "draft"));
  world->run_for(100ms);
  EXPECT_EQ(ask(pid, "echo", "x"), "x");
  EXPECT_GT(slow->output().available(), 0u);
  slow.reset();
  world->run_for(10ms);
  EXPECT_EQ(ask(pid, "seen"), "3");
}

TEST_F(MailboxProcesses, ReadsWithoutWaiting) {
  auto pid = mailbox();
  auto& slow = start(pid, "nowait", std::string(1000, 'a'), false);
  world->run_for(10ms);
  EXPECT_EQ(ask(pid, "echo", "meanwhile"), "meanwhile");
  scope->spawn(write_input(slow.call.get(), std::string(500, 'b'), true));
  EXPECT_EQ(finish(slow).output, "1500");
}

TEST_F(MailboxProcesses, ATimeoutEndsARequest) {
  auto back = mailbox();
  auto front = mailbox();
  Instant begun = world->now();
  EXPECT_EQ(ask(front, "forward_100ms", back.to_string() + " hold x").substr(0, 13), "error 17 0 x ");
  EXPECT_GE(world->now() - begun, 100ms);
  EXPECT_LT(world->now() - begun, 110ms);
  EXPECT_EQ(ask(back, "last_cancelled"), "17") << "the one asked hears of it";
  EXPECT_EQ(ask(back, "release"), "ok") << "and answers nobody";
  EXPECT_EQ(inspect(back).queued_messages, 0u);
}

TEST_F(MailboxProcesses, ACallerThatLeavesIsAnEvent) {
  auto pid = mailbox();
  auto held = kernel().call(*loop, spec_for(pid, "hold"));
  world->run_for(10ms);
  held.reset();
  world->run_for(10ms);
  EXPECT_EQ(ask(pid, "last_cancelled"), "9");
  EXPECT_EQ(ask(pid, "seen"), "2") << "the process goes on";
}

TEST_F(MailboxProcesses, ReceiveTimesOut) {
  auto pid = mailbox();
  Instant begun = world->now();
  EXPECT_EQ(ask(pid, "sleep"), "0");
  EXPECT_GE(world->now() - begun, 1s);
  EXPECT_LT(world->now() - begun, 1010ms);
}

TEST_F(MailboxProcesses, ItsEndIsItsCallersError) {
  auto pid = mailbox();
  auto& held = send(message_for(pid, "hold"));
  auto outcome = request(message_for(pid, "trap"));
  EXPECT_EQ(code(outcome), trapped);
  world->run_for(1ms);
  EXPECT_EQ(code(held), trapped) << "whoever it had not answered yet, too";
  EXPECT_EQ(inspect(pid).state, ProcessState::backoff);
  EXPECT_EQ(ask(pid, "seen"), "1") << "new memory after the restart";
  auto exit5 = request(message_for(pid, "exit5"));
  ASSERT_FALSE(exit5);
  EXPECT_EQ(exit5.error().code, ErrorCode::guest_failed);
  EXPECT_EQ(exit5.error().detail, 5u);
  EXPECT_EQ(inspect(pid).restarts, 1u);
  EXPECT_EQ(inspect(pid).queued_messages, 0u);
}

TEST_F(MailboxProcesses, ReturningFromRunIsAnEnd) {
  auto pid = mailbox();
  auto outcome = request(message_for(pid, "return"));
  EXPECT_EQ(code(outcome), guest_failed);
  EXPECT_EQ(inspect(pid).state, ProcessState::exited) << "on-failure: it did not fail";
  auto& queued = send(message_for(pid, "seen"));
  world->run_for(1ms);
  EXPECT_EQ(code(queued), no_such_process);
  auto restless = mailbox(restarting(RestartPolicy::always));
  EXPECT_EQ(code(request(message_for(restless, "return"))), guest_failed);
  EXPECT_EQ(ask(restless, "seen"), "1");
}

TEST_F(MailboxProcesses, QueuedMessagesOutliveARestart) {
  auto pid = mailbox();
  auto& trap = send(message_for(pid, "trap"));
  auto& first = send(message_for(pid, "seen"));
  auto& second = send(message_for(pid, "seen"));
  ASSERT_TRUE(world->run_until([&] { return first && second; }, 10s));
  EXPECT_EQ(code(trap), trapped);
  EXPECT_EQ(to_text((*first)->body.view()), "1");
  EXPECT_EQ(to_text((*second)->body.view()), "2");
}

TEST_F(MailboxProcesses, OutcomesOfAnEndedProcessVanish) {
  auto back = mailbox();
  auto front = mailbox();
  send(message_for(front, "forward", back.to_string() + " hold x"));
  world->run_for(10ms);
  EXPECT_EQ(inspect(front).open_requests, 1u);
  EXPECT_EQ(code(request(message_for(front, "trap"))), trapped);
  EXPECT_EQ(inspect(front).open_requests, 0u);
  EXPECT_EQ(ask(front, "seen"), "1");
  EXPECT_EQ(ask(back, "release"), "ok");
  world->run_for(10ms);
  EXPECT_EQ(ask(front, "seen"), "2") << "the late response did not arrive as anything";
}

TEST_F(MailboxProcesses, AFullMailboxIsToldAndSoIsRoom) {
  SpawnSpec small;
  small.name = "small";
  small.limits.queue_messages = 4;
  auto back = mailbox(small);
  auto front = mailbox();
  std::vector<std::optional<Outcome>*> held;
  for (int i = 0; i < 4; ++i) held.push_back(&send(message_for(back, "hold")));
  world->run_for(10ms);
  EXPECT_EQ(inspect(back).queued_messages, 4u) << "received ones count until they are answered";
  auto& refused = send(message_for(back, "echo"));
  world->run_for(10ms);
  EXPECT_EQ(code(refused), mailbox_full);
  auto& forwarded = send(message_for(front, "forward", "small echo x"));
  world->run_for(100ms);
  EXPECT_FALSE(forwarded) << "it was told that room will follow, and waits";
  EXPECT_TRUE(run(kernel().signal(*loop, back, Signal::restart)));
  world->run_for(10ms);
  ASSERT_TRUE(forwarded);
  EXPECT_EQ(to_text((*forwarded)->body.view()), "room at small");
  for (const auto* each : held) EXPECT_EQ(code(*each), stopping);
}

TEST_F(MailboxProcesses, BytesFillAMailboxToo) {
  SpawnSpec small;
  small.limits.queue_bytes = 10'000;
  auto pid = mailbox(small);
  auto& held = send(message_for(pid, "hold", std::string(6'000, 'x')));
  auto& second = send(message_for(pid, "hold", std::string(6'000, 'x')));
  auto& giant = send(message_for(pid, "hold", std::string(20'000, 'x')));
  world->run_for(10ms);
  EXPECT_FALSE(held);
  EXPECT_EQ(code(second), mailbox_full);
  EXPECT_EQ(code(giant), 6) << "too_large: it would never fit";
}

TEST_F(MailboxProcesses, AFloodIsBoundedOnBothSides) {
  auto back = mailbox();
  auto front = mailbox();
  auto sent = std::stoi(ask(front, "flood", back.to_string()));
  EXPECT_GT(sent, 100);
  EXPECT_LE(sent, 5000);
  EXPECT_LE(inspect(front).open_requests, limits::open_requests);
  world->run_for(1s);
  EXPECT_EQ(inspect(front).open_requests, 0u);
  EXPECT_EQ(ask(back, "seen"), std::to_string(sent + 1)) << "all that was accepted arrived";
}

TEST_F(MailboxProcesses, FuelIsPerMessage) {
  SpawnSpec spec;
  spec.limits.fuel_per_call = 3'000'000;
  auto pid = mailbox(spec);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(ask(pid, "echo", std::string(50'000, 'x')).size(), 50'000u);
  EXPECT_GT(inspect(pid).fuel_used, 3'000'000u);
  auto outcome = request(message_for(pid, "spin"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), (Error{ErrorCode::trapped, "out of fuel"}));
}

TEST_F(MailboxProcesses, WallTimeIsPerMessage) {
  SpawnSpec spec;
  spec.limits.wall_per_call = 100ms;
  config.slice_time = 1ms;
  auto pid = mailbox(spec);
  world->run_for(10s);
  EXPECT_EQ(ask(pid, "echo", "x"), "x") << "waiting is free";
  EXPECT_EQ(code(request(message_for(pid, "spin"))), timeout_code);
  EXPECT_EQ(ask(pid, "echo", "x"), "x");
}

TEST_F(MailboxProcesses, ACallToOneThatSpinsCanBeLeft) {
  config.slice_time = 1ms;
  auto pid = mailbox();
  auto& spinning = start(pid, "spin");
  world->run_for(5ms);
  auto spec = spec_for(pid, "echo");
  spec.deadline = world->now() + 20ms;
  EXPECT_EQ(KernelTest::code(call(std::move(spec))), timeout_code);
  spinning.call->cancel();
  EXPECT_EQ(KernelTest::code(finish(spinning)), cancelled);
  EXPECT_TRUE(run(kernel().signal(*loop, pid, Signal::restart)));
  EXPECT_EQ(ask(pid, "echo", "x"), "x");
}

}  // namespace
}  // namespace myelin::kernel::testing
