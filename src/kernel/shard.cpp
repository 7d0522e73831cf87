#include "kernel/shard.hpp"

#include "base/check.hpp"
#include "io/stopwatch.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {
// Of the woken, between two looks at the clock.
constexpr int slices_between_looks = 8;
}  // namespace

Shard::Shard(Core& the_core, std::uint32_t the_index, io::Loop& the_loop)
    : core(the_core),
      index(the_index),
      loop(the_loop),
      pumps([this](std::unique_ptr<Delivery> delivery, Ending ending) {
        finish(std::move(delivery), std::move(ending));
      }) {}

Shard::~Shard() = default;

void Shard::open_crossings(std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i) from_.push_back(std::make_unique<Crossing>());
}

Actor* Shard::find(const Pid& pid) {
  if (latest_ != nullptr && latest_pid_ == pid) return latest_;
  auto found = index_.find(pid);
  if (found == index_.end()) return nullptr;
  latest_pid_ = pid;
  latest_ = found->second;
  return latest_;
}

Actor& Shard::add(std::unique_ptr<Actor> actor) {
  Pid pid = actor->pid();
  index_[pid] = actor.get();
  return *actors_.emplace(pid, std::move(actor)).first->second;
}

void Shard::forget_name(const std::string& name, const Pid& pid) {
  if (name.empty()) return;
  for (auto& shard : core.shards) core.post(*shard, [name, pid](Shard& each) { each.names.erase(name, pid); });
}

bool Shard::remove(const Pid& pid) {
  if (const Native* native = natives.find(pid)) {
    forget_name(native->name(), pid);
    return natives.remove(pid, Error{ErrorCode::stopping, "the process was removed"});
  }
  Actor* actor = find(pid);
  if (actor == nullptr) return false;
  actor->kill(Error{ErrorCode::stopping, "the process was removed"});
  actor->forget();
  forget_name(actor->process_name(), pid);
  std::erase(ended_, pid);
  latest_ = nullptr;
  index_.erase(pid);
  actors_.erase(pid);
  return true;
}

void Shard::stop() {
  stopped_ = true;
  natives.remove_all(Error{ErrorCode::stopping, "the node stops"});
  pumps.drop_all(Error{ErrorCode::stopping, "the node stops"});
  for (auto& [pid, actor] : actors_) {
    actor->stop_all(Error{ErrorCode::stopping, "the node stops"});
    actor->forget();
  }
  latest_ = nullptr;
  index_.clear();
  actors_.clear();
  ended_.clear();
  publish();
}

void Shard::deliver(const Pid& pid, std::unique_ptr<Delivery> delivery) {
  if (stopped_) return finish(std::move(delivery), Error{ErrorCode::stopping, "the node stops"});
  Actor* actor = find(pid);
  if (actor == nullptr)
    if (Native* native = natives.find(pid)) return native->accept(std::move(delivery));
  if (actor == nullptr)
    return finish(std::move(delivery), Error{ErrorCode::no_such_process, "no process " + pid.to_string()});
  actor->accept(std::move(delivery));
}

void Shard::deliver(LetterPtr letter) {
  if (stopped_) return finish(std::move(letter), Error{ErrorCode::stopping, "the node stops"});
  Actor* actor = find(letter->to);
  Native* native = actor == nullptr ? natives.find(letter->to) : nullptr;
  if (actor == nullptr && native == nullptr) {
    std::string text = "no process " + letter->to.to_string();
    return finish(std::move(letter), Error{ErrorCode::no_such_process, std::move(text)});
  }
  if (actor != nullptr && actor->has_mailbox()) return actor->accept(std::move(letter));
  auto delivery = std::make_unique<Delivery>();
  delivery->ticket = core.next_ticket++;
  delivery->message = letter->message();
  delivery->reply = [this, letter = std::move(letter)](Ending ending) mutable {
    letter->owed = false;  // finish() has counted it
    if (ending.outcome) {
      letter->answer(std::move(*ending.outcome));
    } else {
      letter->room_from = ending.room_from;
      letter->fail(ending.outcome.error());
    }
    bring_home(std::move(letter));
  };
  if (native != nullptr) return native->accept(std::move(delivery));
  actor->accept(std::move(delivery));
}

void Shard::track(Parcel& parcel, const std::optional<Instant>& deadline, const Pid& pid) {
  if (parcel.ticket == 0) {
    if (!deadline) return;
    parcel.ticket = core.next_ticket++;
  }
  tickets_[parcel.ticket] = pid;
  if (!deadline) return;
  parcel.deadline_timer =
      loop.start_timer(*deadline, [held = core.shared_from_this(), this, ticket = parcel.ticket] { expire(ticket); });
}

void Shard::untrack(Parcel& parcel) {
  if (parcel.deadline_timer != 0) loop.cancel_timer(std::exchange(parcel.deadline_timer, 0));
  if (parcel.ticket != 0) tickets_.erase(parcel.ticket);
}

void Shard::finish(std::unique_ptr<Delivery> delivery, Ending ending) {
  untrack(*delivery);
  // Who sent one way had its outcome when it was accepted.
  if (!delivery->reply) return delivery->end(std::move(ending));
  if (ending.outcome)
    ++counters.outcomes_ok;
  else
    ++counters.outcomes_error[static_cast<std::size_t>(ending.outcome.error().code)];
  delivery->end(std::move(ending));
}

void Shard::finish(ParcelPtr parcel, Error error) {
  if (parcel->kind == Parcel::Kind::delivery) {
    std::unique_ptr<Delivery> delivery(as<Delivery>(std::move(parcel)).release());
    return finish(std::move(delivery), Ending{fail(std::move(error)), std::nullopt});
  }
  auto letter = as<Letter>(std::move(parcel));
  letter->fail(std::move(error));
  settle(std::move(letter));
}

void Shard::settle(LetterPtr letter) {
  untrack(*letter);
  if (!std::exchange(letter->owed, false)) return;
  if (letter->state == Letter::State::answered)
    ++counters.outcomes_ok;
  else
    ++counters.outcomes_error[static_cast<std::size_t>(letter->error->code)];
  bring_home(std::move(letter));
}

void Shard::acknowledge(Letter& letter, std::string_view by) {
  ++counters.outcomes_ok;
  letter.owed = false;
  if (letter.tells_accepted()) return bring_home(Letter::receipt_of(letter, letters, by));
  if (letter.home.shard == index) {
    if (Actor* sender = letter.home.find()) sender->exchange().accepted(letter.epoch, 1, letter.kept);
    return;
  }
  Parcel* latest = core.shards[letter.home.shard]->from_[index]->latest();
  if (latest != nullptr && latest->kind == Parcel::Kind::receipt) {
    auto& receipt = static_cast<Receipt&>(*latest);
    if (receipt.home == letter.home && receipt.epoch == letter.epoch) {
      ++receipt.letters;
      receipt.kept += letter.kept;
      return;
    }
  }
  auto receipt = std::make_unique<Receipt>();
  receipt->home = letter.home;
  receipt->epoch = letter.epoch;
  receipt->letters = 1;
  receipt->kept = letter.kept;
  send_across(letter.home.shard, std::move(receipt));
}

void Shard::bring_home(LetterPtr letter) {
  if (letter->home.shard != index) {
    const std::uint32_t shard = letter->home.shard;
    return send_across(shard, std::move(letter));
  }
  if (Actor* sender = letter->home.find()) sender->exchange().came_home(std::move(letter));
}

void Shard::send_across(std::uint32_t shard, ParcelPtr parcel) {
  core.shards[shard]->from_[index]->add(std::move(parcel));
  sent_across_ = true;
  if (!gathers_) publish();
}

void Shard::publish() {
  if (!std::exchange(sent_across_, false)) return;
  for (auto& shard : core.shards)
    if (shard->from_[index]->publish()) core.post(*shard, [](Shard& there) { there.crossed(); });
}

void Shard::take_crossed() {
  const bool gathered = std::exchange(gathers_, true);
  for (auto& crossing : from_) {
    if (!crossing->any()) continue;
    ParcelQueue arrived = crossing->take();
    while (!arrived.empty()) arrive(arrived.pop_front());
  }
  gathers_ = gathered;
  if (!gathers_) publish();
}

// Something has come across. Whom it woke runs at once, not after another trip through the loop.
void Shard::crossed() {
  if (core.config.adapt_slices) return turn();
  take_crossed();
}

void Shard::arrive(ParcelPtr parcel) {
  if (parcel->kind == Parcel::Kind::receipt) {
    const auto& receipt = static_cast<const Receipt&>(*parcel);
    if (Actor* sender = receipt.home.find()) sender->exchange().accepted(receipt.epoch, receipt.letters, receipt.kept);
    return;
  }
  auto letter = as<Letter>(std::move(parcel));
  letter->pool = &letters;
  if (letter->state == Letter::State::sent) return deliver(std::move(letter));
  bring_home(std::move(letter));
}

void Shard::leave(std::uint64_t ticket) {
  if (pumps.drop(ticket, Error{ErrorCode::cancelled, "the caller has left"})) return;
  auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return;
  const Pid pid = found->second;
  if (Actor* actor = find(pid)) actor->caller_left(ticket);
  if (Native* native = natives.find(pid)) native->caller_left(ticket);
}

void Shard::expire(std::uint64_t ticket) {
  if (pumps.drop(ticket, Error{ErrorCode::timeout, "the deadline has passed"})) return;
  auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return;
  const Pid pid = found->second;
  if (Actor* actor = find(pid)) actor->deadline_passed(ticket);
  if (Native* native = natives.find(pid)) native->deadline_passed(ticket);
}

void Shard::enqueue(Actor& actor, Lane lane) {
  run_queue_.push(&actor, lane);
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
  in_turn_ = gathers_ = true;
  take_crossed();
  Instant begun = loop.now();
  if (core.config.adapt_slices) {
    latest_look_ = io::stopwatch();
    // What the woken have brought about is carried out before the next of the spent takes its whole slice.
    if (run_queue_.empty() || run_queue_.next() == Lane::spent)
      run_one();
    else
      run_woken();
  } else {
    std::uint64_t fuel = run_one();
    std::int64_t per_slice = core.config.slice_time.count();
    double share = static_cast<double>(fuel) / static_cast<double>(core.config.slice_fuel);
    busy_until_ = begun + Duration(static_cast<std::int64_t>(share * static_cast<double>(per_slice)));
  }
  in_turn_ = gathers_ = false;
  publish();
  schedule();
}

void Shard::run_woken() {
  const Instant begun = latest_look_;
  std::uint64_t fuel = 0;
  for (int i = 1;; ++i) {
    const std::uint64_t used = run_one();
    fuel += used;
    publish();  // other shards do not wait for the end of the turn
    if (fuel >= core.config.slice_fuel || run_queue_.empty() || run_queue_.next() != Lane::woken) return;
    if (i % slices_between_looks != 0 && used < core.config.slice_fuel / 16) continue;
    if (look() - begun >= core.config.slice_time / 2) return;
  }
}

std::uint64_t Shard::run_one() {
  auto actor = run_queue_.pop();
  if (!actor) return 0;
  std::uint64_t fuel = (*actor)->slice();
  run_queue_.used(fuel);
  return fuel;
}

Instant Shard::look() {
  if (core.config.adapt_slices) latest_look_ = io::stopwatch();
  return latest_look_;
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
  natives.count(all);
  all.runnable = static_cast<std::uint32_t>(run_queue_.size());
  return all;
}

Core::Core(KernelConfig the_config, wasm::Engine& the_engine, const std::vector<io::Loop*>& loops)
    : config(std::move(the_config)), node_text(config.node.to_string()), engine(the_engine) {
  MYELIN_CHECK(!loops.empty(), "a kernel has at least one shard");
  MYELIN_CHECK(config.slice_fuel > 0 && config.slice_time > Duration::zero(), "slices are not empty");
  for (std::size_t i = 0; i < loops.size(); ++i)
    shards.push_back(std::make_unique<Shard>(*this, static_cast<std::uint32_t>(i), *loops[i]));
  for (auto& shard : shards) shard->open_crossings(loops.size());
}

// What is still on its way goes before the first pool of letters does.
Core::~Core() {
  for (auto& shard : shards) shard->close_crossings();
  for (auto& shard : shards) shard->letters.close();
}

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
