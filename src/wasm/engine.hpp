// The engine: compiles modules (in a helper program, cached), makes instances, runs guest calls in slices of fuel.
//
// Three nouns: Engine (one per program, any thread) → Module (compiled, immutable, shared) → Instance (one running
// guest, on one shard). A guest call runs on a fiber of its own. resume() runs it until it ends, is used up, or waits
// for the host; the shard decides when to resume it. Nothing here knows processes or loops, but for load(), which
// offloads.
//
// Host functions are polled: called when the guest calls them, and again at each resume() for as long as they answer
// `pending`. They run on the guest's fiber stack, so they are short and bounded, and must not throw.
//
// Invariants: one call at a time per Instance; guest memory is touched only through Memory, which checks every range;
// an Instance whose call trapped, exited or was abandoned takes no further call. Thread: Engine and Module any; an
// Instance belongs to one thread at a time.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/limits.hpp"
#include "io/children.hpp"
#include "io/loop.hpp"
#include "wasm/module.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace myelin::wasm {

class Instance;

// The memory of a guest, valid until the guest runs again (it may grow or move then).
class Memory {
 public:
  Memory(std::uint8_t* base, std::uint64_t size) : base_(base), size_(size) {}
  std::uint8_t* base() const { return base_; }
  std::uint64_t size() const { return size_; }
  // The bytes [address, address + size), or nothing if any lies outside. Pointers and lengths are the guest's u32.
  std::optional<MutableView> range(std::uint32_t address, std::uint32_t size) const {
    if (static_cast<std::uint64_t>(address) + size > size_) return std::nullopt;
    return MutableView(base_ + address, size);
  }
  // Little-endian store and load; false or nothing out of range.
  bool store_u32(std::uint32_t address, std::uint32_t value) const;
  bool store_u64(std::uint32_t address, std::uint64_t value) const;
  std::optional<std::uint32_t> load_u32(std::uint32_t address) const;
  std::optional<std::uint64_t> load_u64(std::uint32_t address) const;

 private:
  std::uint8_t* base_;
  std::uint64_t size_;
};

enum class HostResult : std::uint8_t {
  done,     // the result is stored
  pending,  // poll again at the next resume()
  exit,     // end the call as proc_exit does; the code was set with Instance::set_exit_code
  trap,     // end the call as a trap; the reason was set with Instance::set_trap_reason
};

// `args`: the parameters as 64-bit patterns (i32 zero-extended). `result`: at most one, written when `done`.
// `first`: whether this is the guest's call or a later poll of it.
using HostCall = HostResult (*)(Instance& instance, std::span<const std::uint64_t> args, std::uint64_t* result,
                                bool first);

struct HostFunction {
  std::string module;
  std::string name;
  FunctionType type;  // i32 and i64 only, at most one result
  HostCall call;
  bool waits = false;  // may answer `pending`; the others take a faster way in
};

enum class MemoryPreset : std::uint8_t { guarded, dense };

struct EngineConfig {
  MemoryPreset preset = MemoryPreset::guarded;
  std::uint32_t max_instances = 0;  // 0: from the machine's limits (vm.max_map_count, address space)
  std::uint32_t max_memory_pages = limits::guest_memory_pages;
  bool deterministic = false;    // canonical NaNs, and every load runs the compiler; simulated worlds need it
  std::string cache_directory;   // created with mode 0700; empty: compiled code is not kept
  std::string compiler_program;  // absolute path of myelin-compile
  Duration compile_wall_limit = std::chrono::seconds(20);
  std::uint64_t compile_memory_bytes = 2ull << 30;
  std::uint32_t compilers = 2;  // at a time; further loads wait their turn
  ModuleLimits module_limits;
};

struct InstanceLimits {
  std::uint32_t memory_pages = limits::guest_memory_pages;  // memory.grow beyond answers -1
  std::uint32_t table_elements = limits::guest_table_elements;
};

struct Run {
  enum class State : std::uint8_t {
    finished,  // the export returned
    exited,    // proc_exit; exit_code
    trapped,   // reason
    sliced,    // the fuel of this slice is used up; resume when it is its turn
    waiting,   // a host function answered pending; resume when it may have changed
  };
  State state;
  std::uint32_t exit_code = 0;
  std::string reason;  // one line: "out of bounds memory access", "call stack exhausted", …
};

class Instance {
 public:
  Instance() = default;
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  virtual ~Instance() = default;  // abandons the call under way and frees everything at once

  // Starts a call of the exported function `name`, of type () -> (). Nothing runs before resume().
  // Errors: no_such_method (no such function, or of another type).
  virtual Result<void> begin(std::string_view name) = 0;
  // Runs the call for at most about `fuel` units (one per WebAssembly instruction, more for bulk ones).
  // REQUIRES: begin() succeeded and no end was reported yet; not from inside a host function.
  virtual Run resume(std::uint64_t fuel) = 0;
  // Whether a call is under way.
  virtual bool busy() const = 0;
  // Fuel used since the Instance was made. It does not depend on how the run was sliced, but for a call that traps:
  // what that one used since its last slice or host call is not counted.
  virtual std::uint64_t fuel_used() const = 0;
  virtual Memory memory() = 0;  // size 0 if the module exports none
  virtual std::uint64_t memory_bytes() const = 0;

  // memory().range(), without asking for the size again each time: a guest's memory grows, but never moves or shrinks.
  std::optional<MutableView> range(std::uint32_t address, std::uint32_t size) {
    if (auto known = known_.range(address, size)) return known;
    known_ = memory();
    return known_.range(address, size);
  }
  // Asks the processor for what the next resume() will touch first. Among thousands of guests that take turns nothing
  // of one is in the caches any more when its turn comes; this lets the misses happen at once, and early. Only a hint.
  void prefetch() const {
    for (const Touched& each : touched_)
      for (std::uint32_t line = each.at == nullptr ? each.lines : 0; line < each.lines; ++line)
        __builtin_prefetch(each.at + line * cache_line_bytes);
  }

  virtual void set_exit_code(std::uint32_t code) = 0;
  virtual void set_trap_reason(std::string reason) = 0;

  // What host functions find again: set by whoever made the Instance.
  void* host = nullptr;  // the kernel's process
  void* wasi = nullptr;  // wasi::Context

 protected:
  static constexpr std::size_t cache_line_bytes = 64;
  struct Touched {
    const std::uint8_t* at = nullptr;
    std::uint32_t lines = 0;
  };
  // Where things of the guest lie: this object, the store, the call, the stack where it waits, the memory that it waits
  // to be filled.
  std::array<Touched, 5> touched_;
  Memory known_{nullptr, 0};  // as large as it was when last asked
};

struct EngineMetrics {
  std::uint64_t compiled = 0, cache_hits = 0, compile_failures = 0, instances_made = 0;
  std::uint32_t instances = 0, max_instances = 0;
};

class Engine {
 public:
  // `functions` are all that guests may import; a module that asks for more is refused by load().
  // Errors: limit (the machine cannot hold the pool; says what to lower), io (cache directory).
  static Result<std::unique_ptr<Engine>> create(EngineConfig config, std::vector<HostFunction> functions);
  virtual ~Engine() = default;

  // Pre-check, cache look-up, compilation in the helper, link check. Loads of the same bytes under way at once share
  // one compilation per loop. Errors: invalid_module, too_large, timeout (compiling took too long), limit, io.
  virtual io::Task<Result<std::shared_ptr<const Module>>> load(io::Loop& loop, Buffer bytes) = 0;
  // Errors: limit (no slot left, or memory minimum over the limit).
  virtual Result<std::unique_ptr<Instance>> instantiate(std::shared_ptr<const Module> module,
                                                        const InstanceLimits& limits) = 0;
  virtual EngineMetrics metrics() const = 0;
};

// What the simulated world runs in place of `myelin-compile` (SimulatedWorld::add_program): the same work in this
// program, without its limits. A pure function of the spec but for the file that it writes.
io::ChildEnd compile_child(const io::ChildSpec& spec);

// What `myelin-compile` does: WebAssembly bytes on stdin, options in arguments, compiled code to a file. Returns the
// exit code.
int compile_main(int argc, char** argv);

}  // namespace myelin::wasm
