#include "protocol/timers.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

TimerId Timers::start(Owner owner, Instant due, Duration period, std::function<void()> callback, bool internal) {
  const TimerId id = timers_.add(owner, internal, due, period, std::move(callback));
  deadlines_.add(Slots<Timer>::index_of(id), due);
  return id;
}

bool Timers::cancel(Owner owner, TimerId id) {
  const Timer* timer = timers_.find(id);
  if (timer == nullptr || timer->owner != owner || timer->internal) return false;
  deadlines_.remove(Slots<Timer>::index_of(id));
  const auto dropped = timers_.take(id);
  return true;
}

void Timers::cancel_all(Owner owner) {
  // Taken out first, destroyed at the end: what a callback holds may come back here.
  const auto dropped = timers_.take_if([owner](const Timer& timer) { return timer.owner == owner; });
  for (const auto& [id, timer] : dropped) deadlines_.remove(Slots<Timer>::index_of(id));
}

std::optional<Timers::Due> Timers::next_due(Instant now) {
  if (deadlines_.empty() || deadlines_.first() > now) return std::nullopt;
  const std::uint32_t slot = deadlines_.first_slot();
  deadlines_.remove(slot);
  const TimerId id = timers_.id_at(slot);
  const Timer* timer = timers_.find(id);
  return Due{timer->owner, id, timer->internal};
}

std::optional<Timers::Owner> Timers::first_owner() const {
  if (deadlines_.empty()) return std::nullopt;
  const Timer* timer = timers_.find(timers_.id_at(deadlines_.first_slot()));
  return timer != nullptr ? std::optional(timer->owner) : std::nullopt;
}

std::function<void()> Timers::begin(TimerId id, Instant now) {
  Timer* timer = timers_.find(id);
  if (timer == nullptr) return {};
  if (timer->period.count() == 0) return std::move(timers_.take(id)->callback);
  const auto missed = std::max<std::int64_t>(0, (now - timer->due) / timer->period);
  timer->due += timer->period * (missed + 1);
  deadlines_.add(Slots<Timer>::index_of(id), timer->due);
  return std::move(timer->callback);
}

void Timers::end(TimerId id, std::function<void()> callback) {
  if (Timer* timer = timers_.find(id)) timer->callback = std::move(callback);
}

}  // namespace myelin::protocol
