#include "kernel/control.hpp"

#include "kernel/ask.hpp"
#include "kernel/shard.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {

constexpr Duration drain_step = std::chrono::milliseconds(5);

Error gone(const Pid& pid) { return Error{ErrorCode::no_such_process, "no process " + pid.to_string()}; }

// `work` takes an Actor& or a Native&.
template <typename T, typename Work>
io::Task<Result<T>> ask_process(io::Loop* caller, std::shared_ptr<Core> core, Pid pid, Work work) {
  std::size_t home = core->shard_of(pid).index;
  co_return co_await ask<Result<T>>(caller, core, home,
                                    [pid, work = std::move(work)](Shard& shard) mutable -> Result<T> {
                                      if (Native* native = shard.natives.find(pid)) return work(*native);
                                      Actor* actor = shard.find(pid);
                                      if (actor == nullptr) return fail(gone(pid));
                                      return work(*actor);
                                    });
}

// A waiter of a process, seen from another loop: set by the process, or by a token that fires.
struct Waiter {
  explicit Waiter(io::Loop& loop) : event(loop) {}
  io::Event event;
  std::optional<ProcessInfo> ended;  // of a native process, which may leave the table as soon as it has ended
};

io::Callback teller(io::Loop* caller, std::shared_ptr<Waiter> waiter) {
  return [caller, waiter = std::move(waiter)] { caller->post([waiter] { waiter->event.set(); }); };
}

io::Callback end_teller(io::Loop* caller, std::shared_ptr<Waiter> waiter, const Actor&) {
  return teller(caller, std::move(waiter));
}

// REQUIRES: called while the process is there, as it does.
io::Callback end_teller(io::Loop* caller, std::shared_ptr<Waiter> waiter, const Native& native) {
  return [caller, waiter = std::move(waiter), &native] {
    std::optional<ProcessInfo> ended;
    if (native.over()) ended = native.describe();
    caller->post([waiter, ended = std::move(ended)]() mutable {
      waiter->ended = std::move(ended);
      waiter->event.set();
    });
  };
}

io::Task<void> withdraw(std::shared_ptr<Core> core, io::Loop* caller, Pid pid, std::uint64_t id) {
  co_await ask_process<bool>(caller, core, pid, [id](auto& process) -> Result<bool> {
    process.withdraw(id);
    return true;
  });
}

}  // namespace

io::Task<std::vector<ProcessInfo>> list_processes(std::shared_ptr<Core> core, io::Loop* caller) {
  std::vector<ProcessInfo> all;
  for (std::size_t i = 0; i < core->shards.size(); ++i) {
    auto some = co_await ask<std::vector<ProcessInfo>>(caller, core, i, [](Shard& shard) {
      std::vector<ProcessInfo> infos;
      for (const auto& [pid, actor] : shard.actors()) infos.push_back(actor->describe());
      for (const auto& [pid, native] : shard.natives.all()) infos.push_back(native->describe());
      return infos;
    });
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  // Oldest first, as they were started.
  std::sort(all.begin(), all.end(), [](const ProcessInfo& a, const ProcessInfo& b) {
    return std::tie(a.started, a.pid) < std::tie(b.started, b.pid);
  });
  co_return all;
}

io::Task<Result<ProcessInfo>> inspect_process(std::shared_ptr<Core> core, io::Loop* caller,
                                              std::variant<Pid, std::string> process) {
  std::optional<Pid> pid;
  if (const auto* given = std::get_if<Pid>(&process))
    pid = *given;
  else
    pid = core->shard_at(*caller).names.find(std::get<std::string>(process));
  if (!pid)
    co_return fail(ErrorCode::no_such_process,
                   "no process is named '" + abi::one_line(std::get<std::string>(process)) + "'");
  co_return co_await ask_process<ProcessInfo>(caller, core, *pid,
                                              [](auto& process) -> Result<ProcessInfo> { return process.describe(); });
}

io::Task<Result<void>> signal_process(std::shared_ptr<Core> core, io::Loop* caller, Pid pid, Signal signal) {
  co_return co_await ask_process<void>(caller, core, pid,
                                       [signal](auto& process) -> Result<void> { return process.signal(signal); });
}

io::Task<Result<void>> remove_process(std::shared_ptr<Core> core, io::Loop* caller, Pid pid) {
  std::size_t home = core->shard_of(pid).index;
  bool found = co_await ask<bool>(caller, core, home, [pid](Shard& shard) { return shard.remove(pid); });
  if (!found) co_return fail(gone(pid));
  // Removing a name is a post to each shard from its home; after these it has happened everywhere.
  for (std::size_t i = 0; i < core->shards.size(); ++i) {
    Reply<bool> passed(*caller);
    core->post(*core->shards[home], [passed, i](Shard& shard) {
      shard.core.post(*shard.core.shards[i], [passed](Shard&) { passed.give(true); });
    });
    co_await passed.wait();
  }
  co_return Result<void>{};
}

io::Task<Result<std::vector<LogLine>>> read_logs(std::shared_ptr<Core> core, io::Loop* caller, Pid pid,
                                                 std::uint64_t after, bool wait, io::CancelToken token) {
  using Lines = std::vector<LogLine>;
  for (;;) {
    auto waiter = std::make_shared<Waiter>(*caller);  // shared: with the process on its shard
    auto found = co_await ask_process<std::pair<Lines, std::uint64_t>>(
        caller, core, pid,
        [caller, waiter, after, wait](auto& process) mutable -> Result<std::pair<Lines, std::uint64_t>> {
          Lines lines = process.log().after(after);
          std::uint64_t id = 0;
          if (lines.empty() && wait) id = process.on_line(teller(caller, waiter));
          return std::pair(std::move(lines), id);
        });
    if (!found) co_return fail(found.error());
    if (!found->first.empty() || !wait) co_return std::move(found->first);
    io::CancelCallback fired(token, [waiter] { waiter->event.set(); });
    co_await waiter->event.wait();
    if (token.fired()) {
      co_await withdraw(core, caller, pid, found->second);
      co_return Lines{};
    }
  }
}

io::Task<Result<ProcessInfo>> wait_process(std::shared_ptr<Core> core, io::Loop* caller, Pid pid,
                                           io::CancelToken token) {
  for (;;) {
    auto waiter = std::make_shared<Waiter>(*caller);  // shared: with the process on its shard
    auto found = co_await ask_process<std::pair<ProcessInfo, std::uint64_t>>(
        caller, core, pid, [caller, waiter](auto& process) mutable -> Result<std::pair<ProcessInfo, std::uint64_t>> {
          std::uint64_t id = process.over() ? 0 : process.on_end(end_teller(caller, waiter, process));
          return std::pair(process.describe(), id);
        });
    if (!found) co_return fail(found.error());
    if (found->second == 0) co_return std::move(found->first);
    io::CancelCallback fired(token, [waiter] { waiter->event.set(); });
    co_await waiter->event.wait();
    if (waiter->ended) co_return std::move(*waiter->ended);
    if (token.fired()) {
      co_await withdraw(core, caller, pid, found->second);
      co_return fail(ErrorCode::cancelled, "no longer waited for");
    }
  }
}

io::Task<KernelMetrics> gather_metrics(std::shared_ptr<Core> core, io::Loop* caller) {
  KernelMetrics all;
  for (std::size_t i = 0; i < core->shards.size(); ++i) {
    auto one = co_await ask<KernelMetrics>(caller, core, i, [](Shard& shard) { return shard.metrics(); });
    all.calls += one.calls;
    all.requests += one.requests;
    all.outcomes_ok += one.outcomes_ok;
    all.spawned += one.spawned;
    all.ended += one.ended;
    all.restarts += one.restarts;
    all.traps += one.traps;
    all.fuel += one.fuel;
    for (std::size_t code = 0; code < all.outcomes_error.size(); ++code)
      all.outcomes_error[code] += one.outcomes_error[code];
    all.processes += one.processes;
    all.runnable += one.runnable;
    all.queued_messages += one.queued_messages;
    all.queued_bytes += one.queued_bytes;
  }
  co_return all;
}

io::Task<void> drain_kernel(std::shared_ptr<Core> core, io::Loop* caller, Instant deadline) {
  core->draining = true;
  // What is under way is counted by all shards in one number; to look at it now and then is cheap, and rare.
  while (core->in_flight > 0 && caller->now() < deadline)
    (void)co_await io::sleep_until(*caller, std::min(deadline, caller->now() + drain_step));
}

io::Task<void> stop_kernel(std::shared_ptr<Core> core, io::Loop* caller) {
  core->draining = true;
  core->stopped = true;
  for (std::size_t i = 0; i < core->shards.size(); ++i)
    co_await ask<bool>(caller, core, i, [](Shard& shard) {
      shard.stop();
      return true;
    });
  // Outcomes posted by one shard to another have arrived after one more round.
  for (std::size_t i = 0; i < core->shards.size(); ++i)
    co_await ask<bool>(caller, core, i, [](Shard&) { return true; });
}

}  // namespace myelin::kernel
