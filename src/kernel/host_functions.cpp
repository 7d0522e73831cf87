// The imports of `myelin:process`: memory ranges checked, then the process's Exchange asked.
#include "kernel/actor.hpp"
#include "kernel/kernel.hpp"

#include <algorithm>

namespace myelin::kernel {

namespace {

using wasm::HostResult;
using wasm::Instance;
using Args = std::span<const std::uint64_t>;

std::uint32_t word(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
Actor& actor_of(Instance& instance) { return *static_cast<Actor*>(instance.host); }

HostResult answer(std::uint64_t* result, std::int32_t value) {
  *result = static_cast<std::uint32_t>(value);
  return HostResult::done;
}

std::int32_t minus(ErrorCode code) { return -static_cast<std::int32_t>(code); }

HostResult receive(Instance& instance, Args args, std::uint64_t* result, bool first) {
  Actor& actor = actor_of(instance);
  Exchange& exchange = actor.exchange();
  std::uint32_t capacity = word(args[1]);
  auto into = instance.range(word(args[0]), capacity);
  if (!into) {
    exchange.end_receive();
    return answer(result, minus(ErrorCode::bad_request));
  }
  const Parcel* parcel = exchange.peek();
  if (parcel == nullptr) {
    bool waits = first ? exchange.begin_receive(static_cast<std::int64_t>(args[2])) : !exchange.receive_timed_out();
    if (waits) return HostResult::pending;
    exchange.end_receive();
    if (!first) actor.period_begins();
    return answer(result, 0);
  }
  exchange.end_receive();
  const abi::RecordView record = exchange.record_of(*parcel);
  std::size_t size = record.size();
  if (size > capacity) return answer(result, static_cast<std::int32_t>(size));
  record.write(into->first(size), record.deadline ? actor.now() : Instant{});
  exchange.consume();
  return answer(result, static_cast<std::int32_t>(size));
}

HostResult send(Instance& instance, Args args, std::uint64_t* result, bool) {
  auto record = instance.range(word(args[0]), word(args[1]));
  std::int64_t value = record ? actor_of(instance).exchange().send(*record) : minus(ErrorCode::bad_request);
  *result = static_cast<std::uint64_t>(value);
  return HostResult::done;
}

HostResult respond(Instance& instance, Args args, std::uint64_t* result, bool) {
  auto record = instance.range(word(args[1]), word(args[2]));
  if (!record) return answer(result, minus(ErrorCode::bad_request));
  return answer(result, actor_of(instance).exchange().respond(args[0], *record));
}

HostResult payload_read(Instance& instance, Args args, std::uint64_t* result, bool) {
  auto into = instance.range(word(args[2]), word(args[3]));
  if (!into) return answer(result, minus(ErrorCode::bad_request));
  auto size = actor_of(instance).exchange().payload_read(args[0], static_cast<std::int64_t>(args[1]), *into);
  return size ? answer(result, *size) : HostResult::pending;
}

HostResult payload_write(Instance& instance, Args args, std::uint64_t* result, bool) {
  auto from = instance.range(word(args[1]), word(args[2]));
  if (!from) return answer(result, minus(ErrorCode::bad_request));
  auto size = actor_of(instance).exchange().payload_write(args[0], *from);
  return size ? answer(result, *size) : HostResult::pending;
}

HostResult message_info(Instance& instance, Args args, std::uint64_t* result, bool) {
  Actor& actor = actor_of(instance);
  std::uint32_t capacity = word(args[1]);
  auto into = instance.range(word(args[0]), capacity);
  if (!into) return answer(result, minus(ErrorCode::bad_request));
  const abi::Info& info = actor.info();
  std::size_t size = info.size();
  if (size <= capacity) info.write(into->first(size), actor.now());
  return answer(result, static_cast<std::int32_t>(size));
}

}  // namespace

std::vector<wasm::HostFunction> host_functions() {
  using enum wasm::ValueType;
  constexpr const char* module = "myelin:process";
  return {
      {module, "receive", {{i32, i32, i64}, {i32}}, receive, true},
      {module, "send", {{i32, i32}, {i64}}, send, false},
      {module, "respond", {{i64, i32, i32}, {i32}}, respond, false},
      {module, "payload_read", {{i64, i64, i32, i32}, {i32}}, payload_read, true},
      {module, "payload_write", {{i64, i32, i32}, {i32}}, payload_write, true},
      {module, "message_info", {{i32, i32}, {i32}}, message_info, false},
  };
}

}  // namespace myelin::kernel
