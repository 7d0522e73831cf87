// What the command line says: one struct per command, filled by parse().
//
// Values. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace myelin::cli {

struct Common {
  std::string home;   // absolute; --home over MYELIN_HOME over ~/.myelin
  bool json = false;  // machine-readable output
  std::string url;    // of the node's API; empty: what the node of that home wrote down
  std::string token;  // empty: the home's
};

struct NodeOptions {
  std::vector<std::string> listen;
  std::string http;
  std::vector<std::string> peers;
  bool insecure_http = false;
  std::optional<std::uint32_t> shards;
  std::string log_level;
  std::string log_format;
  std::string config;
};
struct RunOptions {
  std::string file;
  std::string method = "run";
  std::vector<std::string> environment;
  std::vector<std::string> limits;
  std::vector<std::string> arguments;
};
struct SpawnOptions {
  std::string file;
  std::string name;
  std::vector<std::string> environment;
  std::vector<std::string> limits;
  std::string restart;
  std::vector<std::string> allow;
  bool replace = false;
  std::vector<std::string> arguments;
};
struct CallOptions {
  std::string address;
  std::string method = "run";
  std::string timeout;
  std::optional<std::string> input;
};
struct PsOptions {};
struct InspectOptions {
  std::string process;
};
struct LogsOptions {
  std::string process;
  bool follow = false;
};
struct KillOptions {
  std::string process;
  std::string signal = "kill";
};
struct RemoveOptions {
  std::string process;
};
struct PeersOptions {};
struct ConnectOptions {
  std::string address;
};
struct PingOptions {
  std::string peer;
  std::uint32_t count = 4;
};
struct PingPongOptions {  // myelin protocol pingpong; empty: the file's, or a default
  std::string config;
  std::string self_ip;
  std::string peer_ip;
  std::optional<std::uint16_t> self_port;
  std::optional<std::uint16_t> peer_port;
  std::string wire;
  std::string log_level;
  std::uint32_t interval_ms = 0;
  std::uint64_t count = 0;
  std::uint32_t attempts = 0;
};
struct SimOptions {
  std::string file;
  std::string which;  // a case: "17", "17/nodes=4"; empty: the file's seed
  std::optional<std::uint32_t> nodes;
  std::string trace, csv, plot;  // over the file's outputs
  std::uint32_t runs = 1;
  bool real = false;
  std::optional<std::uint32_t> real_node;  // this program is one node of a run of real processes
  std::vector<std::string> contacts;       // of that node
  std::uint16_t port = 0;                  // of that node
};
struct KeygenOptions {
  bool raw = false;
  std::string out;
};
struct DoctorOptions {};
struct VersionOptions {};

using Options = std::variant<NodeOptions, RunOptions, SpawnOptions, CallOptions, PsOptions, InspectOptions, LogsOptions,
                             KillOptions, RemoveOptions, PeersOptions, ConnectOptions, PingOptions, PingPongOptions,
                             SimOptions, KeygenOptions, DoctorOptions, VersionOptions>;

struct Parsed {
  Common common;
  Options options;
};

// The command line, or the exit code when there is nothing to run: help was printed (0), or it is wrong and stderr says
// how (64 + bad_request).
std::variant<Parsed, int> parse(int argc, const char* const* argv);

}  // namespace myelin::cli
