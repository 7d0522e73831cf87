// The guest as a process: its end, its turn, its entropy.
#include "wasm/wasi_calls.hpp"
#include "wasm/wasi_state.hpp"

#include <algorithm>

namespace myelin::wasm::wasi::calls {

namespace {

// Bytes of entropy per poll of one random_get: about as much as fits into a slice.
constexpr std::uint32_t random_piece_bytes = 16 * 1024;

}  // namespace

HostResult proc_exit(Instance& instance, Args args, std::uint64_t*, bool) {
  instance.set_exit_code(word(args[0]));
  return HostResult::exit;
}

// There are no signals.
HostResult proc_raise(Instance&, Args, std::uint64_t* result, bool) { return answer(result, Errno::nosys); }

HostResult random_get(Instance& instance, Args args, std::uint64_t* result, bool first) {
  State& state = state_of(instance);
  const auto into = instance.memory().range(word(args[0]), word(args[1]));
  if (!into) return answer(result, Errno::fault);
  if (first) state.random_offset = 0;
  const MutableView rest = into->subspan(state.random_offset);
  const std::size_t piece = std::min<std::size_t>(rest.size(), random_piece_bytes);
  state.loop.random(rest.first(piece));
  state.random_offset += static_cast<std::uint32_t>(piece);
  if (piece == rest.size()) {
    state.waiter.disarm();
    return answer(result, Errno::success);
  }
  state.waiter.soon();
  return HostResult::pending;
}

HostResult sched_yield(Instance& instance, Args, std::uint64_t* result, bool first) {
  State& state = state_of(instance);
  if (first) {
    state.waiter.soon();
    return HostResult::pending;
  }
  state.waiter.disarm();
  return answer(result, Errno::success);
}

}  // namespace myelin::wasm::wasi::calls
