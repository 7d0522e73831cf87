// Control: what operators ask of processes, from any shard: list, inspect, signal, remove, logs, wait, figures, drain,
// stop.
//
// Thread: the caller's loop, which outlives the task.
#pragma once

#include "kernel/core.hpp"
#include "kernel/kernel.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace myelin::kernel {

io::Task<std::vector<ProcessInfo>> list_processes(std::shared_ptr<Core> core, io::Loop* caller);
io::Task<Result<ProcessInfo>> inspect_process(std::shared_ptr<Core> core, io::Loop* caller,
                                              std::variant<Pid, std::string> process);
io::Task<Result<void>> signal_process(std::shared_ptr<Core> core, io::Loop* caller, Pid pid, Signal signal);
io::Task<Result<void>> remove_process(std::shared_ptr<Core> core, io::Loop* caller, Pid pid);
io::Task<Result<std::vector<LogLine>>> read_logs(std::shared_ptr<Core> core, io::Loop* caller, Pid pid,
                                                 std::uint64_t after, bool wait, io::CancelToken token);
io::Task<Result<ProcessInfo>> wait_process(std::shared_ptr<Core> core, io::Loop* caller, Pid pid,
                                           io::CancelToken token);
io::Task<KernelMetrics> gather_metrics(std::shared_ptr<Core> core, io::Loop* caller);
io::Task<void> drain_kernel(std::shared_ptr<Core> core, io::Loop* caller, Instant deadline);
io::Task<void> stop_kernel(std::shared_ptr<Core> core, io::Loop* caller);

}  // namespace myelin::kernel
