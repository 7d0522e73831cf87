#include "wasm/engine.hpp"

#include "base/check.hpp"
#include "base/log.hpp"
#include "io/sync.hpp"
#include "wasm/capacity.hpp"
#include "wasm/code_cache.hpp"
#include "wasm/compile.hpp"
#include "wasm/compile_places.hpp"
#include "wasm/compiled_module.hpp"
#include "wasm/compiler_run.hpp"
#include "wasm/dense.hpp"
#include "wasm/digest.hpp"
#include "wasm/engine_config.hpp"
#include "wasm/instance.hpp"
#include "wasm/link.hpp"
#include "wasm/reader.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <wasmtime.h>

namespace myelin::wasm {
namespace {

constexpr std::uint64_t cache_bytes = 1ull << 30;
constexpr std::size_t cache_files = 4'096;

using ModulePointer = std::shared_ptr<const CompiledModule>;  // shared: see CompiledModule
using LoadResult = Result<std::shared_ptr<const Module>>;

// What is known of a module before it is compiled. Shared with the offloaded work that fills it in, which may outlive
// the load that asked for it.
struct Prepared {
  Module::Id id{};
  Digest key{};
  Result<ModuleInfo> info = fail(ErrorCode::cancelled);
  ModulePointer module;  // set by adopt()
};

// A load under way, which later loads of the same bytes on the same loop wait for. Shared by all of them, as any may be
// dropped first.
struct Flight {
  explicit Flight(io::Loop& loop) : done(loop) {}
  io::Event done;
  LoadResult result = fail(ErrorCode::cancelled, "the load that compiled this module was abandoned");
};
using FlightKey = std::pair<io::Loop*, Digest>;

class WasmtimeEngine final : public Engine {
 public:
  WasmtimeEngine(EngineConfig config, EngineHandle engine, std::vector<HostFunction> functions,
                 std::unique_ptr<CodeCache> cache, std::uint32_t max_instances)
      : config_(std::move(config)),
        settings_(CodeSettings::of(config_)),
        engine_(std::move(engine)),
        compatibility_(myelin_engine_compatibility(engine_.get())),
        links_(HostLinks::create(*engine_, std::move(functions))),
        cache_(std::move(cache)),
        count_(std::make_shared<InstanceCount>()),
        places_(config_.compilers) {
    count_->max = max_instances;
  }

  io::Task<LoadResult> load(io::Loop& loop, Buffer bytes) override { return load_module(&loop, std::move(bytes)); }

  Result<std::unique_ptr<Instance>> instantiate(std::shared_ptr<const Module> module,
                                                const InstanceLimits& limits) override {
    InstanceLimits within = limits;
    within.memory_pages = std::min(within.memory_pages, config_.max_memory_pages);
    within.table_elements = std::min(within.table_elements, config_.module_limits.table_elements);
    // Every Module of this engine is a CompiledModule: load() makes no other.
    return make_instance(*engine_, std::static_pointer_cast<const CompiledModule>(std::move(module)), within,
                         config_.module_limits.tables, count_);
  }

  EngineMetrics metrics() const override {
    EngineMetrics result;
    result.compiled = compiled_;
    result.cache_hits = cache_hits_;
    result.compile_failures = compile_failures_;
    result.instances_made = count_->made;
    result.instances = count_->alive;
    result.max_instances = count_->max;
    return result;
  }

 private:
  // Ends a Flight, also when the load that leads it is dropped.
  class Lead {
   public:
    Lead(WasmtimeEngine& engine, FlightKey key, std::shared_ptr<Flight> flight)
        : engine_(engine), key_(std::move(key)), flight_(std::move(flight)) {}
    Lead(const Lead&) = delete;
    Lead& operator=(const Lead&) = delete;
    ~Lead() {
      {
        const std::lock_guard lock(engine_.mutex_);
        engine_.flights_.erase(key_);
      }
      flight_->done.set();
    }

   private:
    WasmtimeEngine& engine_;
    FlightKey key_;
    std::shared_ptr<Flight> flight_;
  };

  // These are coroutines of an object that outlives every load, and of a loop that outlives the engine's users.
  io::Task<LoadResult> load_module(io::Loop* loop, Buffer bytes);
  io::Task<LoadResult> obtain(io::Loop* loop, std::shared_ptr<Prepared> prepared, Buffer bytes);
  io::Task<ModulePointer> read(io::Loop* loop, std::shared_ptr<Prepared> prepared, std::string path, bool fresh);

  void prepare(Prepared& prepared, View bytes) const;
  void adopt(Prepared& prepared, const std::string& path) const;
  ModulePointer find_loaded(const Digest& key);
  ModulePointer remember(const Digest& key, ModulePointer module);

  const EngineConfig config_;
  const CodeSettings settings_;
  const EngineHandle engine_;
  const std::uint64_t compatibility_;
  const std::unique_ptr<HostLinks> links_;
  const std::unique_ptr<CodeCache> cache_;
  const std::shared_ptr<InstanceCount> count_;  // shared: Instances may outlive the engine
  CompilePlaces places_;
  std::atomic<std::uint64_t> compiled_ = 0, cache_hits_ = 0, compile_failures_ = 0;

  std::mutex mutex_;  // over what follows; held for moments
  std::map<FlightKey, std::shared_ptr<Flight>> flights_;
  std::map<Digest, std::weak_ptr<const CompiledModule>> loaded_;  // what is in use is not loaded twice
};

void WasmtimeEngine::prepare(Prepared& prepared, View bytes) const {
  prepared.info = inspect(bytes, config_.module_limits);
  if (!prepared.info) return;
  if (auto linked = links_->check(*prepared.info); !linked) {
    prepared.info = fail(linked.error());
    return;
  }
  prepared.id = sha256({bytes});
  const std::string what = concat("code of ", settings_.text(), " ", compatibility_, " ");
  prepared.key = sha256({as_view(what), View(prepared.id)});
}

void WasmtimeEngine::adopt(Prepared& prepared, const std::string& path) const {
  const auto code = read_code(path);
  if (!code) return;
  wasmtime_module_t* raw = nullptr;
  const ErrorHandle error(wasmtime_module_deserialize(engine_.get(), code->data(), code->size(), &raw));
  if (error) {
    log::warn("wasm", "cached code was not accepted", {{"why", message_of(*error)}});
    return;
  }
  auto module = CompiledModule::create(*prepared.info, prepared.id, ModuleHandle(raw), *links_);
  if (module) prepared.module = std::move(*module);
}

ModulePointer WasmtimeEngine::find_loaded(const Digest& key) {
  const std::lock_guard lock(mutex_);
  const auto found = loaded_.find(key);
  return found == loaded_.end() ? nullptr : found->second.lock();
}

// Another loop may have loaded the same code meanwhile: then its Module is the one to keep.
ModulePointer WasmtimeEngine::remember(const Digest& key, ModulePointer module) {
  const std::lock_guard lock(mutex_);
  std::erase_if(loaded_, [](const auto& entry) { return entry.second.expired(); });
  auto& slot = loaded_[key];
  if (auto known = slot.lock()) return known;
  slot = module;
  return module;
}

io::Task<LoadResult> WasmtimeEngine::load_module(io::Loop* loop, Buffer bytes) {
  auto prepared = std::make_shared<Prepared>();
  co_await io::offload(*loop, [this, prepared, bytes] { prepare(*prepared, bytes.view()); });
  if (!prepared->info) co_return fail(prepared->info.error());

  const FlightKey key(loop, prepared->key);
  std::shared_ptr<Flight> flight;
  bool leads = false;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Flight>& slot = flights_[key];
    leads = slot == nullptr;
    if (leads) slot = std::make_shared<Flight>(*loop);
    flight = slot;
  }
  if (!leads) {
    co_await flight->done.wait();
    co_return flight->result;
  }
  const Lead lead(*this, key, flight);
  flight->result = co_await obtain(loop, std::move(prepared), std::move(bytes));
  co_return flight->result;
}

io::Task<ModulePointer> WasmtimeEngine::read(io::Loop* loop, std::shared_ptr<Prepared> prepared, std::string path,
                                             bool fresh) {
  co_await io::offload(*loop, [this, prepared, path, fresh] {
    adopt(*prepared, path);
    cache_->used(path);
    if (fresh && cache_->keeps()) cache_->trim(cache_bytes, cache_files);
    if (!fresh && prepared->module) cache_->touch(path);
  });
  co_return std::move(prepared->module);
}

io::Task<LoadResult> WasmtimeEngine::obtain(io::Loop* loop, std::shared_ptr<Prepared> prepared, Buffer bytes) {
  const Digest key = prepared->key;
  // In a deterministic world a load takes the same steps every time, whatever an earlier run left in memory or on disk.
  const bool look_first = !config_.deterministic;
  if (look_first) {
    if (auto known = find_loaded(key)) {
      ++cache_hits_;
      co_return known;
    }
  }
  const std::string path = cache_->path(key, cache_->keeps() ? 0 : loop->random_u64());
  if (look_first && cache_->keeps()) {
    if (auto module = co_await read(loop, prepared, path, false)) {
      ++cache_hits_;
      co_return remember(key, std::move(module));
    }
  }

  std::optional<CompilePlaces::Ticket> ticket(std::in_place, places_, *loop);
  if (auto granted = co_await ticket->granted(); !granted) co_return fail(granted.error());
  CompileOptions options{settings_, false, compatibility_, path};
  auto compiled = co_await run_compiler(loop, CompilerLimits::of(config_), std::move(options), std::move(bytes));
  ticket.reset();
  if (!compiled) {
    ++compile_failures_;
    co_return fail(compiled.error());
  }
  ++compiled_;
  auto module = co_await read(loop, std::move(prepared), path, true);
  if (module == nullptr) co_return fail(ErrorCode::io, concat("the compiled code in ", path, " cannot be read back"));
  co_return remember(key, std::move(module));
}

Result<EngineHandle> make_engine(const EngineConfig& config, std::uint32_t instances) {
  const CodeSettings settings = CodeSettings::of(config);
  ConfigHandle library = make_code_config(settings, false);
  if (config.preset == MemoryPreset::guarded) {
    use_pool(*library, settings, config.module_limits.tables, config.module_limits.table_elements, instances);
  } else if (auto arenas = use_arenas(*library, settings, instances); !arenas) {
    return fail(arenas.error());
  }
  wasmtime_error_t* failed = nullptr;
  EngineHandle engine(myelin_engine_new(library.release(), &failed));
  if (const ErrorHandle error(failed); error) {
    return fail(ErrorCode::limit, concat("no engine for ", instances, " instances: ", message_of(*error),
                                         "; lower max_instances or choose the dense preset"));
  }
  return engine;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(EngineConfig config, std::vector<HostFunction> functions) {
  if (config.max_memory_pages == 0 || config.max_memory_pages > 65'536) {
    return fail(ErrorCode::limit, "max_memory_pages must be 1 to 65536");
  }
  config.module_limits.memory_pages = std::min(config.module_limits.memory_pages, config.max_memory_pages);
  const auto instances = plan_instances(config, MachineLimits::read());
  if (!instances) return fail(instances.error());
  auto cache = CodeCache::create(config.cache_directory);
  if (!cache) return fail(cache.error());
  auto engine = make_engine(config, *instances);
  if (!engine) return fail(engine.error());
  return std::make_unique<WasmtimeEngine>(std::move(config), std::move(*engine), std::move(functions),
                                          std::move(*cache), *instances);
}

}  // namespace myelin::wasm
