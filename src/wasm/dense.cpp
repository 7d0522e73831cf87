#include "wasm/dense.hpp"

#include "wasm/arena.hpp"

#include <memory>
#include <wasmtime.h>

namespace myelin::wasm {
namespace {

// The library holds one of these in each creator and each memory or stack, and frees it through the finalizer; the
// arena lives until the last of them is gone, which is why it is shared.
using SharedArena = std::shared_ptr<SlotArena>;

struct DenseMemory {
  SharedArena arena;
  std::uint8_t* base;
  std::size_t size;

  static std::uint8_t* get(void* env, std::size_t* size, std::size_t* capacity) noexcept {
    const auto& self = *static_cast<DenseMemory*>(env);
    *size = self.size;
    *capacity = self.arena->slot_bytes();
    return self.base;
  }
  static wasmtime_error_t* grow(void* env, std::size_t new_size) noexcept {
    auto& self = *static_cast<DenseMemory*>(env);
    if (new_size > self.arena->slot_bytes()) return wasmtime_error_new("a memory larger than its slot");
    self.size = new_size;
    return nullptr;
  }
  static void destroy(void* env) noexcept {
    const std::unique_ptr<DenseMemory> self(static_cast<DenseMemory*>(env));
    self->arena->give(self->base, 0, self->size);
  }
};

wasmtime_error_t* new_memory(void* env, const wasm_memorytype_t*, std::size_t minimum, std::size_t,
                             std::size_t reserved, std::size_t guard, wasmtime_linear_memory_t* out) noexcept {
  const auto& arena = *static_cast<SharedArena*>(env);
  if (minimum > arena->slot_bytes() || reserved > arena->slot_bytes() || guard != 0) {
    return wasmtime_error_new("a memory larger than its slot");
  }
  std::uint8_t* base = arena->take();
  if (base == nullptr) return wasmtime_error_new("maximum concurrent memories are in use");
  out->env = new DenseMemory{arena, base, minimum};
  out->get_memory = DenseMemory::get;
  out->grow_memory = DenseMemory::grow;
  out->finalizer = DenseMemory::destroy;
  return nullptr;
}

struct DenseStack {
  SharedArena arena;
  std::uint8_t* base;

  static std::uint8_t* get(void* env, std::size_t* size) noexcept {
    const auto& self = *static_cast<DenseStack*>(env);
    *size = self.arena->slot_bytes();
    return self.base + self.arena->slot_bytes();
  }
  static void destroy(void* env) noexcept {
    const std::unique_ptr<DenseStack> self(static_cast<DenseStack*>(env));
    self->arena->give(self->base, 0, self->arena->slot_bytes());
  }
};

wasmtime_error_t* new_stack(void* env, std::size_t size, bool, wasmtime_stack_memory_t* out) noexcept {
  const auto& arena = *static_cast<SharedArena*>(env);
  if (size > arena->slot_bytes()) return wasmtime_error_new("a stack larger than its slot");
  std::uint8_t* base = arena->take();
  if (base == nullptr) return wasmtime_error_new("maximum concurrent stacks are in use");
  out->env = new DenseStack{arena, base};
  out->get_stack_memory = DenseStack::get;
  out->finalizer = DenseStack::destroy;
  return nullptr;
}

void drop_arena(void* env) noexcept { delete static_cast<SharedArena*>(env); }

}  // namespace

Result<void> use_arenas(wasm_config_t& config, const CodeSettings& settings, std::uint32_t instances) {
  auto memories = SlotArena::create(settings.max_memory_bytes(), instances);
  if (!memories) return fail(memories.error());
  auto stacks = SlotArena::create(fiber_stack_bytes, instances);
  if (!stacks) return fail(stacks.error());

  wasmtime_memory_creator_t memory_creator{};
  memory_creator.env = new SharedArena(std::move(*memories));
  memory_creator.new_memory = new_memory;
  memory_creator.finalizer = drop_arena;
  wasmtime_config_host_memory_creator_set(&config, &memory_creator);

  wasmtime_stack_creator_t stack_creator{};
  stack_creator.env = new SharedArena(std::move(*stacks));
  stack_creator.new_stack = new_stack;
  stack_creator.finalizer = drop_arena;
  wasmtime_config_host_stack_creator_set(&config, &stack_creator);
  return {};
}

}  // namespace myelin::wasm
