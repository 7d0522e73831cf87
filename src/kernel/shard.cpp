#include "kernel/shard.hpp"

#include "base/check.hpp"
#include "io/stopwatch.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {
constexpr int slices_per_turn = 16;
}

Shard::Shard(Core& the_core, std::uint32_t the_index, io::Loop& the_loop)
    : core(the_core),
      index(the_index),
      loop(the_loop),
      pumps([this](std::unique_ptr<Delivery> delivery, Ending ending) {
        finish(std::move(delivery), std::move(ending));
      }) {}

Shard::~Shard() = default;

Actor* Shard::find(const Pid& pid) {
  auto found = actors_.find(pid);
  return found == actors_.end() ? nullptr : found->second.get();
}

Actor& Shard::add(std::unique_ptr<Actor> actor) {
  Pid pid = actor->pid();
  return *actors_.emplace(pid, std::move(actor)).first->second;
}

bool Shard::remove(const Pid& pid) {
  Actor* actor = find(pid);
  if (actor == nullptr) return false;
  actor->kill(Error{ErrorCode::stopping, "the process was removed"});
  actor->forget();
  if (!actor->process_name().empty())
    for (auto& shard : core.shards)
      core.post(*shard, [name = actor->process_name(), pid](Shard& each) { each.names.erase(name, pid); });
  std::erase(ended_, pid);
  actors_.erase(pid);
  return true;
}

void Shard::stop() {
  stopped_ = true;
  pumps.drop_all(Error{ErrorCode::stopping, "the node stops"});
  for (auto& [pid, actor] : actors_) {
    actor->stop_all(Error{ErrorCode::stopping, "the node stops"});
    actor->forget();
  }
  actors_.clear();
  ended_.clear();
}

void Shard::deliver(const Pid& pid, std::unique_ptr<Delivery> delivery) {
  if (stopped_) return finish(std::move(delivery), Error{ErrorCode::stopping, "the node stops"});
  Actor* actor = find(pid);
  if (actor == nullptr)
    return finish(std::move(delivery), Error{ErrorCode::no_such_process, "no process " + pid.to_string()});
  actor->accept(std::move(delivery));
}

void Shard::track(Delivery& delivery, const Pid& pid) {
  tickets_[delivery.ticket] = pid;
  if (!delivery.message.deadline) return;
  delivery.deadline_timer = loop.start_timer(
      *delivery.message.deadline, [held = core.shared_from_this(), this, ticket = delivery.ticket] { expire(ticket); });
}

void Shard::finish(std::unique_ptr<Delivery> delivery, Ending ending) {
  if (delivery->deadline_timer != 0) loop.cancel_timer(delivery->deadline_timer);
  tickets_.erase(delivery->ticket);
  // Who sent one way had its outcome when it was accepted.
  if (!delivery->reply) return delivery->end(std::move(ending));
  if (ending.outcome)
    ++counters.outcomes_ok;
  else
    ++counters.outcomes_error[static_cast<std::size_t>(ending.outcome.error().code)];
  delivery->end(std::move(ending));
}

void Shard::leave(std::uint64_t ticket) {
  if (pumps.drop(ticket, Error{ErrorCode::cancelled, "the caller has left"})) return;
  auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return;
  if (Actor* actor = find(found->second)) actor->caller_left(ticket);
}

void Shard::expire(std::uint64_t ticket) {
  if (pumps.drop(ticket, Error{ErrorCode::timeout, "the deadline has passed"})) return;
  auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return;
  if (Actor* actor = find(found->second)) actor->deadline_passed(ticket);
}

void Shard::enqueue(const Pid& pid, RunQueue::Lane lane) {
  run_queue_.push(pid, lane);
  schedule();
}

void Shard::schedule() {
  if (scheduled_ || in_turn_ || run_queue_.empty()) return;
  scheduled_ = true;
  auto work = [held = core.shared_from_this(), this] { turn(); };
  if (core.config.adapt_slices)
    loop.post(std::move(work));
  else
    loop.start_timer(std::max(busy_until_, loop.now()), std::move(work));
}

void Shard::turn() {
  scheduled_ = false;
  in_turn_ = true;
  Instant begun = loop.now();
  if (core.config.adapt_slices) {
    // What the woken have brought about is carried out before the next of the spent takes its whole slice.
    if (run_queue_.empty() || run_queue_.next() == RunQueue::Lane::spent) {
      run_one();
    } else {
      std::uint64_t fuel = 0;
      for (int i = 0; i < slices_per_turn && fuel < core.config.slice_fuel && !run_queue_.empty() &&
                      run_queue_.next() == RunQueue::Lane::woken;
           ++i)
        fuel += run_one();
    }
  } else {
    std::uint64_t fuel = run_one();
    std::int64_t per_slice = core.config.slice_time.count();
    double share = static_cast<double>(fuel) / static_cast<double>(core.config.slice_fuel);
    busy_until_ = begun + Duration(static_cast<std::int64_t>(share * static_cast<double>(per_slice)));
  }
  in_turn_ = false;
  schedule();
}

std::uint64_t Shard::run_one() {
  auto pid = run_queue_.pop();
  if (!pid) return 0;
  Actor* actor = find(*pid);
  std::uint64_t fuel = actor == nullptr ? 0 : actor->slice();
  run_queue_.used(fuel);
  return fuel;
}

Instant Shard::stopwatch() const {
  if (!core.config.adapt_slices) return loop.now();
  return io::stopwatch();
}

void Shard::ended(const Pid& pid) {
  ++counters.ended;
  ended_.push_back(pid);
  if (ended_.size() > kept_ended) core.post(*this, [](Shard& self) { self.prune(); });
}

void Shard::prune() {
  while (ended_.size() > kept_ended) {
    Pid pid = ended_.front();
    ended_.pop_front();
    Actor* actor = find(pid);
    if (actor != nullptr && actor->over()) remove(pid);
  }
}

KernelMetrics Shard::metrics() const {
  KernelMetrics all = counters;
  for (const auto& [pid, actor] : actors_) {
    if (!actor->over()) ++all.processes;
    all.queued_messages += actor->mailbox().messages();
    all.queued_bytes += actor->mailbox().bytes();
  }
  all.runnable = static_cast<std::uint32_t>(run_queue_.size());
  return all;
}

Core::Core(KernelConfig the_config, wasm::Engine& the_engine, const std::vector<io::Loop*>& loops)
    : config(std::move(the_config)), node_text(config.node.to_string()), engine(the_engine) {
  MYELIN_CHECK(!loops.empty(), "a kernel has at least one shard");
  MYELIN_CHECK(config.slice_fuel > 0 && config.slice_time > Duration::zero(), "slices are not empty");
  for (std::size_t i = 0; i < loops.size(); ++i)
    shards.push_back(std::make_unique<Shard>(*this, static_cast<std::uint32_t>(i), *loops[i]));
}

Core::~Core() = default;

Shard& Core::shard_of(const Pid& pid) { return *shards[stable_hash(pid) % shards.size()]; }

Shard& Core::shard_at(const io::Loop& loop) {
  for (auto& shard : shards)
    if (&shard->loop == &loop) return *shard;
  MYELIN_CHECK(false, "the caller's loop is a shard of the kernel");
}

void Core::post(Shard& shard, std::move_only_function<void(Shard&)> work) {
  shard.loop.post([held = shared_from_this(), &shard, work = std::move(work)]() mutable { work(shard); });
}

std::uint32_t Core::max_processes() const {
  return config.max_processes != 0 ? config.max_processes : engine.metrics().max_instances;
}

bool Core::take_place() {
  std::uint32_t most = max_processes();
  std::uint32_t now = processes.load();
  while (now < most)
    if (processes.compare_exchange_weak(now, now + 1)) return true;
  return false;
}

void Core::route_delivery(Shard& from, const std::variant<Pid, std::string>& process,
                          std::unique_ptr<Delivery> delivery) {
  std::optional<Pid> pid;
  if (const auto* given = std::get_if<Pid>(&process))
    pid = *given;
  else
    pid = from.names.find(std::get<std::string>(process));
  if (!pid)
    return from.finish(std::move(delivery), Error{ErrorCode::no_such_process,
                                                  "no process is named '" + std::get<std::string>(process) + "'"});
  post(shard_of(*pid),
       [pid = *pid, delivery = std::move(delivery)](Shard& shard) mutable { shard.deliver(pid, std::move(delivery)); });
}

}  // namespace myelin::kernel
