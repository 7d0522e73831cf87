// For tests of the engine: a folder for its cache, host functions that answer as a Probe says, and loads that are
// waited for.
//
// Thread: the test's.
#pragma once

#include "io/real.hpp"
#include "wasm/engine.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::wasm::testing {

// A folder that goes with this object.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "myelin-engine-test-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_; }

 private:
  std::string path_;
};

// What a guest's host calls see and say.
struct Probe {
  std::vector<std::uint32_t> notes;
  int polls = 0;     // of waiting calls
  int firsts = 0;    // of these, how many were the guest's call itself
  int patience = 0;  // polls that answer pending before one is done
};

inline Probe& probe(Instance& instance) { return *static_cast<Probe*>(instance.host); }

// Whether a waiting call of this instance must go on waiting.
inline bool waits_on(Instance& instance, bool first) {
  Probe& state = probe(instance);
  ++state.polls;
  if (first) ++state.firsts;
  if (state.patience == 0) return false;
  --state.patience;
  return true;
}

namespace calls {

using Args = std::span<const std::uint64_t>;

inline HostResult add(Instance&, Args args, std::uint64_t* result, bool) {
  *result = args[0] + args[1];
  return HostResult::done;
}
inline HostResult note(Instance& instance, Args args, std::uint64_t*, bool) {
  probe(instance).notes.push_back(static_cast<std::uint32_t>(args[0]));
  return HostResult::done;
}
inline HostResult wait(Instance& instance, Args args, std::uint64_t* result, bool first) {
  if (waits_on(instance, first)) return HostResult::pending;
  *result = args[0] + 100;
  return HostResult::done;
}
inline HostResult leave(Instance& instance, Args args, std::uint64_t*, bool first) {
  if (waits_on(instance, first)) return HostResult::pending;
  instance.set_exit_code(static_cast<std::uint32_t>(args[0]));
  return HostResult::exit;
}
inline HostResult fault(Instance& instance, Args, std::uint64_t*, bool first) {
  if (waits_on(instance, first)) return HostResult::pending;
  instance.set_trap_reason("the host says no");
  return HostResult::trap;
}
// fill(address, size): stores 7 there, as far as it is the guest's to store to.
inline HostResult fill(Instance& instance, Args args, std::uint64_t* result, bool) {
  const auto place = instance.memory().range(static_cast<std::uint32_t>(args[0]), static_cast<std::uint32_t>(args[1]));
  if (place) std::ranges::fill(*place, std::uint8_t{7});
  *result = place ? 0 : 21;
  return HostResult::done;
}

}  // namespace calls

inline std::vector<HostFunction> host_functions() {
  constexpr auto i32 = ValueType::i32;
  constexpr auto i64 = ValueType::i64;
  return {{"test", "add", {{i32, i64}, {i64}}, calls::add, false},
          {"test", "note", {{i32}, {}}, calls::note, false},
          {"test", "wait", {{i32}, {i32}}, calls::wait, true},
          {"test", "leave", {{i32}, {}}, calls::leave, false},
          {"test", "leave_later", {{i32}, {}}, calls::leave, true},
          {"test", "fault", {{}, {}}, calls::fault, false},
          {"test", "fault_later", {{}, {i64}}, calls::fault, true},
          {"test", "fill", {{i32, i32}, {i32}}, calls::fill, false}};
}

inline Buffer guest(std::string_view stem) {
  std::ifstream file(std::string(MYELIN_BINARY_DIR "/guests/").append(stem).append(".wasm"), std::ios::binary);
  EXPECT_TRUE(file) << stem;
  const Bytes bytes(std::istreambuf_iterator<char>(file), {});
  return Buffer::copy_of(View(bytes));
}

inline EngineConfig config_for(MemoryPreset preset, std::string cache_directory) {
  EngineConfig config;
  config.preset = preset;
  config.max_instances = 64;
  config.max_memory_pages = 16;
  config.cache_directory = std::move(cache_directory);
  config.compiler_program = MYELIN_BINARY_DIR "/bin/myelin-compile";
  return config;
}

using Loaded = Result<std::shared_ptr<const Module>>;

inline io::Task<void> load_into(Engine* engine, io::Loop* loop, Buffer bytes, std::optional<Loaded>* out) {
  *out = co_await engine->load(*loop, std::move(bytes));
}

// Whether limits on address space can be tried: a sanitizer takes more than any.
inline bool limits_apply() {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return false;
#else
  return true;
#endif
}

// Loads in the real world and waits for it.
inline Loaded load(Engine& engine, Buffer bytes) {
  const auto loop = io::RealLoop::create();
  std::optional<Loaded> result;
  loop->run_until_done(load_into(&engine, loop.get(), std::move(bytes), &result));
  return *result;
}

// Resumes until the call ends or waits.
inline Run run(Instance& instance, std::uint64_t fuel = 1'000'000) {
  while (true) {
    Run result = instance.resume(fuel);
    if (result.state != Run::State::sliced) return result;
  }
}

// Calls `name` to its end.
inline Run call(Instance& instance, std::string_view name, std::uint64_t fuel = 1'000'000) {
  const auto begun = instance.begin(name);
  EXPECT_TRUE(begun) << name;
  return run(instance, fuel);
}

inline std::uint32_t word(Instance& instance, std::uint32_t address = 0) {
  return instance.memory().load_u32(address).value_or(0xdead);
}

}  // namespace myelin::wasm::testing
