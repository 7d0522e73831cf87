#include "cli/options.hpp"

#include "base/error.hpp"
#include "cli/exit_code.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

namespace myelin::cli {
namespace {

// Adds one command: its description, an example for its help, and what it becomes when chosen.
template <typename T>
CLI::App* add(CLI::App& app, Parsed& parsed, T& options, const char* name, const char* what, const char* example) {
  CLI::App* command = app.add_subcommand(name, what);
  command->footer(std::string("Example:\n  ") + example);
  command->callback([&parsed, &options] { parsed.options = options; });
  command->fallthrough();  // --home and --json may stand behind the command too
  return command;
}

struct All {
  NodeOptions node;
  RunOptions run;
  SpawnOptions spawn;
  CallOptions call;
  PsOptions ps;
  InspectOptions inspect;
  LogsOptions logs;
  KillOptions kill;
  RemoveOptions remove;
  PeersOptions peers;
  ConnectOptions connect;
  PingOptions ping;
  PingPongOptions pingpong;
  SimOptions sim;
  std::uint32_t sim_nodes = 0;
  std::uint32_t sim_real_node = 0;
  KeygenOptions keygen;
  DoctorOptions doctor;
  VersionOptions version;
  std::string call_input;
  std::uint32_t shards = 0;
  std::uint16_t self_port = 0;
  std::uint16_t peer_port = 0;
};

void add_node(CLI::App& app, Parsed& parsed, All& all) {
  CLI::App* node = add(app, parsed, all.node, "node", "Run a node until SIGTERM (drains) or a second one (stops)",
                       "myelin node --listen /ip4/0.0.0.0/tcp/4001 --http 127.0.0.1:2080");
  node->add_option("--listen", all.node.listen, "Multiaddr to listen on; repeat for more")->allow_extra_args(false);
  node->add_option("--http", all.node.http, "host:port of the HTTP API; empty for none");
  node->add_option("--peer", all.node.peers, "Multiaddr with /p2p/ to keep a connection with; repeat for more")
      ->allow_extra_args(false);
  node->add_flag("--insecure-http", all.node.insecure_http, "Let the unencrypted HTTP API listen beyond loopback");
  node->add_option("--shards", all.shards, "Threads with an event loop; 0: one per core");
  node->add_option("--log-level", all.node.log_level, "debug, info, warn, error or off");
  node->add_option("--log-format", all.node.log_format, "text or json");
  node->add_option("--config", all.node.config, "Configuration file (default: config.yaml in the home)");
  node->callback([&parsed, &all, node] {
    if (node->count("--shards") > 0) all.node.shards = all.shards;
    parsed.options = all.node;
  });
}

void add_guests(CLI::App& app, Parsed& parsed, All& all) {
  CLI::App* run =
      add(app, parsed, all.run, "run", "Run a module in this program, without a node; stdio is passed through",
          "myelin run tool.wasm --verbose < input");
  run->add_option("file", all.run.file, "Module")->required();
  run->add_option("--method", all.run.method, "Method to call, for modules that are no commands");
  run->add_option("--env", all.run.environment, "NAME=value; repeat for more")->allow_extra_args(false);
  run->add_option("--limit", all.run.limits, "memory=64MiB, fuel=N, wall=5s, output=1MiB; repeat for more")
      ->allow_extra_args(false);
  run->add_option("arguments", all.run.arguments, "Arguments of the guest");
  run->positionals_at_end();

  CLI::App* spawn = add(app, parsed, all.spawn, "spawn", "Start a process on the node; prints its PID",
                        "myelin spawn --name echo --allow anyone echo.wasm");
  spawn->add_option("--name", all.spawn.name, "Name, unique on the node");
  spawn->add_option("--env", all.spawn.environment, "NAME=value; repeat for more")->allow_extra_args(false);
  spawn->add_option("--limit", all.spawn.limits, "memory=64MiB, fuel=N, wall=5s, output=1MiB, queue=N; repeat for more")
      ->allow_extra_args(false);
  spawn->add_option("--restart", all.spawn.restart, "never, on-failure (default) or always");
  spawn->add_option("--allow", all.spawn.allow, "A peer ID that may call it, or anyone; repeat for more")
      ->allow_extra_args(false);
  spawn->add_flag("--replace", all.spawn.replace, "Take the name over from the process that has it");
  spawn->add_option("file", all.spawn.file, "Module")->required();
  spawn->add_option("arguments", all.spawn.arguments, "Arguments of the guest");

  CLI::App* call =
      add(app, parsed, all.call, "call", "Call a method: stdin becomes the message, the answer goes to stdout",
          "echo -n Ada | myelin call greeter greet");
  call->add_option("address", all.call.address, "[peer or alias/]PID or name, or a whole /ww/0.1.0/… path")->required();
  call->add_option("method", all.call.method, "Method; may be left out for commands and mailbox processes");
  call->add_option("--timeout", all.call.timeout, "Deadline, as 5s or 250ms");
  call->add_option("--input", all.call_input, "The message, in place of stdin");
  call->callback([&parsed, &all, call] {
    if (call->count("--input") > 0) all.call.input = all.call_input;
    parsed.options = all.call;
  });
}

void add_processes(CLI::App& app, Parsed& parsed, All& all) {
  add(app, parsed, all.ps, "ps", "List the node's processes", "myelin ps");
  add(app, parsed, all.inspect, "inspect", "Show everything about one process", "myelin inspect echo --json")
      ->add_option("process", all.inspect.process, "PID or name")
      ->required();
  CLI::App* logs = add(app, parsed, all.logs, "logs", "Show what a process wrote to stderr", "myelin logs -f echo");
  logs->add_option("process", all.logs.process, "PID or name")->required();
  logs->add_flag("-f,--follow", all.logs.follow, "Go on as lines come");
  CLI::App* kill = add(app, parsed, all.kill, "kill", "Signal a process", "myelin kill --signal restart echo");
  kill->add_option("process", all.kill.process, "PID or name")->required();
  kill->add_option("--signal", all.kill.signal, "kill, stop, resume or restart");
  add(app, parsed, all.remove, "rm", "Kill a process and forget it", "myelin rm echo")
      ->add_option("process", all.remove.process, "PID or name")
      ->required();
}

void add_network(CLI::App& app, Parsed& parsed, All& all) {
  add(app, parsed, all.peers, "peers", "List the peers that the node knows", "myelin peers");
  add(app, parsed, all.connect, "connect", "Connect the node to a peer",
      "myelin connect /ip4/192.0.2.7/tcp/4001/p2p/12D3Koo…")
      ->add_option("address", all.connect.address, "Multiaddr with /p2p/")
      ->required();
  CLI::App* ping =
      add(app, parsed, all.ping, "ping", "Measure the round trip to a peer", "myelin ping 12D3Koo… --count 10");
  ping->add_option("peer", all.ping.peer, "Peer ID")->required();
  ping->add_option("--count", all.ping.count, "How many")->check(CLI::Range(1u, 100000u));
}

void add_protocol(CLI::App& app, Parsed& parsed, All& all) {
  CLI::App* protocol = app.add_subcommand("protocol", "Run a native protocol");
  protocol->require_subcommand(1);
  protocol->fallthrough();
  CLI::App* pingpong = add(*protocol, parsed, all.pingpong, "pingpong",
                           "Ping a peer of the Simple Protocol Runtime, and answer its Pings",
                           "myelin protocol pingpong -config node.yaml -port 5001 -peer-port 5002");
  pingpong->add_option("--config", all.pingpong.config, "YAML file: logging, runtime.self, runtime.peer");
  pingpong->add_option("--self-ip", all.pingpong.self_ip, "Address to listen on (default: the file's, else 127.0.0.1)");
  pingpong->add_option("--port,--self-port", all.self_port, "Port to listen on; over the file's");
  pingpong->add_option("--peer-ip", all.pingpong.peer_ip, "The peer's address (default: the file's, else 127.0.0.1)");
  pingpong->add_option("--peer-port", all.peer_port, "The peer's port; over the file's")->check(CLI::Range(1, 65535));
  pingpong->add_option("--wire", all.pingpong.wire, "What a dialler speaks first")->check(CLI::IsMember({"w0", "w3"}));
  pingpong->add_option("--log-level", all.pingpong.log_level, "debug, info, warn or error; over the file's");
  pingpong->add_option("--interval-ms", all.pingpong.interval_ms, "Between a Pong and the next Ping");
  pingpong->add_option("--count", all.pingpong.count, "End after so many Pongs; 0: go on");
  pingpong->add_option("--attempts", all.pingpong.attempts, "Dials of the peer before it is given up; 0: no bound");
  pingpong->callback([&parsed, &all, pingpong] {
    if (pingpong->count("--port") > 0) all.pingpong.self_port = all.self_port;
    if (pingpong->count("--peer-port") > 0) all.pingpong.peer_port = all.peer_port;
    parsed.options = all.pingpong;
  });
}

void add_sim(CLI::App& app, Parsed& parsed, All& all) {
  CLI::App* sim = add(app, parsed, all.sim, "sim", "Run native protocols in a simulated world, as a scenario file says",
                      "myelin sim scenario.yaml --seed 7 --trace run.jsonl");
  sim->add_option("scenario", all.sim.file, "YAML file (docs/simulation.md)")->required();
  sim->add_option("--seed", all.sim.which, "Seed, or a whole case as a failing run prints it; over the file's");
  sim->add_option("--nodes", all.sim_nodes, "How many nodes; over the file's")->check(CLI::Range(1u, 1000000u));
  sim->add_option("--runs", all.sim.runs, "Run so many seeds, until one fails; that one is made short")
      ->check(CLI::Range(1u, 1000000u));
  sim->add_option("--trace", all.sim.trace, "Write the trace (protoviz/1, JSON lines)");
  sim->add_option("--csv", all.sim.csv, "Write counters and curves of each cycle");
  sim->add_option("--plot", all.sim.plot, "Folder for a drawing (SVG) of each curve");
  sim->add_flag("--real", all.sim.real, "Start the nodes as real processes on loopback instead, in real time");
  sim->add_option("--real-node", all.sim_real_node)->group("");
  sim->add_option("--contact", all.sim.contacts)->group("")->allow_extra_args(false);
  sim->add_option("--port", all.sim.port)->group("");
  sim->callback([&parsed, &all, sim] {
    if (sim->count("--nodes") > 0) all.sim.nodes = all.sim_nodes;
    if (sim->count("--real-node") > 0) all.sim.real_node = all.sim_real_node;
    parsed.options = all.sim;
  });
}

void add_rest(CLI::App& app, Parsed& parsed, All& all) {
  CLI::App* keygen =
      add(app, parsed, all.keygen, "keygen", "Make an identity: a private key as libp2p writes it, in base58",
          "myelin keygen --out ~/.myelin/key");
  keygen->add_flag("--raw", all.keygen.raw, "The protobuf's bytes, not their text");
  keygen->add_option("--out", all.keygen.out, "File to make, readable by you alone");
  add(app, parsed, all.doctor, "doctor", "Say what on this machine limits a node", "myelin doctor");
  add(app, parsed, all.version, "version", "Print the version", "myelin version --json");
}

// Go's flags have one dash, however long: for the commands that are the Simple Protocol Runtime's, both forms are
// taken.
std::vector<std::string> with_two_dashes(int argc, const char* const* argv) {
  std::vector<std::string> words(argv, argv + argc);
  bool after_protocol = false;
  for (std::string& word : words) {
    if (after_protocol && word.size() > 2 && word[0] == '-' && word[1] != '-' && std::isalpha(word[1]) != 0) {
      word.insert(0, 1, '-');
    }
    after_protocol = after_protocol || word == "protocol";
  }
  return words;
}

std::string default_home() {
  if (const char* home = std::getenv("MYELIN_HOME"); home != nullptr && *home != '\0') return home;
  const char* user = std::getenv("HOME");
  return std::string(user != nullptr ? user : ".") + "/.myelin";
}

}  // namespace

std::variant<Parsed, int> parse(int argc, const char* const* argv) {
  Parsed parsed;
  All all;
  CLI::App app("Myelin: a peer-to-peer runtime for WebAssembly processes", "myelin");
  parsed.common.home = default_home();
  app.add_option("--home", parsed.common.home, "The node's folder (MYELIN_HOME, else ~/.myelin)");
  app.add_flag("--json", parsed.common.json, "Machine-readable output");
  app.add_option("--url", parsed.common.url, "The node's HTTP API (default: what the node of that home wrote down)");
  app.add_option("--token", parsed.common.token, "The API's token (default: the home's)");
  app.require_subcommand(1);
  add_node(app, parsed, all);
  add_guests(app, parsed, all);
  add_processes(app, parsed, all);
  add_network(app, parsed, all);
  add_protocol(app, parsed, all);
  add_sim(app, parsed, all);
  add_rest(app, parsed, all);
  try {
    std::vector<std::string> words = with_two_dashes(argc, argv);
    if (!words.empty()) words.erase(words.begin());
    std::ranges::reverse(words);  // as CLI11 wants them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_code(ErrorCode::bad_request);
  }
  parsed.common.home = std::filesystem::absolute(parsed.common.home).lexically_normal().string();
  return parsed;
}

}  // namespace myelin::cli
