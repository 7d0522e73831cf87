// Scenario files: what they mean, and what bad ones get.
#include "sim/file/scenario_file.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace myelin::sim {
namespace {

using namespace std::chrono_literals;
using simulation::Fault;
using simulation::Pick;

constexpr std::string_view full = R"(name: everything
seed: 7
fidelity: overlay
nodes: 40
contact: 0
join_interval: 20ms
duration: 90s
cycle: 5s
latency: {uniform: [5ms, 25ms]}
noise: {loss: 0, duplication: 0.01}
dial_timeout: 4s
session_timeout: 12s
mailbox_capacity: 512
protocols:
  - hyparview: {active_view_size: 4, shuffle_period: 5s}
  - plumtree: {threshold: 3}
faults:
  - {at: 30s, crash: 10%}
  - {at: 32s, partition: {nodes: 0-3, others: rest, one_way: true}, for: 2s}
  - {at: 36s, heal: all}
  - {at: 37s, restart: random 2}
  - {at: 38s, noise: {loss: 0.2, nodes: "5", others: all}, for: 1s}
  - {at: 39s, slow: {nodes: "4,6", factor: 3}, for: 2s}
  - {at: 40s, reset: {nodes: random 2, others: all}}
  - {at: 41s, latency: 20ms}
  - {at: 42s, churn: {interval: 500ms}, for: 3s}
broadcasts:
  - {at: 60s, count: 5, interval: 2s, bytes: 128, from: random 1}
checks:
  each_step: [view_self_free, view_at_most: 5, delivers_once]
  each_cycle: [view_self_free]
  at_end: [connected, views_symmetric, reliability_at_least: 0.95]
outputs: {trace: t.jsonl, csv: m.csv, plots: plots}
)";

TEST(ScenarioFile, SaysWhatARunIs) {
  const auto file = parse_scenario(full, "s.yaml");
  ASSERT_TRUE(file.has_value()) << to_string(file.error());
  const auto& scenario = file->scenario;
  EXPECT_EQ(file->seed, 7U);
  EXPECT_EQ(scenario.nodes, 40U);
  EXPECT_EQ(scenario.options.latency.high, Duration(25ms));
  EXPECT_DOUBLE_EQ(scenario.options.noise.duplication, 0.01);
  EXPECT_EQ(scenario.options.session_timeout, Duration(12s));
  ASSERT_EQ(scenario.faults.size(), 9U);
  EXPECT_EQ(scenario.faults[0].nodes.kind, Pick::Kind::fraction);
  EXPECT_FALSE(scenario.faults[1].both_ways);
  EXPECT_EQ(scenario.faults[1].duration, Duration(2s));
  EXPECT_EQ(scenario.faults[2].others.kind, Pick::Kind::all);
  EXPECT_EQ(scenario.faults[4].nodes.indices, std::vector<simulation::NodeIndex>{5});
  EXPECT_DOUBLE_EQ(scenario.faults[5].factor, 3);
  EXPECT_EQ(scenario.faults[8].kind, Fault::Kind::churn);
  EXPECT_EQ(scenario.actions.size(), 5U);
  EXPECT_EQ(scenario.each_step.size(), 3U);
  EXPECT_EQ(scenario.at_end.size(), 3U);
  EXPECT_DOUBLE_EQ(file->reliability, 0.95);
  EXPECT_EQ(file->protocol_names, (std::vector<std::string>{"hyparview", "plumtree"}));
  EXPECT_EQ(file->plots, "plots");
}

TEST(ScenarioFile, Runs) {
  auto file = parse_scenario(full, "s.yaml");
  ASSERT_TRUE(file.has_value());
  file->scenario.faults.resize(1);
  const auto result = run(file->scenario, {.seed = file->seed}, [](simulation::Simulation& world) {
    EXPECT_EQ(world.broadcast_count(), 5U);
    EXPECT_EQ(world.live(), 36U);
  });
  EXPECT_FALSE(result.failure) << result.failure->to_string();
}

std::string error_of(std::string_view text) {
  const auto file = parse_scenario(text, "s.yaml");
  return file ? std::string("no error") : file.error().message;
}

TEST(ScenarioFile, BadOnesNameLineAndKey) {
  EXPECT_EQ(error_of("nodes: 3\nnods: 4\n"), "s.yaml:2:1: unknown key 'nods' in the scenario (did you mean 'nodes'?)");
  EXPECT_EQ(error_of("protocols:\n  - hyparview: {arwll: 6}\n"),
            "s.yaml:2:17: unknown parameter 'arwll' of hyparview (did you mean 'arwl'?)");
  EXPECT_EQ(error_of("protocols: [hyperview]\n"),
            "s.yaml:1:13: unknown protocol 'hyperview' (did you mean 'hyparview'?)");
  EXPECT_EQ(error_of("faults:\n  - {at: 3s, crush: all}\n"),
            "s.yaml:2:14: unknown key 'crush' in a fault (did you mean 'crash'?)");
  EXPECT_EQ(error_of("checks:\n  at_end: [conected]\n"),
            "s.yaml:2:12: unknown checker 'conected' (did you mean 'connected'?)");
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"nodes: many\nprotocols: [flood]\n", "s.yaml:1:8: 'many' is not a whole number"},
           {"nodes: 0\nprotocols: [flood]\n", "no nodes"},
           {"nodes: 3\n", "no protocols"},
           {"latency: 5 days\n", "is not a duration"},
           {"latency: {uniform: [5ms]}\n", "[least, most]"},
           {"latency: {matrix: [[1ms, 2ms], [3ms]]}\n", "as many columns as rows"},
           {"noise: {loss: 1.5}\n", "a share"},
           {"faults: [{at: 1s}]\n", "a fault has one of"},
           {"faults: [{at: 1s, crash: all, restart: all}]\n", "a fault has one of"},
           {"faults: [{at: 1s, crash: 5-2}]\n", "names no nodes"},
           {"faults: [{at: 1s, churn: {interval: 1s}}]\n", "churn has"},
           {"contact: 9\nnodes: 3\nprotocols: [flood]\n", "the contact is no node"},
           {"fidelity: high\n", "fidelity is"},
           {"checks: {each_step: [connected]}\n", "no checker of one node"},
           {"nodes: 3\nnodes: 4\n", "stands twice"},
           {"a: &x 1\n", "no anchors"},
           {"--- 1\n--- 2\n", "one document only"},
           {"{{}: 1}\n", "a key is text"},
           {std::string(300, '['), "nested too deeply"},
           {"[1, 2", "s.yaml:"}})
    EXPECT_NE(error_of(text).find(part), std::string::npos) << text << " gives " << error_of(text);
}

TEST(ScenarioFile, NodesJoinThroughTheirContact) {
  using Nodes = std::vector<simulation::NodeIndex>;
  ScenarioFile file;
  file.scenario.nodes = 5;
  file.contact = 1;
  EXPECT_EQ(file.contacts(4, false), Nodes{1});
  EXPECT_EQ(file.contacts(0, true), Nodes{1});
  EXPECT_EQ(file.contacts(1, false), Nodes{}) << "the first of all";
  EXPECT_EQ(file.contacts(1, true), (Nodes{0, 2, 3})) << "it comes back to the others";
  file.contact.reset();
  EXPECT_EQ(file.contacts(0, false), Nodes{});
  EXPECT_EQ(file.contacts(4, false), Nodes{3});
  EXPECT_EQ(file.contacts(0, true), (Nodes{1, 2, 3}));
}

TEST(ScenarioFile, PicksAreText) {
  EXPECT_EQ(parse_pick("0,4,7")->indices, (std::vector<simulation::NodeIndex>{0, 4, 7}));
  EXPECT_EQ(parse_pick("3-5")->count, 3U);
  EXPECT_DOUBLE_EQ(parse_pick("12.5%")->share, 0.125);
  EXPECT_EQ(parse_pick("random 4")->count, 4U);
  for (const char* text : {"", "x", "1,", "3-", "-1", "101%", "random", "random x", "1-9999999"})
    EXPECT_FALSE(parse_pick(text).has_value()) << text;
}

// What fuzzers found and began with, here and for the node's configuration: never without end.
TEST(ScenarioFile, TheCorpusIsReadToItsEnd) {
  std::size_t files = 0;
  for (const char* folder : {"/src/sim/corpus/scenario_fuzz", "/src/node/corpus"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(MYELIN_SOURCE_DIR) + folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      const auto file = parse_scenario(text, "f");
      EXPECT_TRUE(file || file.error().message.starts_with("f:")) << entry.path();
      ++files;
    }
  EXPECT_GT(files, 5U);
}

TEST(ScenarioFile, EveryShippedProtocolIsMade) {
  for (const std::string& name : shipped_names()) {
    const auto made = shipped_protocol(name, {});
    ASSERT_TRUE(made.has_value()) << name;
    EXPECT_EQ((*made)({{"n0", 0}})->name(), name);
  }
}

std::string with_guests(const std::string& rest, const std::string& fidelity = "libp2p") {
  return "fidelity: " + fidelity + "\nnodes: 3\nprotocols: [flood]\n" + rest;
}

TEST(ScenarioFile, SaysWhichGuestsRunWhere) {
  const auto file = parse_scenario(with_guests(R"(guests:
  - {name: echo, module: kernel_mailbox.wasm, access: anyone, arguments: [a, b]}
  - {name: second, module: ../guests/kernel_mailbox.wasm, nodes: 1-2, access: "0,2"}
  - {name: third, module: kernel_mailbox.wasm, access: 1-2}
allow_anyone: true
calls:
  - {at: 5s, count: 3, interval: 2s, from: "0", process: n1/echo, method: echo, body: hello, expect: hello, timeout: 3s}
)"),
                                   MYELIN_BINARY_DIR "/guests/s.yaml");
  ASSERT_TRUE(file.has_value()) << to_string(file.error());
  const auto& guests = file->scenario.guests;
  ASSERT_EQ(guests.size(), 3U);
  EXPECT_EQ(guests[0].guest.file, MYELIN_BINARY_DIR "/guests/kernel_mailbox.wasm");
  EXPECT_TRUE(guests[0].guest.anyone);
  EXPECT_EQ(guests[0].guest.arguments, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(guests[0].nodes.kind, Pick::Kind::all);
  EXPECT_EQ(guests[1].guest.file, guests[0].guest.file);
  EXPECT_EQ(guests[1].nodes.first, 1U);
  EXPECT_EQ(guests[1].guest.allow, (std::vector<simulation::NodeIndex>{0, 2}));
  EXPECT_EQ(guests[2].guest.allow, (std::vector<simulation::NodeIndex>{1, 2}));
  EXPECT_TRUE(file->scenario.options.allow_anyone);
  ASSERT_EQ(file->calls.size(), 1U);
  EXPECT_EQ(file->calls[0].call.expect, "hello");
  ASSERT_EQ(file->scenario.actions.size(), 3U);
  EXPECT_EQ(file->scenario.actions[2].at, Duration(9s));
}

TEST(ScenarioFile, GuestsHaveTheLimitsOfProcesses) {
  const auto file = parse_scenario(with_guests(R"(guests:
  - name: echo
    module: kernel_mailbox.wasm
    restart: never
    environment: {HOME: /x}
    limits:
      memory: 1MiB
      fuel_per_call: 1000000
      wall_per_call: 2s
      output_per_call: 1KiB
      queue_messages: 7
      queue_memory: 64KiB
      open_requests: 5
  - {name: plain, module: kernel_mailbox.wasm}
)"),
                                   MYELIN_BINARY_DIR "/guests/s.yaml");
  ASSERT_TRUE(file) << to_string(file.error());
  const simulation::Guest& guest = file->scenario.guests[0].guest;
  EXPECT_EQ(guest.restart, "never");
  EXPECT_EQ(guest.environment, (std::vector<std::pair<std::string, std::string>>{{"HOME", "/x"}}));
  EXPECT_EQ(guest.limits, (simulation::GuestLimits{.memory_bytes = 1 << 20,
                                                   .fuel_per_call = 1'000'000,
                                                   .wall_per_call = std::chrono::seconds(2),
                                                   .output_bytes_per_call = 1024,
                                                   .queue_messages = 7,
                                                   .queue_bytes = 65536,
                                                   .open_requests = 5}));
  EXPECT_EQ(file->scenario.guests[1].guest.limits, simulation::GuestLimits{});
  EXPECT_EQ(file->scenario.guests[1].guest.restart, "on-failure");
}

TEST(ScenarioFile, BadGuestsNameThePlace) {
  const auto says = [](const std::string& text, std::string_view words) {
    const auto file = parse_scenario(text, MYELIN_BINARY_DIR "/guests/s.yaml");
    ASSERT_FALSE(file.has_value()) << text;
    EXPECT_EQ(file.error().code, ErrorCode::bad_request);
    EXPECT_NE(file.error().message.find(words), std::string::npos) << file.error().message;
  };
  const auto guest = [](const std::string& text) { return with_guests("guests:\n  - {" + text + "}\n"); };
  says(guest("name: echo, module: kernel_mailbox.wasm, limits: {memory: 100B}"), "limits.memory: ");
  says(guest("name: echo, module: kernel_mailbox.wasm, limits: {memory: 128MiB}"), "at most 64 MiB");
  says(guest("name: echo, module: kernel_mailbox.wasm, limits: {memroy: 1MiB}"),
       "unknown key 'memroy' in the limits of a guest (did you mean 'memory'?)");
  says(guest("name: echo, module: kernel_mailbox.wasm, restart: sometimes"), "restart: a restart policy is never");
  says(guest("name: echo, module: kernel_mailbox.wasm, environment: {'': x}"), "is not the name of a variable");
  says(guest("name: echo, module: none.wasm"), "guests/none.wasm: No such file");
  says(guest("name: echo, module: none.wasm"), "s.yaml:5:26: module ");
  says(guest("name: echo, module: ."), "not a regular file");
  says(guest("name: echo, modul: x"), "unknown key 'modul' in a guest (did you mean 'module'?)");
  says(guest("name: echo"), "guest echo has no module");
  says(guest("module: kernel_mailbox.wasm"), "a guest has a name");
  says(guest("name: echo, module: kernel_mailbox.wasm, nodes: random 1"), "all, a list or a range");
  says(guest("name: echo, module: kernel_mailbox.wasm, access: some"), "access is own, anyone");
  const std::string echo = "guests: [{name: echo, module: kernel_mailbox.wasm}]\n";
  says(with_guests(echo, "tcp"), "guests need the fidelity libp2p");
  says(with_guests("calls: [{process: echo, method: echo}]\n"), "calls need guests");
  says(with_guests(echo + "calls: [{process: echo}]\n"), "a call names a process and a method");
  says(with_guests(echo + "calls: [{process: echo, method: echo, timeout: 0s}]\n"), "timeout is more than 0");
  says(with_guests(echo + "calls: [{process: echo, method: echo, count: 100001}]\n"), "s.yaml:5:");
}

}  // namespace
}  // namespace myelin::sim
