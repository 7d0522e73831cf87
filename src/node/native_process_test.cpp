// Native protocols as processes: in the table, and exchanging requests with guests, on one node and across two.
#include "kernel/native.hpp"
#include "myelin/protocol.hpp"
#include "node/node_testing.hpp"
#include "protocol/libp2p_channel.hpp"
#include "protocol/loop_runtime.hpp"
#include "protocol/process_bridge.hpp"

#include <gmock/gmock.h>

namespace myelin::node::testing {
namespace {

using protocol::Context;
using protocol::Host;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string text_of(const Result<Bytes>& answer) {
  return answer ? std::string(answer->begin(), answer->end()) : to_string(answer.error());
}

kernel::SpawnSpec named(std::string name) {
  kernel::SpawnSpec spec;
  spec.name = std::move(name);
  return spec;
}

struct Hello {
  static constexpr protocol::MessageId id = 1;
  static constexpr std::string_view wire_name = "test.Hello";
  std::string text;
  auto fields(this auto& self) { return std::tie(self.text); }
};

// Answers processes, asks them, and greets its like on other nodes.
class Clerk : public protocol::Protocol {
 public:
  protocol::ProtocolId id() const override { return 3; }
  std::string_view name() const override { return "clerk"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_process_handler("upper", [](std::string caller, View body, protocol::detail::ProcessReply reply) {
      Bytes answer(body.begin(), body.end());
      for (auto& c : answer) c = static_cast<std::uint8_t>(std::toupper(c));
      const std::string tail = " for " + caller.substr(0, caller.find(' '));
      answer.insert(answer.end(), tail.begin(), tail.end());
      reply(std::move(answer));
    });
    ctx.register_process_handler("refuse", [](std::string, View, protocol::detail::ProcessReply reply) {
      reply(fail(ErrorCode::guest_failed, "no", 7));
    });
    ctx.register_process_handler(
        "keep", [this](std::string, View, protocol::detail::ProcessReply reply) { kept.push_back(std::move(reply)); });
    ctx.register_process_handler(
        "crash", [](std::string, View, protocol::detail::ProcessReply) { throw std::runtime_error("bug"); });
    ctx.register_message_handler<Hello>(
        [this](const Hello& hello, const Host& from) { heard.push_back(hello.text + " of " + from.name); });
  }
  void init(Context&) override {}
  void on_session_connected(const Host& host) override { EXPECT_TRUE(ctx_->send(Hello{"hello"}, host)); }

  void ask(std::string address, std::string method, std::string body, Duration timeout = 30s) {
    ctx_->call_process(
        std::move(address), std::move(method), Bytes(body.begin(), body.end()),
        [this](Result<Bytes> answer) {
          answers.push_back(text_of(answer));
          details.push_back(answer ? 0 : answer.error().detail);
        },
        timeout);
  }

  Context* ctx_ = nullptr;
  void on_process_writable(std::string_view address) override { writable.emplace_back(address); }

  std::vector<std::string> answers, heard, writable;
  std::vector<std::uint32_t> details;
  std::vector<protocol::detail::ProcessReply> kept;
};

// A runtime inside a node, as embed puts them together.
struct Office {
  Office(NodeWorld& the_world, Machine& the_machine, kernel::AccessList access = {}, std::uint32_t capacity = 1024)
      : world(the_world),
        machine(the_machine),
        bridge(std::make_unique<protocol::ProcessBridge>(machine.node->kernel(), *machine.loop, std::move(access))),
        runtime(std::make_unique<protocol::LoopRuntime>(
            *machine.loop,
            protocol::CoreConfig{
                .mailbox_capacity = capacity,
                .log_enabled = [](protocol::LogLevel level) { return level >= protocol::LogLevel::info; }},
            std::make_unique<protocol::Libp2pChannel>(*machine.loop, machine.node->host(), protocol::ChannelOptions{}),
            bridge.get())) {
    bridge->attach(runtime->core());
    const protocol::ProtocolFactory factory = [this] {
      auto made = std::make_unique<Clerk>();
      clerk = made.get();
      return made;
    };
    EXPECT_TRUE(runtime->core().add(factory, {}));
    const auto entered = world.run(machine, bridge->start());
    EXPECT_TRUE(entered) << to_string(entered.error());
    on_loop([this] { EXPECT_TRUE(runtime->start()); });
    settle();
  }
  ~Office() {
    bool ended = false;
    runtime->on_end = [&ended](const protocol::StopReason&) { ended = true; };
    on_loop([this] { runtime->cancel(); });
    EXPECT_TRUE(world.world->run_until([&ended] { return ended; }, 60s));
    world.run(machine, bridge->stop());
  }
  void on_loop(std::function<void()> work) {
    bool done = false;
    machine.loop->post([&] {
      work();
      done = true;
    });
    EXPECT_TRUE(world.world->run_until([&done] { return done; }, 60s));
  }
  void settle() { world.world->run_for(100ms); }
  std::string ask(std::string address, std::string method, std::string body, Duration timeout = 30s) {
    clerk->answers.clear();
    on_loop([&] { clerk->ask(std::move(address), std::move(method), std::move(body), timeout); });
    EXPECT_TRUE(world.world->run_until([this] { return !clerk->answers.empty(); }, 600s));
    return clerk->answers.empty() ? "no answer" : clerk->answers[0];
  }
  kernel::ProcessInfo info() {
    auto found = world.run(machine, machine.node->kernel().inspect(*machine.loop, std::string("clerk")));
    EXPECT_TRUE(found);
    return found ? *found : kernel::ProcessInfo{};
  }
  Result<void> signal(kernel::Signal signal) {
    const Pid pid = info().pid;
    const auto done = world.run(machine, machine.node->kernel().signal(*machine.loop, pid, signal));
    settle();
    return done;
  }

  NodeWorld& world;
  Machine& machine;
  Clerk* clerk = nullptr;
  std::unique_ptr<protocol::ProcessBridge> bridge;
  std::unique_ptr<protocol::LoopRuntime> runtime;
};

class NativeProcess : public ::testing::Test {
 protected:
  NodeWorld world;
  Machine& a = world.add_node();
};

TEST_F(NativeProcess, StandsInTheTable) {
  Office office(world, a);
  world.spawn(a, "kernel_mailbox", named("guest"));
  const auto list = world.run(a, a.node->kernel().list(*a.loop));
  ASSERT_EQ(list.size(), 2u);
  const kernel::ProcessInfo& clerk = list[0].name == "clerk" ? list[0] : list[1];
  EXPECT_EQ(clerk.name, "clerk");
  EXPECT_EQ(kernel::name(clerk.kind), "native");
  EXPECT_EQ(clerk.state, kernel::ProcessState::ready);
  EXPECT_THAT(clerk.methods, ElementsAre("crash", "keep", "refuse", "upper"));
  std::vector<protocol::ProtocolStatus> statuses = office.runtime->core().protocols();
  office.bridge->name_processes(statuses);
  EXPECT_EQ(statuses[0].pid, clerk.pid.to_string());
  EXPECT_EQ(world.run(a, a.node->kernel().metrics(*a.loop)).processes, 2u);
}

TEST_F(NativeProcess, NamesAreUniqueAmongAllProcesses) {
  world.spawn(a, "kernel_mailbox", named("clerk"));
  protocol::ProcessBridge bridge(a.node->kernel(), *a.loop, {});
  protocol::LoopRuntime runtime(
      *a.loop, protocol::CoreConfig{},
      std::make_unique<protocol::Libp2pChannel>(*a.loop, a.node->host(), protocol::ChannelOptions{}), &bridge);
  bridge.attach(runtime.core());
  ASSERT_TRUE(runtime.core().add(std::make_unique<Clerk>(), {}));
  EXPECT_EQ(world.run(a, bridge.start()).error().code, ErrorCode::conflict);
}

TEST_F(NativeProcess, ExchangesRequestsWithAGuestBothWays) {
  Office office(world, a);
  world.spawn(a, "kernel_mailbox", named("guest"));
  EXPECT_EQ(office.ask("guest", "echo", "from native"), "from native");
  EXPECT_EQ(world.ask(a, "guest", "forward", "clerk upper shout"), "response SHOUT for process");
  EXPECT_EQ(world.ask(a, "guest", "forward", office.info().pid.to_string() + " upper x"), "response X for process");
  EXPECT_TRUE(world.ask(a, "guest", "forward", "clerk refuse x").starts_with("error 11 7 "));
  EXPECT_TRUE(world.ask(a, "guest", "forward", "clerk nothing x").starts_with("error 5 "));
  EXPECT_TRUE(world.ask(a, "guest", "forward", "clerk crash x").starts_with("error 10 "));
  // Its caller is told apart by the guest: a process of this node, under the protocol's PID.
  EXPECT_THAT(office.ask("guest", "describe", ""), HasSubstr("caller=process " + office.info().pid.to_string()));
  EXPECT_THAT(office.ask("guest", "refuse", ""), HasSubstr("forbidden"));
  EXPECT_THAT(office.ask("nobody", "echo", ""), HasSubstr("no_such_process"));
  EXPECT_THAT(office.ask("not an address!", "echo", ""), HasSubstr("bad_request"));
  EXPECT_THAT(office.ask("guest", "hold", "", 50ms), HasSubstr("timeout"));
}

TEST_F(NativeProcess, ExchangesRequestsWithAGuestOfAnotherNode) {
  Machine& b = world.add_node();
  world.introduce(a, b);
  kernel::AccessList access;
  access.peers.push_back(b.node->id());
  Office office(world, a, access);
  world.spawn_open(b, "kernel_mailbox", "far");
  EXPECT_EQ(office.ask(b.node->id().to_string() + "/far", "echo", "across"), "across");
  EXPECT_THAT(office.ask(b.node->id().to_string() + "/far", "describe", ""),
              HasSubstr("caller=peer " + a.node->id().to_string()));
  EXPECT_EQ(world.ask(b, "far", "forward", a.node->id().to_string() + "/clerk upper back"), "response BACK for peer");
}

TEST_F(NativeProcess, AdmitsItsOwnNodeOnlyUnlessToldOtherwise) {
  Machine& b = world.add_node();
  world.introduce(a, b);
  Office office(world, a);
  world.spawn_open(b, "kernel_mailbox", "far");
  EXPECT_TRUE(world.ask(b, "far", "forward", a.node->id().to_string() + "/clerk upper back").starts_with("error 3 "));
}

TEST_F(NativeProcess, AnswersCallsOfClients) {
  Office office(world, a);
  const CallEnd end = world.call(a, a, std::string("clerk"), "upper", "over stdio");
  EXPECT_EQ(code(end), 0);
  EXPECT_EQ(end.output, "OVER STDIO for token");
  EXPECT_EQ(error_of(world.call(a, a, std::string("clerk"), "refuse", "x")), ErrorCode::guest_failed);
  EXPECT_EQ(error_of(world.call(a, a, std::string("clerk"), "upper", std::string(2 << 20, 'x'))), ErrorCode::too_large);
}

TEST_F(NativeProcess, ACallerThatLeavesIsForgotten) {
  Office office(world, a);
  kernel::CallSpec spec = world.spec_for(a.node->id(), std::string("clerk"), "keep");
  spec.deadline = a.loop->now() + 50ms;
  EXPECT_EQ(error_of(world.finish(world.start(a, std::move(spec), "x"))), ErrorCode::timeout);
  EXPECT_EQ(office.info().queued_messages, 0u);
  ASSERT_EQ(office.clerk->kept.size(), 1u);
  office.on_loop([&] { office.clerk->kept[0](Bytes{1}); });  // late, and heard by nobody
  office.settle();
  EXPECT_EQ(world.ask(a, "clerk", "upper", "on"), "ON for operator");
}

TEST_F(NativeProcess, ItsMailboxIsBounded) {
  Office office(world, a, {}, 8);
  world.spawn(a, "kernel_mailbox", named("guest"));
  ASSERT_TRUE(office.signal(kernel::Signal::stop));
  EXPECT_EQ(office.info().state, kernel::ProcessState::stopped);
  std::vector<Result<kernel::Message>> outcomes;
  office.on_loop([&] {
    for (int i = 0; i < 12; ++i) {
      kernel::Message message;
      message.target.process = std::string("clerk");
      message.method = "upper";
      message.principal.kind = kernel::Principal::Kind::operator_;
      a.node->kernel().request(*a.loop, std::move(message),
                               [&](kernel::Outcome outcome) { outcomes.push_back(std::move(outcome)); });
    }
  });
  office.settle();
  ASSERT_EQ(outcomes.size(), 4u);  // the rest waits
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::mailbox_full);
  EXPECT_EQ(office.info().queued_messages, 8u);
  ASSERT_TRUE(office.signal(kernel::Signal::resume));
  ASSERT_EQ(outcomes.size(), 12u);
  for (std::size_t i = 4; i < 12; ++i) EXPECT_TRUE(outcomes[i]);
}

// Here and on another node.
TEST_F(NativeProcess, IsToldWhenAFullGuestHasRoom) {
  Machine& b = world.add_node();
  world.introduce(a, b);
  Office office(world, a);
  for (Machine* const home : {&a, &b}) {
    kernel::SpawnSpec small = named("small");
    small.limits.queue_messages = 4;
    small.access.anyone = true;
    const Pid full = world.spawn(*home, "kernel_mailbox", std::move(small)).pid;
    const std::string address = home == &a ? "small" : b.node->id().to_string() + "/small";
    office.clerk->answers.clear();
    office.clerk->details.clear();
    office.clerk->writable.clear();
    const auto ask = [&](std::string method, int times) {
      office.on_loop([&] {
        for (int i = 0; i < times; ++i) office.clerk->ask(address, method, "x");
      });
      world.world->run_for(2s);
    };
    ask("hold", 4);
    EXPECT_TRUE(office.clerk->answers.empty());
    ask("echo", 3);
    ASSERT_EQ(office.clerk->answers.size(), 3u);
    EXPECT_THAT(office.clerk->answers, ::testing::Each(HasSubstr("mailbox_full")));
    EXPECT_THAT(office.clerk->details, ::testing::Each(protocol::room_follows)) << "one promise holds for all";
    EXPECT_TRUE(office.clerk->writable.empty());
    ASSERT_TRUE(world.run(*home, home->node->kernel().signal(*home->loop, full, kernel::Signal::restart)));
    world.world->run_for(2s);
    EXPECT_THAT(office.clerk->writable, ElementsAre(address));
    office.clerk->answers.clear();
    ask("echo", 1);
    EXPECT_THAT(office.clerk->answers, ElementsAre("x"));
    EXPECT_EQ(office.clerk->writable.size(), 1u);
  }
}

TEST_F(NativeProcess, IsSignalledLikeAnyOther) {
  Office office(world, a);
  world.spawn(a, "kernel_mailbox", named("guest"));
  office.clerk->heard.emplace_back("of the first");
  ASSERT_TRUE(office.signal(kernel::Signal::restart));
  EXPECT_TRUE(office.clerk->heard.empty());
  EXPECT_EQ(office.info().restarts, 1u);
  EXPECT_EQ(world.ask(a, "guest", "forward", "clerk upper again"), "response AGAIN for process");
  ASSERT_TRUE(office.signal(kernel::Signal::kill));
  EXPECT_EQ(office.info().state, kernel::ProcessState::exited);
  EXPECT_EQ(office.info().last_error, "killed");
  EXPECT_TRUE(world.ask(a, "guest", "forward", "clerk upper again").starts_with("error 4 "));
  EXPECT_EQ(office.signal(kernel::Signal::stop).error().code, ErrorCode::conflict);
}

TEST_F(NativeProcess, HasALogLikeAnyOther) {
  Office office(world, a);
  kernel::Kernel& kernel = a.node->kernel();
  const Pid pid = office.info().pid;
  const auto texts = [&](std::uint64_t after, bool wait) {
    std::vector<std::string> all;
    const auto lines = world.run(a, kernel.logs(*a.loop, pid, after, wait));
    EXPECT_TRUE(lines) << to_string(lines.error());
    if (lines) std::ranges::transform(*lines, std::back_inserter(all), &kernel::LogLine::text);
    return all;
  };
  EXPECT_TRUE(texts(0, false).empty());
  office.on_loop([&] { office.clerk->ctx_->logger().debug("not this"); });
  office.on_loop([&] { office.clerk->ctx_->logger().info("one", {{"why", "two\nlines"}}); });
  EXPECT_THAT(texts(0, false), ElementsAre("level=INFO msg=one why=\"two\\nlines\""));
  a.loop->start_timer(a.loop->now() + 1s, [&] { office.clerk->ctx_->logger().warn("later"); });
  EXPECT_THAT(texts(1, true), ElementsAre("level=WARN msg=later"));
  // Bounded as that of a guest.
  office.on_loop([&] {
    for (int i = 0; i < 5000; ++i) office.clerk->ctx_->logger().info(std::string(500, 'x'));
  });
  const auto last = world.run(a, kernel.logs(*a.loop, pid, 0, false));
  ASSERT_TRUE(last);
  EXPECT_GT(last->front().sequence, 1000u);
  ASSERT_TRUE(office.signal(kernel::Signal::kill));
  EXPECT_THAT(texts(5002, false), ElementsAre("level=INFO msg=\"protocol ended\" error=killed"));
}

TEST_F(NativeProcess, IsWaitedForLikeAnyOther) {
  kernel::Kernel& kernel = a.node->kernel();
  const auto wait = [&](Pid pid) { return kernel.wait(*a.loop, pid); };
  auto office = std::make_unique<Office>(world, a);
  a.loop->start_timer(a.loop->now() + 1s, [&] {
    EXPECT_TRUE(office->runtime->core().control("clerk", protocol::RuntimeCore::Control::kill));
  });
  const Instant before = a.loop->now();
  const Pid first = office->info().pid;
  for (int i = 0; i < 2; ++i) {  // the second finds it ended
    const auto ended = world.run(a, wait(first));
    ASSERT_TRUE(ended) << to_string(ended.error());
    EXPECT_EQ(ended->state, kernel::ProcessState::exited);
    EXPECT_EQ(ended->last_error, "killed");
  }
  EXPECT_GE(a.loop->now() - before, 1s);
  // Whoever waits when the runtime ends hears of that, though the process leaves the table with it.
  office = nullptr;
  office = std::make_unique<Office>(world, a);
  std::optional<Result<kernel::ProcessInfo>> told;
  io::Scope scope(*a.loop);
  scope.spawn([](io::Task<Result<kernel::ProcessInfo>> task,
                 std::optional<Result<kernel::ProcessInfo>>* into) -> io::Task<void> {
    into->emplace(co_await std::move(task));
  }(wait(office->info().pid), &told));
  office->settle();
  EXPECT_FALSE(told);
  office = nullptr;
  EXPECT_TRUE(world.world->run_until([&] { return scope.running() == 0; }, 60s));
  ASSERT_TRUE(told && *told);
  EXPECT_EQ((*told)->state, kernel::ProcessState::exited);
  EXPECT_EQ((*told)->last_error, "the runtime has ended");
  // Removed without an end, it is no more.
  office = std::make_unique<Office>(world, a);
  const Pid pid = office->info().pid;
  a.loop->start_timer(a.loop->now() + 1s, [&] {
    scope.spawn([](kernel::Kernel* from, io::Loop* loop, Pid which) -> io::Task<void> {
      (void)co_await from->remove(*loop, which);
    }(&kernel, a.loop, pid));
  });
  EXPECT_EQ(world.run(a, wait(pid)).error().code, ErrorCode::no_such_process);
  EXPECT_TRUE(world.world->run_until([&] { return scope.running() == 0; }, 60s));
}

TEST_F(NativeProcess, RemovedItEnds) {
  Office office(world, a);
  const Pid pid = office.info().pid;
  std::optional<kernel::Outcome> outcome;
  office.on_loop([&] {
    kernel::Message message;
    message.target.process = pid;
    message.method = "keep";
    message.principal.kind = kernel::Principal::Kind::operator_;
    a.node->kernel().request(*a.loop, std::move(message), [&](kernel::Outcome ended) { outcome = std::move(ended); });
  });
  office.settle();
  EXPECT_FALSE(outcome);
  ASSERT_TRUE(world.run(a, a.node->kernel().remove(*a.loop, pid)));
  office.settle();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error().code, ErrorCode::stopping);
  EXPECT_EQ(office.runtime->core().protocols()[0].state, "stopped");
  EXPECT_TRUE(world.run(a, a.node->kernel().list(*a.loop)).empty());
  // Its name is free again.
  world.spawn(a, "kernel_mailbox", named("clerk"));
}

TEST_F(NativeProcess, ProtocolsOfTwoNodesMeetOverLibp2p) {
  Machine& b = world.add_node();
  world.introduce(a, b);
  Office here(world, a), there(world, b);
  here.on_loop([&] { here.clerk->ctx_->connect({b.node->id().to_string(), 0}); });
  EXPECT_TRUE(world.world->run_until([&] { return !there.clerk->heard.empty() && !here.clerk->heard.empty(); }, 60s));
  EXPECT_THAT(there.clerk->heard, ElementsAre("hello of " + a.node->id().to_string()));
}

}  // namespace
}  // namespace myelin::node::testing
