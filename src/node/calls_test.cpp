// Calls between two whole nodes with guests, in one thread, under loss; and what each way of going wrong is told as.
#include "node/node_testing.hpp"

#include <fstream>

namespace myelin::node::testing {
namespace {

class Calls : public ::testing::Test {
 protected:
  Calls() : a(world.add_node()), b(world.add_node()) {
    world.introduce(a, b);
    pid = world.spawn_open(b, "kernel_methods", "guest").pid;
  }
  CallEnd call(const std::string& method, const std::string& input = {}) {
    return world.call(a, b, pid, method, input);
  }
  void lose(double loss) {
    io::LinkModel link;
    link.loss = loss;
    link.jitter = 2ms;
    world.world->set_default_link(link);
  }

  NodeWorld world;
  Machine& a;
  Machine& b;
  Pid pid;
};

TEST_F(Calls, ReachTheOtherNode) {
  EXPECT_EQ(call("echo", "Hello, Wetware!").output, "Hello, Wetware!");
  EXPECT_EQ(call("echo").output, "");
  EXPECT_EQ(world.call(a, b, "guest", "echo", "by name").output, "by name");
  EXPECT_EQ(a.node->glia().metrics().calls_out, 3u);
  EXPECT_EQ(b.node->glia().metrics().calls_in, 3u);
  EXPECT_EQ(b.node->glia().metrics().bytes_in, 15u + 7u);
}

TEST_F(Calls, KnowWhoCalls) {
  const std::string who = call("whoami").output;
  EXPECT_NE(who.find(a.node->id().to_string()), std::string::npos) << who;
}

TEST_F(Calls, UnderLoss) {
  lose(0.05);
  std::string input(300'000, 'a');
  for (std::size_t i = 0; i < input.size(); i += 997) input[i] = static_cast<char>('a' + i % 26);
  for (int i = 0; i < 5; ++i) {
    const auto end = call("echo", input);
    ASSERT_TRUE(end.result) << to_string(end.result.error());
    EXPECT_TRUE(end.output == input);
  }
}

TEST_F(Calls, WhatIsNotThereHasThreeNames) {
  identity::PeerId nobody = kernel::testing::peer(77);
  EXPECT_EQ(error_of(world.finish(world.start(a, world.spec_for(nobody, pid, "echo")))), ErrorCode::unknown_peer);
  EXPECT_EQ(error_of(world.call(a, b, Pid{}, "echo")), ErrorCode::no_such_process);
  EXPECT_EQ(error_of(world.call(a, b, "stranger", "echo")), ErrorCode::no_such_process);
  EXPECT_EQ(error_of(call("nothing")), ErrorCode::no_such_method);
  EXPECT_EQ(error_of(call("malloc")), ErrorCode::no_such_method);
  EXPECT_EQ(error_of(call("_start")), ErrorCode::no_such_method);
  EXPECT_EQ(call("echo", "still here").output, "still here");
}

TEST_F(Calls, APeerThatIsDownIsOffline) {
  world.run(b, b.node->stop());
  EXPECT_EQ(error_of(call("echo")), ErrorCode::offline);
}

TEST_F(Calls, AProcessAdmitsItsOwnNodeOnly) {
  kernel::SpawnSpec spec;
  spec.name = "private";
  world.spawn(b, "kernel_methods", spec);
  EXPECT_EQ(error_of(world.call(a, b, "private", "echo", "x")), ErrorCode::forbidden);
  EXPECT_EQ(world.call(b, b, "private", "echo", "x").output, "x");
  spec.name = "for-a";
  spec.access.peers = {a.node->id()};
  world.spawn(b, "kernel_methods", spec);
  EXPECT_EQ(world.call(a, b, "for-a", "echo", "x").output, "x");
}

TEST_F(Calls, EveryEndOfTheGuestIsTold) {
  auto end = call("crash");
  EXPECT_EQ(error_of(end), ErrorCode::trapped);
  end = call("exit3");
  EXPECT_EQ(error_of(end), ErrorCode::guest_failed);
  EXPECT_EQ(end.result.error().detail, 3u);
  end = call("exit0");
  EXPECT_TRUE(end.result) << to_string(end.result.error());
  EXPECT_EQ(end.output, "done");
  end = call("half");
  EXPECT_EQ(end.output, "half");
  EXPECT_EQ(error_of(end), ErrorCode::trapped);
  ASSERT_TRUE(end.output_error) << "an output that is not whole does not look whole";
}

TEST_F(Calls, TheDeadlineTravels) {
  auto spec = world.spec_for(b.node->id(), pid, "spin");
  const Instant begun = world.world->now();
  spec.deadline = begun + 500ms;
  EXPECT_EQ(error_of(world.finish(world.start(a, std::move(spec)))), ErrorCode::timeout);
  EXPECT_LT(world.world->now() - begun, 600ms);
  EXPECT_EQ(call("count").output, "1") << "the guest was stopped";
}

TEST_F(Calls, TheDeadlineHoldsWithoutThePeer) {
  call("count");
  world.world->set_partitioned(a.host->address(), b.host->address(), true);
  world.world->set_partitioned(b.host->address(), a.host->address(), true);
  auto spec = world.spec_for(b.node->id(), pid, "echo");
  const Instant begun = world.world->now();
  spec.deadline = begun + 500ms;
  EXPECT_EQ(error_of(world.finish(world.start(a, std::move(spec), "x"))), ErrorCode::timeout);
  EXPECT_LT(world.world->now() - begun, 600ms);
}

TEST_F(Calls, ALostLinkIsTold) {
  auto& under_way = world.start(a, world.spec_for(b.node->id(), pid, "echo"), "begun", false);
  world.world->run_for(1s);
  EXPECT_FALSE(under_way.ended());
  world.world->set_partitioned(a.host->address(), b.host->address(), true);
  world.world->set_partitioned(b.host->address(), a.host->address(), true);
  const auto end = world.finish(under_way, 120s);
  EXPECT_EQ(error_of(end), ErrorCode::link_lost);
  EXPECT_EQ(end.output, "begun");
}

// Leaving in every state of the call leaves the process to the next caller.
TEST_F(Calls, ACallerThatLeavesHarmsNobody) {
  for (const char* method : {"echo", "drain", "flood"}) {
    auto& under_way = world.start(a, world.spec_for(b.node->id(), pid, method), "begun", false);
    world.world->run_for(100ms);
    under_way.call->cancel();
    EXPECT_EQ(error_of(world.finish(under_way)), ErrorCode::cancelled) << method;
    const Instant left = world.world->now();
    EXPECT_EQ(call("echo", "next").output, "next") << method;
    EXPECT_LT(world.world->now() - left, 5s) << method;
  }
}

// The caller has filled every buffer on the way, so that not even CANCEL gets through.
TEST_F(Calls, ACallerThatLeavesAStuckCall) {
  auto& under_way = world.start(a, world.spec_for(b.node->id(), pid, "spin"), std::string(8 << 20, 'x'), false);
  world.world->run_for(1s);
  under_way.call->cancel();
  EXPECT_EQ(error_of(world.finish(under_way)), ErrorCode::cancelled);
  const Instant left = world.world->now();
  EXPECT_EQ(call("echo", "next").output, "next");
  EXPECT_LT(world.world->now() - left, 10s);
}

TEST_F(Calls, ACalleeMayEndBeforeItsInput) {
  const auto end = call("count", std::string(4 << 20, 'x'));
  EXPECT_TRUE(end.result) << to_string(end.result.error());
  EXPECT_EQ(end.output, "1");
  EXPECT_EQ(call("count").output, "2");
}

TEST_F(Calls, OfOneProcessRunInOrderOfTwoAtOnce) {
  const Pid other = world.spawn_open(b, "kernel_methods", "other").pid;
  auto& first = world.start(a, world.spec_for(b.node->id(), pid, "echo"), "1", false);
  world.world->run_for(100ms);
  auto& second = world.start(a, world.spec_for(b.node->id(), pid, "echo"), "2");
  EXPECT_EQ(world.call(a, b, other, "echo", "beside").output, "beside");
  EXPECT_FALSE(second.ended());
  first.call->input().close();
  EXPECT_EQ(world.finish(first).output, "1");
  EXPECT_EQ(world.finish(second).output, "2");
}

TEST_F(Calls, TheTypeOfTheOutputComesAlong) {
  world.spawn_open(b, "kernel_mailbox", "box");
  EXPECT_EQ(world.call(a, b, "box", "draft").mime, "text/draft");
  EXPECT_EQ(call("echo", "x").mime, "") << "a method process names none";
}

TEST_F(Calls, AFullMailboxIsTold) {
  kernel::SpawnSpec spec;
  spec.name = "narrow";
  spec.access.anyone = true;
  spec.limits.queue_messages = 1;
  world.spawn(b, "kernel_methods", spec);
  auto& running = world.start(a, world.spec_for(b.node->id(), "narrow", "echo"), "1", false);
  world.world->run_for(100ms);
  auto& queued = world.start(a, world.spec_for(b.node->id(), "narrow", "echo"), "2");
  world.world->run_for(100ms);
  EXPECT_EQ(error_of(world.call(a, b, "narrow", "echo", "3")), ErrorCode::mailbox_full);
  running.call->input().close();
  EXPECT_EQ(world.finish(running).output, "1");
  EXPECT_EQ(world.finish(queued).output, "2");
  EXPECT_EQ(world.call(a, b, "narrow", "echo", "room again").output, "room again");
}

TEST_F(Calls, AGuestAtItsLimitsHarmsNoBystander) {
  world.spawn_open(b, "kernel_methods", "bystander");
  auto& open = world.start(a, world.spec_for(b.node->id(), "bystander", "echo"), "be", false);
  world.world->run_for(100ms);
  kernel::SpawnSpec spec;
  spec.name = "small";
  spec.access.anyone = true;
  spec.limits.memory_pages = 32;
  world.spawn(b, "kernel_methods", spec);
  const auto grown = world.call(a, b, "small", "grow");
  ASSERT_TRUE(grown.result) << "memory.grow answers -1, and the guest goes on";
  EXPECT_LE(std::stoul(grown.output), 32u);
  const auto deep = call("recurse");
  EXPECT_EQ(error_of(deep), ErrorCode::trapped);
  EXPECT_FALSE(deep.result.error().message.empty()) << "with the reason";
  EXPECT_EQ(call("count").output, "1") << "started again";
  EXPECT_FALSE(open.ended());
  open.call->input().close();
  EXPECT_EQ(world.finish(open).output, "be");
}

TEST_F(Calls, AnEndlessGuestIsKilled) {
  auto& endless = world.start(a, world.spec_for(b.node->id(), pid, "spin"));
  world.world->run_for(100ms);
  EXPECT_TRUE(world.run(b, b.node->kernel().signal(*b.loop, pid, kernel::Signal::kill)));
  EXPECT_EQ(error_of(world.finish(endless)), ErrorCode::stopping);
  EXPECT_EQ(error_of(call("echo")), ErrorCode::no_such_process);
}

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * 4096;
}

struct Streamed {
  std::uint64_t sent = 0, received = 0;
  bool intact = true;
  std::optional<Result<void>> end;
};

constexpr std::size_t piece_bytes = 64 * 1024;

io::Task<void> send_pieces(kernel::Call* call, std::uint64_t total, Streamed* streamed) {
  while (streamed->sent < total) {
    Buffer piece = Buffer::allocate(piece_bytes);
    const auto fill = static_cast<std::uint8_t>(streamed->sent / piece_bytes * 31);
    std::fill(piece.writable().begin(), piece.writable().end(), fill);
    if (!(co_await call->input().write(std::move(piece)))) co_return;
    streamed->sent += piece_bytes;
  }
  call->input().close();
}

io::Task<void> check_pieces(kernel::Call* call, Streamed* streamed) {
  while (true) {
    auto piece = co_await call->output().read(piece_bytes);
    if (!piece || piece->empty()) break;
    for (const std::uint8_t byte : piece->view()) {
      streamed->intact = streamed->intact && byte == static_cast<std::uint8_t>(streamed->received / piece_bytes * 31);
      ++streamed->received;
    }
  }
  streamed->end = co_await call->ended();
}

TEST_F(Calls, StreamInConstantMemory) {
  constexpr std::uint64_t total = 64ull << 20;
  call("echo", std::string(1 << 20, 'w'));  // what grows once has grown
  const std::size_t before = resident_bytes();
  auto handle = a.node->kernel().call(*a.loop, world.spec_for(b.node->id(), pid, "echo"));
  Streamed streamed;
  a.scope->spawn(send_pieces(handle.get(), total, &streamed));
  a.scope->spawn(check_pieces(handle.get(), &streamed));
  ASSERT_TRUE(world.world->run_until([&] { return streamed.end.has_value(); }, 3600s));
  EXPECT_TRUE(*streamed.end) << to_string(streamed.end->error());
  EXPECT_EQ(streamed.received, total);
  EXPECT_TRUE(streamed.intact);
  EXPECT_LT(resident_bytes(), before + (32u << 20));
}

// A reader that stops holds up its own call, and nothing else grows.
TEST_F(Calls, ASlowReaderStopsTheWriter) {
  auto handle = a.node->kernel().call(*a.loop, world.spec_for(b.node->id(), pid, "flood"));
  handle->input().close();
  const std::size_t before = resident_bytes();
  world.world->run_for(20s);
  const auto stalled = b.node->glia().metrics().bytes_out;
  world.world->run_for(20s);
  EXPECT_EQ(b.node->glia().metrics().bytes_out, stalled);
  EXPECT_LT(stalled, 40u << 20);
  EXPECT_LT(resident_bytes(), before + (64u << 20));
  EXPECT_FALSE(world.run(a, handle->output().read(1)).has_value() && handle->output().available() == 0);
  handle.reset();
  EXPECT_EQ(call("echo", "next").output, "next");
}

TEST(CallRates, APeerThatCallsTooFastIsTold) {
  NodeWorld world;
  Machine& a = world.add_node();
  Machine& b = world.add_machine();
  Config config = world.config_for(b);
  config.glia.calls_per_second_per_peer = 2;
  config.glia.burst_per_peer = 4;
  world.add_node(b, config);
  world.introduce(a, b);
  world.spawn_open(b, "kernel_methods", "guest");
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    const auto end = world.call(a, b, "guest", "echo", "x");
    if (end.result) continue;
    EXPECT_EQ(error_of(end), ErrorCode::limit);
    ++refused;
  }
  EXPECT_GE(refused, 4);
  EXPECT_EQ(b.node->glia().metrics().refused_rate, static_cast<std::uint64_t>(refused));
  world.world->run_for(5s);
  EXPECT_EQ(world.call(a, b, "guest", "echo", "later").output, "later");
}

// The same budget on the other two ways in: messages are told, and a raw caller is reset.
TEST(CallRates, MessagesAndRawCallsCountToo) {
  NodeWorld world;
  Machine& a = world.add_node();
  Machine& raw = world.add_bare();
  Machine& b = world.add_machine();
  Config config = world.config_for(b);
  config.glia.calls_per_second_per_peer = 2;
  config.glia.burst_per_peer = 4;
  world.add_node(b, config);
  world.introduce(a, b);
  world.introduce(raw, b);
  world.spawn_open(a, "kernel_mailbox", "near");
  world.spawn_open(b, "kernel_mailbox", "far");
  world.spawn_open(b, "kernel_methods", "guest");
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    const std::string end = world.ask(a, "near", "forward", b.node->id().to_string() + "/far echo x");
    if (end == "response x") continue;
    EXPECT_TRUE(end.starts_with("error 16 ")) << end;
    ++refused;
  }
  EXPECT_GE(refused, 4);
  const auto raw_call = [&]() -> ReadEnd {
    auto stream =
        world.run(raw, raw.bare->open(b.node->id(), {"/ww/0.1.0/" + b.node->id().to_string() + "/guest/count"}));
    if (!stream) return {{}, fail(stream.error())};
    if (auto closed = world.run(raw, (*stream)->close_write()); !closed) return {{}, closed};
    return world.run(raw, read_to_end(stream->get()));
  };
  int served = 0, reset = 0;
  for (int i = 0; i < 10; ++i) {
    const ReadEnd end = raw_call();
    ++(end.end ? served : reset);
    if (end.end) EXPECT_EQ(end.bytes, std::to_string(served)) << "what was refused reached no guest";
  }
  EXPECT_GE(served, 4);
  EXPECT_GE(reset, 4);
  EXPECT_EQ(b.node->glia().metrics().refused_rate, static_cast<std::uint64_t>(refused + reset));
}

TEST(CallRates, SoIsOneWithTooManyUnderWay) {
  NodeWorld world;
  Machine& a = world.add_node();
  Machine& b = world.add_machine();
  Config config = world.config_for(b);
  config.glia.calls_per_peer = 2;
  world.add_node(b, config);
  world.introduce(a, b);
  world.spawn_open(b, "kernel_methods", "guest");
  auto& first = world.start(a, world.spec_for(b.node->id(), "guest", "echo"), "1", false);
  auto& second = world.start(a, world.spec_for(b.node->id(), "guest", "echo"), "2", false);
  world.world->run_for(1s);
  EXPECT_EQ(error_of(world.call(a, b, "guest", "echo", "3")), ErrorCode::limit);
  first.call->input().close();
  second.call->input().close();
  EXPECT_EQ(world.finish(first).output, "1");
  EXPECT_EQ(world.finish(second).output, "2");
  EXPECT_EQ(world.call(a, b, "guest", "echo", "4").output, "4");
}

// A run with traffic of each kind, under loss.
std::uint64_t traced_run(std::uint64_t seed) {
  NodeWorld world(seed, 2);
  io::LinkModel link;
  link.loss = 0.02;
  link.jitter = 1ms;
  world.world->set_default_link(link);
  Machine& a = world.add_node();
  Machine& b = world.add_node();
  world.introduce(a, b);
  world.spawn_open(b, "kernel_methods", "guest");
  world.spawn_open(b, "kernel_mailbox", "far");
  world.spawn_open(a, "kernel_mailbox", "near");
  EXPECT_EQ(world.call(a, b, "guest", "echo", std::string(100'000, 'e')).output.size(), 100'000u);
  EXPECT_EQ(error_of(world.call(a, b, "guest", "crash")), ErrorCode::trapped);
  EXPECT_EQ(world.ask(a, "near", "forward", b.node->id().to_string() + "/far echo hi"), "response hi");
  auto& left = world.start(a, world.spec_for(b.node->id(), "guest", "echo"), "begun", false);
  world.world->run_for(1s);
  left.call->cancel();
  world.finish(left);
  world.world->run_for(5s);
  return world.world->trace_hash();
}

TEST(Determinism, TheSameSeedIsTheSameTrace) {
  const std::uint64_t first = traced_run(42);
  for (int i = 1; i < 20; ++i) ASSERT_EQ(traced_run(42), first) << "run " << i;
}

TEST(Determinism, OtherSeedsAreOtherTraces) { EXPECT_NE(traced_run(42), traced_run(43)); }

}  // namespace
}  // namespace myelin::node::testing
