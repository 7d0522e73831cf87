// What the fuzzer does with one input, for the replay of its corpus in a test as well: a guest that calls WASI with
// whatever comes: any function, any arguments, any memory, in any order with the loop's turns.
//
// Input: 1 KiB of memory (the rest of it repeats that), then calls: a byte for the function or what else happens, a
// byte for each argument.
#pragma once

#include "wasm/wasi_fakes.hpp"

#include <cstddef>
#include <cstdint>

namespace myelin::wasm::wasi::testing::fuzz {

inline constexpr std::size_t memory_bytes = 8 * 1024;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }

 private:
  View rest_;
};

// Small numbers, places in memory, its end, and the largest.
inline std::uint64_t argument(std::uint8_t byte, ValueType type) {
  if (byte < 64) return byte;
  if (byte < 192) return (byte - 64u) * 8;
  if (byte < 250) return memory_bytes - (byte - 192u);
  return type == ValueType::i64 ? UINT64_MAX - (byte - 250u) : 0xffff'ffffu - (byte - 250u);
}

struct World {
  World() {
    instance.wasi = context.get();
    context->want_wake([this] { ++wakes; });
    bind();
  }
  void bind() {
    for (std::uint32_t i = 0; i < 3; ++i) context->bind(i, std::make_unique<TapeDescriptor>(tapes[i]));
  }
  void happen(std::uint8_t what, std::uint8_t amount) {
    switch (what % 7) {
      case 0:
        tapes[0]->feed(loop, std::string(amount, 'x'));
        break;
      case 1:
        tapes[0]->input_ended = true;
        break;
      case 2:
        tapes[1]->room = amount;
        break;
      case 3:
        tapes[1]->output_error = amount % 2 == 0 ? Errno::success : Errno::pipe;
        break;
      case 4:
        loop.advance(std::chrono::milliseconds(amount));
        break;
      case 5:
        bind();
        break;
      default:
        context->abandon();
        break;
    }
    for (const auto& tape : tapes) tape->tell(loop);
    loop.turn();
  }

  HandLoop loop;
  BytesInstance instance{memory_bytes};
  std::shared_ptr<Tape> tapes[3] = {std::make_shared<Tape>(), std::make_shared<Tape>(), std::make_shared<Tape>()};
  std::unique_ptr<Context> context =
      Context::create(loop, {.arguments = {"guest", "argument"}, .environment = {{"KEY", "value"}}});
  int wakes = 0;
};

// Aborts if a call breaks a rule.
inline void play(const std::uint8_t* data, std::size_t size) {
  static const std::vector<HostFunction> functions = host_functions();
  Input input(data, size);
  World world;
  for (std::size_t i = 0; i < memory_bytes && size > 0; i += size) {
    std::copy_n(data, std::min(size, memory_bytes - i), world.instance.bytes.begin() + static_cast<std::ptrdiff_t>(i));
  }

  for (int calls = 0; calls < 200 && !input.empty(); ++calls) {
    const std::uint8_t choice = input.byte();
    if (choice >= functions.size()) {
      world.happen(choice, input.byte());
      continue;
    }
    const HostFunction& function = functions[choice];
    std::vector<std::uint64_t> args;
    for (const ValueType type : function.type.params) args.push_back(argument(input.byte(), type));
    std::uint64_t result = 0;
    HostResult state = function.call(world.instance, args, &result, true);
    for (int polls = 0; state == HostResult::pending && polls < 4; ++polls) {
      MYELIN_CHECK(function.waits, "only what says so waits");
      world.happen(input.byte(), input.byte());
      state = function.call(world.instance, args, &result, false);
    }
    MYELIN_CHECK(state != HostResult::done || result <= 76, "an answer is an errno");
    MYELIN_CHECK(state != HostResult::trap, "no argument is a trap");
    if (state == HostResult::pending) world.context->abandon();
    if (state != HostResult::pending && world.loop.timers() != 0)
      MYELIN_CHECK(false, "a call that is done waits no more");
  }
}

}  // namespace myelin::wasm::wasi::testing::fuzz
