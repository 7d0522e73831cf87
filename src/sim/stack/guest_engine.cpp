#include "sim/stack/guest_engine.hpp"

#include "kernel/kernel.hpp"
#include "wasm/wasi.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace myelin::sim::stack {
namespace {

constexpr const char* compiler = "/myelin-compile";  // of the simulated machines
constexpr Duration compile_time = std::chrono::milliseconds(50);

// The engine and the folder of its compiled code.
class Shared {
 public:
  Shared() {
    std::error_code ignored;
    const std::filesystem::path parent = std::filesystem::temp_directory_path(ignored);
    std::string name = ((parent.empty() ? std::filesystem::path("/tmp") : parent) / "myelin-sim-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      failed_ = Error{ErrorCode::io, "cannot make " + name + ": " + std::strerror(errno), 0};
      return;
    }
    folder_ = std::move(name);
    wasm::EngineConfig config;
    config.max_instances = max_guests;
    config.deterministic = true;
    config.cache_directory = folder_;
    config.compiler_program = compiler;
    auto functions = wasm::wasi::host_functions();
    for (wasm::HostFunction& function : kernel::host_functions()) functions.push_back(std::move(function));
    auto made = wasm::Engine::create(std::move(config), std::move(functions));
    if (made) {
      engine_ = std::move(*made);
    } else {
      failed_ = std::move(made.error());
    }
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() {
    engine_.reset();
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  Result<wasm::Engine*> engine() const {
    if (engine_ == nullptr) return fail(failed_);
    return engine_.get();
  }

 private:
  std::string folder_;
  Error failed_{};
  std::unique_ptr<wasm::Engine> engine_;
};

}  // namespace

Result<wasm::Engine*> guest_engine() {
  static const Shared shared;
  return shared.engine();
}

void add_compiler(io::SimulatedWorld& world) { world.add_program(compiler, compile_time, wasm::compile_child); }

}  // namespace myelin::sim::stack
