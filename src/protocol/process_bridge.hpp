// ProcessBridge: the protocols of one runtime as processes of a node: each stands in the node's table under its name,
// is signalled, waited for and removed like any other, has its log there, takes requests of processes, and sends them
// under its own PID.
//
// Thread: its loop, which is a shard of the kernel and that of the runtime's core. Lifetime: kernel, loop and core
// outlive it; stop() has ended before it is destroyed, unless start() was never called or the loop has crashed.
#pragma once

#include "base/ids.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "kernel/kernel.hpp"
#include "kernel/native.hpp"
#include "protocol/core.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::protocol {

class ProcessBridge final : public ProcessPort {
 public:
  ProcessBridge(kernel::Kernel& kernel, io::Loop& loop, kernel::AccessList access);
  ~ProcessBridge() override;
  ProcessBridge(const ProcessBridge&) = delete;
  ProcessBridge& operator=(const ProcessBridge&) = delete;

  // Once, before start().
  void attach(RuntimeCore& core) { core_ = &core; }
  // Told of each message that a process sends to a protocol, before the protocol has it. Set before start(), or empty.
  std::function<void(std::string_view protocol, std::string_view caller, std::string_view method, std::size_t bytes)>
      on_message;
  // Enters all protocols of the core. On an error none is left. Errors: conflict (a name is taken), stopping.
  io::Task<Result<void>> start();
  // Takes them out of the table.
  io::Task<void> stop();

  void call(std::string_view protocol, std::string address, std::string method, Bytes body, Duration timeout,
            detail::ProcessReply reply, std::move_only_function<void()> room) override;
  void log(std::string_view protocol, LogLevel level, std::string_view event, LogFields fields) override;
  void ended(std::string_view protocol) override;
  // Fills in the PIDs.
  void name_processes(std::vector<ProtocolStatus>& list) const;

 private:
  class Program;
  struct Call;
  using Promise = std::pair<Pid, std::string>;  // who was refused, by which address
  void finish(std::uint64_t id, kernel::Outcome outcome);
  void roomy(const Promise& promise);

  kernel::Kernel& kernel_;
  io::Loop& loop_;
  const kernel::AccessList access_;
  RuntimeCore* core_ = nullptr;
  std::map<std::string, std::unique_ptr<Program>, std::less<>> programs_;  // by the protocol's name
  std::map<std::uint64_t, std::unique_ptr<Call>> calls_;
  std::uint64_t next_call_ = 1;
  // Full mailboxes that will tell when they have room, and what to call then; bounded by what they promise.
  std::map<Promise, std::move_only_function<void()>> rooms_;
  std::shared_ptr<ProcessBridge*> self_;  // shared with outcomes that may come late
};

}  // namespace myelin::protocol
