#include "wasm/instance.hpp"

#include "base/check.hpp"
#include "wasm/engine_config.hpp"
#include "wasm/link.hpp"
#include "wasm/reader.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <wasmtime.h>

namespace myelin::wasm {
namespace {

// The store's tank. Fuel is only ever taken out of it, so what is missing is what was used; at a unit per instruction
// it lasts for decades. A slice is the library's yield interval, which each resume sets anew: what a slice overran by
// counts in the tank and not against the next slice, so the sum does not depend on how a run was cut.
constexpr std::uint64_t tank = 1ull << 62;

// One place among the engine's instances, given back with this object.
class Place {
 public:
  static std::optional<Place> take(std::shared_ptr<InstanceCount> count) {
    std::uint32_t alive = count->alive.load();
    do {
      if (alive >= count->max) return std::nullopt;
    } while (!count->alive.compare_exchange_weak(alive, alive + 1));
    return Place(std::move(count));
  }
  Place(Place&&) = default;
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (count_) --count_->alive;
  }
  InstanceCount& count() { return *count_; }

 private:
  explicit Place(std::shared_ptr<InstanceCount> count) : count_(std::move(count)) {}
  std::shared_ptr<InstanceCount> count_;  // shared: Instances may outlive the engine
};

// What the way out of a waiting host function takes of the stack below it.
constexpr std::ptrdiff_t below_waiting_bytes = 512;

class GuestInstance final : public Instance {
 public:
  GuestInstance(Place place, std::shared_ptr<const CompiledModule> module)
      : place_(std::move(place)), module_(std::move(module)), state_(*this) {}

  ~GuestInstance() override {
    MYELIN_CHECK(!running_, "an Instance is not destroyed from inside its own host functions");
    future_.reset();  // unwinds the guest's stack
  }

  Result<void> start(wasm_engine_t& engine, const InstanceLimits& limits, std::uint32_t max_tables);

  Result<void> begin(std::string_view name) override;
  Run resume(std::uint64_t fuel) override;
  bool busy() const override { return future_ != nullptr; }
  std::uint64_t fuel_used() const override;
  Memory memory() override {
    if (!memory_) return {nullptr, 0};
    std::size_t size = 0;
    std::uint8_t* base = myelin_memory_span(context_, &*memory_, &size);
    return {base, size};
  }
  std::uint64_t memory_bytes() const override { return memory_ ? wasmtime_memory_data_size(context_, &*memory_) : 0; }
  void set_exit_code(std::uint32_t code) override { state_.exit_code = code; }
  void set_trap_reason(std::string reason) override { state_.trap_reason = std::move(reason); }

 private:
  Run ended();
  void note_places();

  Place place_;                                   // given back last, when the slots are free again
  std::shared_ptr<const CompiledModule> module_;  // its code must stay while this runs
  GuestState state_;
  StoreHandle store_;
  wasmtime_context_t* context_ = nullptr;
  wasmtime_instance_t instance_{};
  std::optional<wasmtime_memory_t> memory_;
  std::string last_name_;  // of last_, so that calling one method again looks nothing up
  wasmtime_func_t last_{};
  wasm_trap_t* trap_ = nullptr;        // written by the library when a call ends
  wasmtime_error_t* error_ = nullptr;  // same
  FutureHandle future_;
  std::uint64_t left_ = tank;  // of its fuel, after the last slice
  bool running_ = false;
  bool dead_ = false;
};

std::int64_t as_limit(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX));
}

Error refused(const wasmtime_error_t& error) {
  std::string text = message_of(error);
  return Error{ErrorCode::limit, std::move(text)};
}

Result<void> GuestInstance::start(wasm_engine_t& engine, const InstanceLimits& limits, std::uint32_t max_tables) {
  store_.reset(wasmtime_store_new(&engine, &state_, nullptr));
  context_ = wasmtime_store_context(store_.get());
  wasmtime_store_limiter(store_.get(), as_limit(limits.memory_pages * wasm_page_bytes), limits.table_elements, 1,
                         max_tables, 1);
  ErrorHandle failed(wasmtime_context_set_fuel(context_, tank));
  MYELIN_CHECK(!failed, "the engine counts fuel");

  // Without a start function this ends at the first poll. Initial values that need code run in it: how much of that
  // there is depends on the preset, so the tank is filled again afterwards.
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = nullptr;
  FutureHandle making(wasmtime_instance_pre_instantiate_async(&module_->pre(), context_, &instance_, &trap, &error));
  while (!wasmtime_call_future_poll(making.get())) {
  }
  making.reset();
  if (const TrapHandle owned(trap); owned) {
    return fail(ErrorCode::invalid_module, concat("it cannot be instantiated: ", reason_of(*owned)));
  }
  if (const ErrorHandle owned(error); owned) return std::unexpected(refused(*owned));
  failed.reset(wasmtime_context_set_fuel(context_, tank));
  MYELIN_CHECK(!failed, "the engine counts fuel");

  wasmtime_extern_t item;
  if (module_->info().exports_memory && wasmtime_instance_export_get(context_, &instance_, "memory", 6, &item)) {
    if (item.kind == WASMTIME_EXTERN_MEMORY) memory_ = item.of.memory;
    wasmtime_extern_delete(&item);
  }
  ++place_.count().made;
  return {};
}

Result<void> GuestInstance::begin(std::string_view name) {
  MYELIN_CHECK(!busy(), "one call at a time");
  if (dead_) return fail(ErrorCode::trapped, "a call ended this instance");
  if (last_name_.empty() || last_name_ != name) {
    if (!module_->callable(name))
      return fail(ErrorCode::no_such_method, concat("no export ", quoted(name), " of type () -> ()"));
    wasmtime_extern_t item;
    const bool found = wasmtime_instance_export_get(context_, &instance_, name.data(), name.size(), &item);
    MYELIN_CHECK(found && item.kind == WASMTIME_EXTERN_FUNC, "the library and the pre-check read the same exports");
    last_ = item.of.func;
    last_name_ = name;
    wasmtime_extern_delete(&item);
  }
  trap_ = nullptr;
  error_ = nullptr;
  future_.reset(wasmtime_func_call_async(context_, &last_, nullptr, 0, nullptr, 0, &trap_, &error_));
  note_places();
  return {};
}

// In cache lines, as far as a resume was seen to reach.
void GuestInstance::note_places() {
  constexpr std::uint32_t own_lines = 5, store_lines = 12, call_lines = 8, stack_lines = 28, memory_lines = 3;
  const void* call = nullptr;  // the library's box holds the state's address first
  std::memcpy(&call, future_.get(), sizeof call);
  touched_ = {{{reinterpret_cast<const std::uint8_t*>(this), own_lines},
               {reinterpret_cast<const std::uint8_t*>(context_), store_lines},
               {static_cast<const std::uint8_t*>(call), call_lines},
               {nullptr, stack_lines},
               {nullptr, memory_lines}}};
}

Run GuestInstance::resume(std::uint64_t fuel) {
  MYELIN_CHECK(busy(), "a call is under way");
  MYELIN_CHECK(!running_, "resume is not for host functions");
  state_.waiting = false;
  running_ = true;
  const bool over = myelin_call_resume(future_.get(), context_, std::clamp<std::uint64_t>(fuel, 1, tank), &left_);
  running_ = false;
  if (over) return ended();
  if (state_.waiting) {
    touched_[3].at = state_.stack - below_waiting_bytes;
    touched_[4].at = range(state_.argument, 0) ? known_.base() + state_.argument : nullptr;
  }
  return Run{state_.waiting ? Run::State::waiting : Run::State::sliced, 0, {}};
}

Run GuestInstance::ended() {
  future_.reset();
  const TrapHandle trap(std::exchange(trap_, nullptr));
  const ErrorHandle error(std::exchange(error_, nullptr));
  if (!trap && !error) return Run{Run::State::finished, 0, {}};
  dead_ = true;
  switch (state_.ending) {
    case GuestState::Ending::exited:
      return Run{Run::State::exited, state_.exit_code, {}};
    case GuestState::Ending::trapped:
      return Run{Run::State::trapped, 0, std::move(state_.trap_reason)};
    case GuestState::Ending::none:
      break;
  }
  return Run{Run::State::trapped, 0, trap ? reason_of(*trap) : message_of(*error)};
}

std::uint64_t GuestInstance::fuel_used() const {
  if (!running_) return tank - left_;
  std::uint64_t left = 0;
  wasmtime_error_t* refusal = wasmtime_context_get_fuel(context_, &left);
  MYELIN_CHECK(refusal == nullptr, "the engine counts fuel");
  return tank - left;
}

}  // namespace

Result<std::unique_ptr<Instance>> make_instance(wasm_engine_t& engine, std::shared_ptr<const CompiledModule> module,
                                                const InstanceLimits& limits, std::uint32_t max_tables,
                                                std::shared_ptr<InstanceCount> count) {
  if (module->info().memory_min_pages > limits.memory_pages) {
    return fail(ErrorCode::limit, concat("the module starts with ", module->info().memory_min_pages,
                                         " pages of memory, ", limits.memory_pages, " are allowed"));
  }
  const std::uint32_t max = count->max;
  auto place = Place::take(std::move(count));
  if (!place) return fail(ErrorCode::limit, concat("all ", max, " instances are in use"));
  auto result = std::make_unique<GuestInstance>(std::move(*place), std::move(module));
  if (auto started = result->start(engine, limits, max_tables); !started) return fail(started.error());
  return result;
}

}  // namespace myelin::wasm
