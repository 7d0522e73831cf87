#include "kernel/spawn.hpp"

#include "base/log.hpp"
#include "kernel/ask.hpp"
#include "kernel/classify.hpp"
#include "kernel/shard.hpp"

namespace myelin::kernel {

Result<void> check_spec(const Core& core, const SpawnSpec& spec) {
  if (core.stopped || core.draining) return fail(ErrorCode::stopping, "the node stops");
  if (!spec.name.empty() && !valid_process_name(spec.name))
    return fail(ErrorCode::bad_request, "not a process name: '" + abi::one_line(spec.name) + "'");
  if (spec.limits.queue_messages == 0 || spec.limits.queue_bytes < message_overhead_bytes)
    return fail(ErrorCode::bad_request, "a mailbox holds at least one message");
  if (spec.limits.memory_pages == 0 || spec.limits.memory_pages > 65536)
    return fail(ErrorCode::bad_request, "memory is 1 to 65536 pages");
  for (const auto& argument : spec.arguments)
    if (argument.find('\0') != std::string::npos) return fail(ErrorCode::bad_request, "an argument holds a zero byte");
  for (const auto& [key, value] : spec.environment)
    if (key.empty() || key.find('=') != std::string::npos || key.find('\0') != std::string::npos ||
        value.find('\0') != std::string::npos)
      return fail(ErrorCode::bad_request, "not an environment variable: '" + abi::one_line(key) + "'");
  return {};
}

Pid mint_pid(io::Loop& loop, const Core& core, const Shard& shard) {
  Pid pid;
  do {
    loop.random(pid.bytes);
  } while (stable_hash(pid) % core.shards.size() != shard.index);
  return pid;
}

namespace {

Shard& least_loaded(Core& core) {
  Shard* least = core.shards.front().get();
  for (auto& shard : core.shards)
    if (shard->population < least->population) least = shard.get();
  return *least;
}

io::Task<Result<ProcessInfo>> start_on(std::shared_ptr<Core> core, io::Loop* caller, std::size_t shard,
                                       Actor::Setup setup) {
  Reply<Result<ProcessInfo>> reply(*caller);
  core->post(*core->shards[shard], [reply, setup = std::move(setup)](Shard& there) mutable {
    if (there.core.stopped) {
      --there.core.processes;
      return reply.give(fail(ErrorCode::stopping, "the node stops"));
    }
    Pid pid = setup.pid;
    Actor& actor = there.add(std::make_unique<Actor>(there, std::move(setup)));
    actor.start_first([reply, &there, pid](Result<void> started) {
      if (!started) return reply.give(fail(started.error()));
      ++there.counters.spawned;
      Actor* ready = there.find(pid);
      reply.give(ready->describe());
    });
  });
  co_return co_await reply.wait();
}

io::Task<void> set_name(std::shared_ptr<Core> core, io::Loop* caller, std::string name, Pid pid) {
  for (std::size_t i = 0; i < core->shards.size(); ++i)
    co_await ask<bool>(caller, core, i, [name, pid](Shard& shard) {
      shard.names.set(name, pid);
      return true;
    });
}

io::Task<void> unreserve(std::shared_ptr<Core> core, io::Loop* caller, std::string name) {
  co_await ask<bool>(caller, core, 0, [name = std::move(name)](Shard& shard) {
    shard.names.unreserve(name);
    return true;
  });
}

io::Task<void> remove_at_home(std::shared_ptr<Core> core, io::Loop* caller, Pid pid) {
  std::size_t home = core->shard_of(pid).index;
  co_await ask<bool>(caller, core, home, [pid](Shard& shard) { return shard.remove(pid); });
}

// The part between reserving the name and giving the reservation back.
io::Task<Result<ProcessInfo>> start_named(std::shared_ptr<Core> core, io::Loop* caller, Actor::Setup setup,
                                          std::optional<Pid> replaced) {
  std::string name = setup.spec.name;
  Pid pid = setup.pid;
  std::size_t home = core->shard_of(pid).index;
  auto info = co_await start_on(core, caller, home, std::move(setup));
  if (!info) {
    co_await remove_at_home(core, caller, pid);
    co_return info;
  }
  if (name.empty()) co_return info;
  co_await set_name(core, caller, name, pid);
  if (replaced) co_await remove_at_home(core, caller, *replaced);
  co_return info;
}

}  // namespace

io::Task<Result<ProcessInfo>> spawn_process(std::shared_ptr<Core> core, io::Loop* caller, SpawnSpec spec) {
  if (auto fine = check_spec(*core, spec); !fine) co_return fail(fine.error());
  Buffer bytes = std::exchange(spec.module, {});
  std::shared_ptr<const wasm::Module> module = std::exchange(spec.loaded, nullptr);
  if (module == nullptr) {
    auto loaded = co_await core->engine.load(*caller, std::move(bytes));
    if (!loaded) co_return fail(loaded.error());
    module = std::move(*loaded);
  }
  auto classified = classify(module->info());
  if (!classified) co_return fail(classified.error());
  std::string name = spec.name;
  std::optional<Pid> replaced;
  if (!name.empty()) {
    auto reserved = co_await ask<Result<std::optional<Pid>>>(
        caller, core, 0, [name, replace = spec.replace](Shard& shard) { return shard.names.reserve(name, replace); });
    if (!reserved) co_return fail(reserved.error());
    replaced = *reserved;
  }
  Result<ProcessInfo> result = fail(ErrorCode::limit, "the node holds its most processes");
  if (core->take_place()) {
    Actor::Setup setup;
    setup.pid = mint_pid(*caller, *core, least_loaded(*core));
    setup.spec = std::move(spec);
    setup.module = std::move(module);
    setup.classified = std::move(*classified);
    setup.parent = core->config.root_pid;
    result = co_await start_named(core, caller, std::move(setup), replaced);
  }
  if (!name.empty()) co_await unreserve(core, caller, name);
  if (result)
    log::info("kernel", "spawned",
              {{"pid", result->pid.to_string()}, {"name", name}, {"kind", kernel::name(result->kind)}});
  co_return result;
}

}  // namespace myelin::kernel
