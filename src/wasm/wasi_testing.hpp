// The fixture of WASI's tests: a guest that is a vector of bytes, whose calls a test makes by name.
//
// Thread: the test's.
#pragma once

#include "wasm/wasi_fakes.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::wasm::wasi::testing {

// A guest with descriptors 0, 1 and 2 on tapes, whose calls a test makes by name.
class WasiTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t memory_size = 256 * 1024;
  static constexpr std::uint32_t outside = memory_size - 3;  // four bytes do not fit there any more
  static constexpr std::uint64_t unset = 0xdead;

  explicit WasiTest(Context::Config config = default_config())
      : functions_(host_functions()), instance(memory_size), context(Context::create(loop, std::move(config))) {
    instance.wasi = context.get();
    for (std::uint32_t i = 0; i < 3; ++i) context->bind(i, std::make_unique<TapeDescriptor>(tapes[i]));
    context->want_wake([this] { ++wakes; });
  }
  static Context::Config default_config() {
    return {.arguments = {"guest", "one", ""}, .environment = {{"KEY", "value"}, {"EMPTY", ""}}};
  }

  const HostFunction& function(std::string_view name) const {
    const auto found = std::ranges::find(functions_, name, &HostFunction::name);
    MYELIN_CHECK(found != functions_.end(), "a test calls a function that exists");
    return *found;
  }
  // Calls as the guest does.
  HostResult start(std::string_view name, std::initializer_list<std::uint64_t> args) {
    const HostFunction& target = function(name);
    MYELIN_CHECK(args.size() == target.type.params.size(), "a test passes as many arguments as there are");
    current_ = &target;
    args_ = args;
    return poll(true);
  }
  // What the engine does at the next resume().
  HostResult poll(bool first = false) {
    result = unset;
    const HostResult state = current_->call(instance, args_, &result, first);
    if (state == HostResult::pending) EXPECT_TRUE(current_->waits) << current_->name;
    return state;
  }
  // Calls what does not wait, and gives its errno.
  Errno call(std::string_view name, std::initializer_list<std::uint64_t> args) {
    EXPECT_EQ(start(name, args), HostResult::done) << name;
    return static_cast<Errno>(result);
  }
  Errno code() const { return static_cast<Errno>(result); }

  std::uint32_t u32(std::uint32_t at) { return *instance.memory().load_u32(at); }
  std::uint64_t u64(std::uint32_t at) { return *instance.memory().load_u64(at); }
  void put_u32(std::uint32_t at, std::uint32_t value) { ASSERT_TRUE(instance.memory().store_u32(at, value)); }
  void put_u64(std::uint32_t at, std::uint64_t value) { ASSERT_TRUE(instance.memory().store_u64(at, value)); }
  void put_text(std::uint32_t at, std::string_view text) { std::ranges::copy(text, instance.bytes.begin() + at); }
  std::string text(std::uint32_t at, std::size_t size) { return to_text(View(instance.bytes).subspan(at, size)); }
  void put_iovecs(std::uint32_t at, std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> pieces) {
    for (const auto& [address, size] : pieces) {
      put_u32(at, address);
      put_u32(at + 4, size);
      at += 8;
    }
  }

 private:
  std::vector<HostFunction> functions_;
  const HostFunction* current_ = nullptr;
  std::vector<std::uint64_t> args_;

 protected:
  HandLoop loop;
  BytesInstance instance;
  std::shared_ptr<Tape> tapes[3] = {std::make_shared<Tape>(), std::make_shared<Tape>(), std::make_shared<Tape>()};
  std::unique_ptr<Context> context;
  std::uint64_t result = unset;
  int wakes = 0;
};

}  // namespace myelin::wasm::wasi::testing
