// What tests and the fuzzer of WASI stand on: a loop that is turned by hand, an Instance that is a vector of bytes, a
// descriptor that is a string.
//
// Thread: the test's.
#pragma once

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "io/loop.hpp"
#include "wasm/engine.hpp"
#include "wasm/wasi.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::wasm::wasi::testing {

// Time stands still but for advance(); entropy counts up.
class HandLoop final : public io::Loop {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override { return wall_; }
  void post(io::Callback callback) override { posts_.push_back(std::move(callback)); }
  void resume_soon(std::coroutine_handle<> handle) override {
    posts_.push_back([handle] { handle.resume(); });
  }
  bool here() const override { return true; }
  TimerId start_timer(Instant when, io::Callback callback) override {
    timers_.emplace(++last_timer_, std::pair(when, std::move(callback)));
    return last_timer_;
  }
  void cancel_timer(TimerId id) override { timers_.erase(id); }
  void random(MutableView out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(++entropy_);
  }
  io::Network& network() override { absent(); }
  io::Files& files() override { absent(); }
  io::Children& children() override { absent(); }
  void offload(io::Callback, io::Callback) override { absent(); }

  // Runs what is posted and due; returns how many callbacks that were.
  int turn() {
    int ran = 0;
    for (io::Callback& callback : std::exchange(posts_, {})) ++ran, callback();
    while (true) {
      const auto due = std::ranges::find_if(timers_, [&](const auto& timer) { return timer.second.first <= now_; });
      if (due == timers_.end()) return ran;
      io::Callback callback = std::move(due->second.second);
      timers_.erase(due);
      ++ran, callback();
    }
  }
  void advance(Duration by) {
    now_ += by;
    wall_ += by;
  }
  void set_wall(WallTime wall) { wall_ = wall; }
  std::size_t timers() const { return timers_.size(); }
  std::size_t posts() const { return posts_.size(); }
  Instant next_timer() const { return timers_.begin()->second.first; }

 private:
  [[noreturn]] static void absent() { check_failed("a device", "this loop has none", __FILE__, __LINE__); }
  Instant now_{};
  WallTime wall_{std::chrono::seconds(1'700'000'000)};
  std::vector<io::Callback> posts_;
  std::map<TimerId, std::pair<Instant, io::Callback>> timers_;
  TimerId last_timer_ = 0;
  std::uint64_t entropy_ = 0;
};

class BytesInstance final : public Instance {
 public:
  explicit BytesInstance(std::size_t size) : bytes(size) {}
  Result<void> begin(std::string_view) override { return fail(ErrorCode::unsupported); }
  Run resume(std::uint64_t) override { return {Run::State::finished, 0, {}}; }
  bool busy() const override { return true; }
  std::uint64_t fuel_used() const override { return 0; }
  Memory memory() override { return {bytes.data(), bytes.size()}; }
  std::uint64_t memory_bytes() const override { return bytes.size(); }
  void set_exit_code(std::uint32_t code) override { exit_code = code; }
  void set_trap_reason(std::string reason) override { trap_reason = std::move(reason); }

  Bytes bytes;
  std::uint32_t exit_code = 0;
  std::string trap_reason;
};

// What a test sees of a descriptor; outlives it.
struct Tape {
  std::string input;             // what reads give
  bool input_ended = false;      // then the end
  Errno input_error{};           // or this, once the input is used up
  std::string output;            // what was written
  std::size_t room = SIZE_MAX;   // what writes may still take
  Errno output_error{};          // what writes answer instead
  std::size_t piece = SIZE_MAX;  // the most that one read or write moves
  bool closed = false;
  int reads = 0, writes = 0;
  io::Callback readable, writable;

  bool can_read() const { return !input.empty() || input_ended || input_error != Errno::success; }
  bool can_write() const { return room > 0 || output_error != Errno::success; }
  void feed(io::Loop& loop, std::string_view text) {
    input += text;
    tell(loop);
  }
  // Posts the callbacks that have something to tell.
  void tell(io::Loop& loop) {
    if (readable && can_read()) loop.post(std::exchange(readable, {}));
    if (writable && can_write()) loop.post(std::exchange(writable, {}));
  }
};

class TapeDescriptor final : public Descriptor {
 public:
  explicit TapeDescriptor(std::shared_ptr<Tape> tape) : tape_(std::move(tape)) {}
  ~TapeDescriptor() override { tape_->closed = true; }
  Transfer read(MutableView into) override {
    ++tape_->reads;
    if (tape_->input.empty()) {
      if (tape_->input_error != Errno::success) return {tape_->input_error};
      return {tape_->input_ended ? Errno::success : Errno::again};
    }
    const std::size_t size = std::min({into.size(), tape_->input.size(), tape_->piece});
    std::copy_n(tape_->input.begin(), size, into.begin());
    tape_->input.erase(0, size);
    return {Errno::success, size};
  }
  Transfer write(View from) override {
    ++tape_->writes;
    if (tape_->output_error != Errno::success) return {tape_->output_error};
    if (tape_->room == 0) return {Errno::again};
    const std::size_t size = std::min({from.size(), tape_->room, tape_->piece});
    tape_->output += as_text(from.first(size));
    if (tape_->room != SIZE_MAX) tape_->room -= size;
    return {Errno::success, size};
  }
  bool readable() const override { return tape_->can_read(); }
  bool writable() const override { return tape_->can_write(); }
  void on_readable(io::Callback callback) override { tape_->readable = std::move(callback); }
  void on_writable(io::Callback callback) override { tape_->writable = std::move(callback); }
  std::size_t available() const override { return tape_->input.size(); }

 private:
  std::shared_ptr<Tape> tape_;  // shared with the test, which looks at it after the descriptor's end
};

}  // namespace myelin::wasm::wasi::testing
