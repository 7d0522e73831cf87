// Guests on simulated nodes: spoken to by protocols and speaking to them, through crashes, and the same for each seed.
#include "myelin/protocol.hpp"
#include "myelin/simulation.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace myelin::simulation::testing {
namespace {

using namespace std::chrono_literals;
using protocol::Bytes;
using protocol::Context;

// Asks processes, answers them, and keeps what it heard.
class Clerk final : public protocol::Protocol {
 public:
  protocol::ProtocolId id() const override { return 3; }
  std::string_view name() const override { return "clerk"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_process_handler(
        "note", [this](const std::string& caller, protocol::View body, protocol::detail::ProcessReply reply) {
          heard.push_back(caller.substr(0, caller.find(' ')) + " " + std::string(body.begin(), body.end()));
          reply(Bytes{'o', 'k'});
        });
  }
  void init(Context&) override {}
  void ask(std::string process, std::string method, const std::string& body) {
    ctx_->call_process(std::move(process), std::move(method), Bytes(body.begin(), body.end()),
                       [this](const Result<Bytes>& answer) {
                         answers.push_back(answer ? std::string(answer->begin(), answer->end())
                                                  : std::string(myelin::name(answer.error().code)));
                       });
  }
  std::vector<std::string> answers, heard;

 private:
  Context* ctx_ = nullptr;
};

Guest mailbox(std::string name) {
  return {.name = std::move(name), .file = MYELIN_BINARY_DIR "/guests/kernel_mailbox.wasm", .anyone = true};
}

Scenario office() {
  Scenario scenario{.name = "office", .nodes = 3, .setup = [](NodeSetup& node) { node.add<Clerk>(); }};
  scenario.options.fidelity = Fidelity::libp2p;
  scenario.options.latency = Latency::uniform(5ms, 15ms);
  scenario.options.allow_anyone = true;
  scenario.guests = {{mailbox("echo")}, {mailbox("second"), Pick::nodes({2})}};
  scenario.duration = 20s;
  return scenario;
}

Clerk& clerk(Simulation& world, NodeIndex node) { return *world.find<Clerk>(node); }

Action ask(Duration at, NodeIndex node, std::string process, std::string method, std::string body) {
  return {at, [=](Simulation& world) {
            world.post(node, [&world, node, process, method, body](Context&) {
              clerk(world, node).ask(process, method, body);
            });
          }};
}

using Texts = std::vector<std::string>;

TEST(Guests, AndProtocolsExchangeMessagesBothWays) {
  Scenario scenario = office();
  scenario.actions = {
      ask(5s, 0, "echo", "echo", "near"),
      ask(6s, 0, "n2/second", "echo", "far"),
      ask(7s, 0, "second", "echo", "not here"),
      // The guest of node 2 sends to the protocol of its own node, and to that of another.
      ask(8s, 0, "n2/second", "forward", "clerk note from beside"),
      ask(9s, 0, "n2/second", "forward", "n1/clerk note from afar"),
  };
  Texts answers, second, third;
  std::uint64_t messages = 0;
  const auto result = run(scenario, {.seed = 1}, [&](Simulation& world) {
    answers = clerk(world, 0).answers;
    second = clerk(world, 1).heard;
    third = clerk(world, 2).heard;
    messages = world.counters().process_messages;
  });
  ASSERT_FALSE(result.failure) << result.failure->to_string();
  EXPECT_EQ(answers, (Texts{"near", "far", "no_such_process", "response ok", "response ok"}));
  EXPECT_EQ(third, Texts{"process from beside"});
  EXPECT_EQ(second, Texts{"peer from afar"});
  EXPECT_EQ(messages, 7U);  // five answers, two messages
}

TEST(Guests, OfOtherNodesReachProtocolsOnlyWhereAllowed) {
  Scenario scenario = office();
  scenario.options.allow_anyone = false;
  scenario.guests[1].guest.anyone = false;
  scenario.guests[1].guest.allow = {1};
  scenario.actions = {ask(5s, 0, "n2/second", "echo", "x"), ask(6s, 1, "n2/second", "echo", "y"),
                      ask(7s, 1, "n2/second", "forward", "n0/clerk note z")};
  Texts first, second, heard;
  const auto result = run(scenario, {.seed = 1}, [&](Simulation& world) {
    first = clerk(world, 0).answers;
    second = clerk(world, 1).answers;
    heard = clerk(world, 0).heard;
  });
  ASSERT_FALSE(result.failure) << result.failure->to_string();
  EXPECT_EQ(first, Texts{"forbidden"});
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(second[0], "y");
  EXPECT_TRUE(second[1].starts_with("error 3 ")) << second[1];
  EXPECT_TRUE(heard.empty());
}

TEST(Guests, OfThirtyNodesReachEachOtherThroughCrashes) {
  constexpr NodeIndex many = 30;
  Scenario scenario = office();
  scenario.nodes = many;
  scenario.guests = {{mailbox("echo")}};
  scenario.join_interval = 50ms;
  scenario.duration = 14s;
  scenario.faults = {Fault::crash(6s, Pick::fraction(0.2)), Fault::restart(8s, Pick::all())};
  for (NodeIndex node = 0; node < many; ++node)
    for (const Duration at : {4s, 11s})
      scenario.actions.push_back(
          ask(at, node, "n" + std::to_string((node + 7) % many) + "/echo", "echo", std::to_string(node)));
  std::vector<Texts> answers;
  const auto result = run(scenario, {.seed = 1}, [&](Simulation& world) {
    for (NodeIndex node = 0; node < world.size(); ++node) answers.push_back(clerk(world, node).answers);
  });
  ASSERT_FALSE(result.failure) << result.failure->to_string();
  ASSERT_EQ(answers.size(), many);
  std::size_t both = 0;
  for (NodeIndex node = 0; node < many; ++node) {
    ASSERT_FALSE(answers[node].empty()) << node;
    EXPECT_EQ(answers[node].back(), std::to_string(node));
    both += answers[node].size() == 2 ? 1 : 0;
  }
  EXPECT_EQ(both, 24U) << "who crashed has forgotten the first";
}

TEST(Guests, GoDownAndComeBackWithTheirNode) {
  Scenario scenario = office();
  scenario.faults = {Fault::crash(6s, Pick::node(2)), Fault::restart(9s, Pick::node(2))};
  scenario.actions = {ask(5s, 0, "n2/second", "seen", ""), ask(5500ms, 0, "n2/second", "seen", ""),
                      ask(7s, 0, "n2/second", "seen", ""), ask(12s, 0, "n2/second", "seen", ""),
                      ask(12500ms, 0, "n2/second", "seen", "")};
  Texts answers;
  const auto result = run(scenario, {.seed = 1}, [&](Simulation& world) { answers = clerk(world, 0).answers; });
  ASSERT_FALSE(result.failure) << result.failure->to_string();
  ASSERT_EQ(answers.size(), 5U);
  EXPECT_EQ(answers[0], "1");
  EXPECT_EQ(answers[1], "2");
  EXPECT_TRUE(answers[2] == "offline" || answers[2] == "link_lost" || answers[2] == "timeout") << answers[2];
  EXPECT_EQ(answers[3], "1") << "a guest begins anew";
  EXPECT_EQ(answers[4], "2");
}

TEST(Guests, OneSeedIsOneTrace) {
  const auto trace_of = [](std::uint64_t seed) {
    Scenario scenario = office();
    std::string trace;
    scenario.options.trace = [&trace](std::string_view line) { (trace += line) += '\n'; };
    scenario.faults = {Fault::crash(6s, Pick::random(1)), Fault::restart(9s, Pick::random(1))};
    scenario.actions = calls(4s, 12, 1s, {.from = Pick::random(1), .process = "echo", .method = "echo", .body = "a"});
    for (NodeIndex node = 0; node < 2; ++node)
      scenario.actions.push_back(ask(5s + 10ms * node, node, "n2/second", "forward", "n1/clerk note b"));
    EXPECT_FALSE(run(scenario, {.seed = seed}).failure);
    return trace;
  };
  const std::string first = trace_of(5);
  EXPECT_NE(first.find("\"kind\":\"process\",\"step\""), std::string::npos);
  EXPECT_NE(first.find("\"event\":\"message\""), std::string::npos);
  for (int again = 0; again < 4; ++again) EXPECT_EQ(trace_of(5), first);
  EXPECT_NE(trace_of(6), first);
}

TEST(Guests, WhatTheySendIsTraced) {
  Scenario scenario = office();
  std::vector<std::string> sends;
  scenario.options.trace = [&sends](std::string_view line) {
    const auto json = nlohmann::json::parse(line);
    if (json.at("kind") != "process" || json.at("event") != "send") return;
    sends.push_back(json.at("t").get<std::string>().substr(0, 1) + " " + json.at("process").get<std::string>() + " " +
                    json.at("to").get<std::string>() + " " + json.at("method").get<std::string>() + " " +
                    json.at("bytes").dump());
  };
  scenario.actions = {ask(5s, 2, "second", "forward", "echo echo beside"),       // on the same node
                      ask(6s, 2, "second", "forward", "n0/echo echo far away"),  // on another
                      ask(7s, 2, "second", "forward", "clerk note to you")};     // to a protocol
  Texts answers;
  const auto result = run(scenario, {.seed = 1}, [&](Simulation& world) { answers = clerk(world, 2).answers; });
  ASSERT_FALSE(result.failure) << result.failure->to_string();
  EXPECT_EQ(answers, (Texts{"response beside", "response far away", "response ok"}));
  EXPECT_EQ(sends, (Texts{"5 second echo echo 6", "6 second n0/echo echo 8", "7 second clerk note 6"}));
  scenario.options.trace = {};
  EXPECT_EQ(run(scenario, {.seed = 1}).counters.steps, result.counters.steps) << "tracing changed the run";
}

TEST(Guests, ANodeMayCrashWhileItStartsAndAWorldMayEndThen) {
  Scenario scenario = office();
  scenario.join_interval = 0s;
  // Reading the home and compiling takes tens of milliseconds.
  for (int at = 1; at < 200; at += 9) {
    scenario.faults = {Fault::crash(at * 1ms, Pick::nodes({0, 1, 2}))};
    scenario.duration = 230ms;
    const auto result = run(scenario, {.seed = 3}, [](Simulation& world) { EXPECT_EQ(world.live(), 0U); });
    ASSERT_FALSE(result.failure) << at << ": " << result.failure->to_string();
    scenario.faults.clear();
    scenario.duration = at * 1ms;
    ASSERT_FALSE(run(scenario, {.seed = 3}).failure) << at;
  }
}

TEST(Guests, KeepTheirLimits) {
  Scenario scenario = office();
  scenario.guests[0].guest.limits = {.fuel_per_call = 1'000'000};
  scenario.guests[1].guest.limits = {.wall_per_call = 300ms, .queue_messages = 3};
  scenario.guests.push_back({mailbox("sender"), Pick::nodes({2})});
  scenario.guests.back().guest.limits = {.open_requests = 2};
  scenario.actions = {
      ask(5s, 0, "echo", "spin", ""),
      ask(6s, 2, "second", "spin", ""),
      ask(7s, 2, "sender", "flood", "second"),
      ask(8s, 0, "echo", "echo", "again"),
  };
  Texts first, third;
  const auto result = run(scenario, {.seed = 1}, [&](Simulation& world) {
    first = clerk(world, 0).answers;
    third = clerk(world, 2).answers;
  });
  ASSERT_FALSE(result.failure) << result.failure->to_string();
  EXPECT_EQ(first, (Texts{"trapped", "again"}));
  EXPECT_EQ(third, (Texts{"timeout", "5"})) << "three wait in the mailbox, two requests more may be open";
}

TEST(Guests, EndAndComeBackAsTheirPolicySays) {
  const auto answers_with = [](std::string policy) {
    Scenario scenario = office();
    scenario.guests[0].guest.restart = std::move(policy);
    scenario.actions = {ask(5s, 0, "echo", "seen", ""), ask(6s, 0, "echo", "trap", ""), ask(9s, 0, "echo", "seen", ""),
                        ask(10s, 0, "echo", "return", ""), ask(13s, 0, "echo", "seen", "")};
    Texts answers;
    const auto result = run(scenario, {.seed = 1}, [&](Simulation& world) { answers = clerk(world, 0).answers; });
    EXPECT_FALSE(result.failure) << result.failure->to_string();
    return answers;
  };
  EXPECT_EQ(answers_with("always"), (Texts{"1", "trapped", "1", "guest_failed", "1"}));
  EXPECT_EQ(answers_with("on-failure"), (Texts{"1", "trapped", "1", "guest_failed", "no_such_process"}));
  EXPECT_EQ(answers_with("never"), (Texts{"1", "trapped", "no_such_process", "no_such_process", "no_such_process"}));
}

TEST(Guests, ACallThatIsOpenAtTheEndFailsTheRun) {
  Scenario scenario = office();
  ProcessCall call{.from = Pick::nodes({1}), .process = "echo", .method = "hold", .timeout = 60s};
  scenario.actions = calls(5s, 1, 1s, call);
  const auto result =
      run(scenario, {.seed = 1}, [](Simulation& world) { EXPECT_EQ(world.open_calls(), Texts{"node 1, echo hold"}); });
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->checker, "call");
  EXPECT_EQ(result.failure->what, "node 1, echo hold: stopping: the run has ended without an answer");
  // Whose node has ended waits for nothing.
  scenario.faults = {Fault::crash(7s, Pick::node(1))};
  EXPECT_FALSE(run(scenario, {.seed = 1}, [](Simulation& world) { EXPECT_TRUE(world.open_calls().empty()); }).failure);
  // A call that ends in an error says so when it does.
  scenario.faults.clear();
  call.timeout = 2s;
  scenario.actions = calls(5s, 1, 1s, call);
  const auto late = run(scenario, {.seed = 1});
  ASSERT_TRUE(late.failure);
  EXPECT_TRUE(late.failure->what.starts_with("node 1, echo hold: timeout")) << late.failure->what;
  EXPECT_EQ(late.failure->node, 1U);
}

std::string failure_of(const Scenario& scenario) {
  const auto result = run(scenario, {.seed = 1});
  return result.failure ? result.failure->to_string() : "none";
}

TEST(Guests, ThatCannotStartFailTheRun) {
  const auto says = [](const Scenario& scenario, std::string_view words) {
    const std::string failure = failure_of(scenario);
    EXPECT_NE(failure.find(words), std::string::npos) << failure;
  };
  Scenario scenario = office();
  scenario.guests[0].guest.file = "/nowhere/x.wasm";
  says(scenario, "start: guest echo: /nowhere/x.wasm: No such file");
  scenario.guests[0].guest.file = "/dev/zero";
  says(scenario, "not a regular file");
  scenario.guests[0].guest.module = {1, 2, 3};
  says(scenario, "guest echo: invalid_module");
  scenario = office();
  scenario.guests[1].guest.name = "echo";
  says(scenario, "guest echo: conflict");
  scenario.guests[1].guest.name = "clerk";
  says(scenario, "process clerk");
  scenario.guests[1].guest.name = "No name";
  says(scenario, "is no name of a guest");
  scenario = office();
  scenario.guests[0].nodes = Pick::random(1);
  says(scenario, "its nodes are all, a list or a range");
  scenario = office();
  scenario.guests[0].guest.limits.memory_bytes = 65'536;
  says(scenario, "guest echo: limit: the module starts with 6 pages of memory, 1 are allowed");
  scenario.guests[0].guest.limits.memory_bytes = 1000;
  says(scenario, "guest echo: memory_bytes is a multiple of 64 KiB");
  scenario = office();
  scenario.guests[0].guest.restart = "often";
  says(scenario, "guest echo: restart is never, on-failure or always");
  scenario = office();
  scenario.options.fidelity = Fidelity::tcp;
  says(scenario, "whole nodes need the fidelity libp2p");
  scenario = office();
  scenario.actions =
      calls(5s, 1, 1s, {.from = Pick::node(0), .process = "echo", .method = "echo", .body = "a", .expect = "b"});
  says(scenario, "call: node 0, echo echo: 'a' in place of 'b'");
}

}  // namespace
}  // namespace myelin::simulation::testing
