// State: what a Context is inside, for the host calls.
//
// Thread: the process's shard. Lifetime: outlives the calls of its Instance.
#pragma once

#include "base/check.hpp"
#include "io/loop.hpp"
#include "wasm/engine.hpp"
#include "wasm/wasi.hpp"
#include "wasm/wasi_clock.hpp"
#include "wasm/wasi_descriptor_table.hpp"
#include "wasm/wasi_strings.hpp"
#include "wasm/wasi_waiter.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace myelin::wasm::wasi {

class State final : public Context {
 public:
  State(io::Loop& loop, const Config& config);

  void bind(std::uint32_t number, std::unique_ptr<Descriptor> descriptor) override;
  Descriptor* find(std::uint32_t number) override;
  void want_wake(std::function<void()> wake) override { waiter.set_wake(std::move(wake)); }
  void abandon() override { waiter.disarm(); }

  io::Loop& loop;
  Strings arguments;
  Strings environment;
  Clock clock;
  DescriptorTable table;
  Waiter waiter;

  // What the call under way keeps between its polls; set by its first.
  std::uint64_t poll_started_ns = 0;  // poll_oneoff: monotonic
  std::uint32_t random_offset = 0;    // random_get: bytes that are filled
};

// The Context of the guest that calls.
inline State& state_of(Instance& instance) {
  MYELIN_CHECK(instance.wasi != nullptr, "an instance that imports WASI has a context");
  return *static_cast<State*>(static_cast<Context*>(instance.wasi));
}

}  // namespace myelin::wasm::wasi
