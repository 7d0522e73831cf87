// The commands: each does its work and gives the program's exit code. One file each, or one for a few that are alike.
//
// Thread: the program's first.
#pragma once

#include "cli/options.hpp"

namespace myelin::cli {

int run_node(const Common& common, const NodeOptions& options);
int run_module(const Common& common, const RunOptions& options);
int run_spawn(const Common& common, const SpawnOptions& options);
int run_call(const Common& common, const CallOptions& options);
int run_ps(const Common& common);
int run_inspect(const Common& common, const InspectOptions& options);
int run_logs(const Common& common, const LogsOptions& options);
int run_kill(const Common& common, const KillOptions& options);
int run_remove(const Common& common, const RemoveOptions& options);
int run_peers(const Common& common);
int run_connect(const Common& common, const ConnectOptions& options);
int run_ping(const Common& common, const PingOptions& options);
int run_pingpong(const Common& common, const PingPongOptions& options);
int run_sim(const Common& common, const SimOptions& options);
int run_keygen(const Common& common, const KeygenOptions& options);
int run_doctor(const Common& common);
int run_version(const Common& common);

}  // namespace myelin::cli
