// The program `myelin`.
#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "io/huge_pages.hpp"

#include <cstdio>
#include <variant>

namespace {

using namespace myelin::cli;

struct Dispatch {
  const Common& common;
  int operator()(const NodeOptions& options) const { return run_node(common, options); }
  int operator()(const RunOptions& options) const { return run_module(common, options); }
  int operator()(const SpawnOptions& options) const { return run_spawn(common, options); }
  int operator()(const CallOptions& options) const { return run_call(common, options); }
  int operator()(const PsOptions&) const { return run_ps(common); }
  int operator()(const InspectOptions& options) const { return run_inspect(common, options); }
  int operator()(const LogsOptions& options) const { return run_logs(common, options); }
  int operator()(const KillOptions& options) const { return run_kill(common, options); }
  int operator()(const RemoveOptions& options) const { return run_remove(common, options); }
  int operator()(const PeersOptions&) const { return run_peers(common); }
  int operator()(const ConnectOptions& options) const { return run_connect(common, options); }
  int operator()(const PingOptions& options) const { return run_ping(common, options); }
  int operator()(const PingPongOptions& options) const { return run_pingpong(common, options); }
  int operator()(const SimOptions& options) const { return run_sim(common, options); }
  int operator()(const KeygenOptions& options) const { return run_keygen(common, options); }
  int operator()(const DoctorOptions&) const { return run_doctor(common); }
  int operator()(const VersionOptions&) const { return run_version(common); }
};

}  // namespace

int main(int argc, char** argv) {
  const std::variant<Parsed, int> parsed = parse(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const auto& [common, options] = std::get<Parsed>(parsed);
  // Thousands of nodes are hundreds of megabytes. Not those that run as processes of their own: they are small.
  if (const auto* sim = std::get_if<SimOptions>(&options); sim != nullptr && !sim->real && !sim->real_node)
    myelin::io::restart_with_huge_pages(argv);
  const int code = std::visit(Dispatch{common}, options);
  std::fflush(stdout);
  return code;
}
