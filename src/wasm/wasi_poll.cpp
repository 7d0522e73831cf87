// poll_oneoff: waits until at least one of the subscriptions has come true, and writes an event for each that has, in
// their order.
//
// What is wrong with one subscription (a number that is not open, a clock that is not offered) is the error of its
// event; what is wrong with the call is its errno. The subscriptions are read anew at each poll: the guest's memory
// cannot change while it waits. Source: witx `subscription`, `event`.
#include "wasm/wasi_calls.hpp"
#include "wasm/wasi_state.hpp"

#include <algorithm>
#include <optional>

namespace myelin::wasm::wasi::calls {

namespace {

constexpr std::uint32_t subscription_count = 1024;
constexpr std::uint32_t subscription_bytes = 48;  // u64 userdata, u8 tag at 8, the variant at 16
constexpr std::uint32_t event_bytes = 32;         // u64 userdata, u16 errno at 8, u8 type at 10, u64 nbytes at 16, u16
constexpr std::uint32_t flag_absolute = 1;
constexpr std::uint16_t flag_hangup = 1;

enum class Type : std::uint8_t { clock = 0, fd_read = 1, fd_write = 2 };

struct Subscription {
  std::uint64_t userdata = 0;
  Type type = Type::clock;
  std::uint32_t number = 0;  // clock: its id; otherwise the descriptor
  std::uint64_t timeout_ns = 0;
  bool absolute = false;
  bool flags_known = true;
};

struct Event {
  Errno error = Errno::success;
  std::uint64_t size = 0;
  std::uint16_t flags = 0;
};

// REQUIRES: in range. Nothing for a tag that does not exist.
std::optional<Subscription> load(const Memory& memory, std::uint32_t at) {
  const std::uint32_t tag = *memory.load_u32(at + 8) & 0xff;
  if (tag > static_cast<std::uint32_t>(Type::fd_write)) return std::nullopt;
  Subscription subscription{
      .userdata = *memory.load_u64(at), .type = static_cast<Type>(tag), .number = *memory.load_u32(at + 16)};
  if (subscription.type == Type::clock) {
    const std::uint32_t flags = *memory.load_u32(at + 40) & 0xffff;
    subscription.timeout_ns = *memory.load_u64(at + 24);
    subscription.absolute = (flags & flag_absolute) != 0;
    subscription.flags_known = (flags & ~flag_absolute) == 0;
  }
  return subscription;
}

// A relative timeout runs on the monotonic clock from the start of the call, whatever clock it names.
struct Target {
  Clock::Id clock;
  std::uint64_t ns;
};
Target target_of(const State& state, const Subscription& subscription) {
  if (subscription.absolute) return {*Clock::id(subscription.number), subscription.timeout_ns};
  const std::uint64_t start = state.poll_started_ns;
  const bool fits = subscription.timeout_ns <= UINT64_MAX - start;
  return {Clock::Id::monotonic, fits ? start + subscription.timeout_ns : UINT64_MAX};
}

// The event, if it has come true.
std::optional<Event> clock_event(const State& state, const Subscription& subscription) {
  if (!Clock::id(subscription.number) || !subscription.flags_known) return Event{.error = Errno::inval};
  const bool at_once = !subscription.absolute && subscription.timeout_ns == 0;
  const Target target = target_of(state, subscription);
  if (at_once || state.clock.reached(target.clock, target.ns)) return Event{};
  return std::nullopt;
}

std::optional<Event> fd_event(State& state, const Subscription& subscription) {
  const DescriptorTable::Entry* entry = state.table.find(subscription.number);
  if (!entry) return Event{.error = Errno::badf};
  if ((entry->rights_base & rights::poll_fd_readwrite) == 0) return Event{.error = Errno::notcapable};
  if (subscription.type == Type::fd_write) {
    if (!entry->descriptor->writable()) return std::nullopt;
    return Event{};
  }
  if (!entry->descriptor->readable()) return std::nullopt;
  const std::uint64_t size = entry->descriptor->available();
  return Event{.size = size, .flags = size == 0 ? flag_hangup : std::uint16_t{0}};
}

std::optional<Event> event_of(State& state, const Subscription& subscription) {
  return subscription.type == Type::clock ? clock_event(state, subscription) : fd_event(state, subscription);
}

void store(const Memory& memory, std::uint32_t at, const Subscription& subscription, const Event& event) {
  memory.store_u64(at, subscription.userdata);
  memory.store_u64(at + 8, static_cast<std::uint64_t>(event.error) | static_cast<std::uint64_t>(subscription.type)
                                                                         << 16);
  memory.store_u64(at + 16, event.size);
  memory.store_u64(at + 24, event.flags);
}

// Arms the waiter for everything that is subscribed to. REQUIRES: none has come true, so all are sound.
void wait_for(State& state, const Memory& memory, std::uint32_t subscriptions, std::uint32_t count) {
  std::optional<Instant> earliest;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Subscription subscription = *load(memory, subscriptions + i * subscription_bytes);
    if (subscription.type == Type::clock) {
      const Target target = target_of(state, subscription);
      const auto when = state.clock.when(target.clock, target.ns);
      if (when) earliest = earliest ? std::min(*earliest, *when) : *when;
      continue;
    }
    Descriptor& descriptor = *state.table.find(subscription.number)->descriptor;
    if (subscription.type == Type::fd_read) {
      descriptor.on_readable(state.waiter.callback());
    } else {
      descriptor.on_writable(state.waiter.callback());
    }
  }
  if (earliest) state.waiter.at(*earliest);
}

}  // namespace

// subscriptions, events, their number, where the number of events goes.
HostResult poll_oneoff(Instance& instance, Args args, std::uint64_t* result, bool first) {
  State& state = state_of(instance);
  const Memory memory = instance.memory();
  const std::uint32_t subscriptions = word(args[0]), events = word(args[1]), count = word(args[2]);
  if (count == 0 || count > subscription_count) return answer(result, Errno::inval);
  const bool sound = memory.range(subscriptions, count * subscription_bytes) &&
                     memory.range(events, count * event_bytes) && memory.range(word(args[3]), 4);
  if (!sound) return answer(result, Errno::fault);
  if (first) state.poll_started_ns = state.clock.exact_ns(Clock::Id::monotonic);

  bool any = false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto subscription = load(memory, subscriptions + i * subscription_bytes);
    if (!subscription) return answer(result, Errno::inval);
    any = any || event_of(state, *subscription).has_value();
  }
  state.waiter.disarm();
  if (!any) {
    wait_for(state, memory, subscriptions, count);
    return HostResult::pending;
  }
  std::uint32_t written = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    // Where events overwrite subscriptions (the guest chose both places), a tag may have become unknown.
    const auto subscription = load(memory, subscriptions + i * subscription_bytes);
    if (!subscription) continue;
    if (const auto event = event_of(state, *subscription)) {
      store(memory, events + written++ * event_bytes, *subscription, *event);
    }
  }
  memory.store_u32(word(args[3]), written);
  return answer(result, Errno::success);
}

}  // namespace myelin::wasm::wasi::calls
