#include "io/loop.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace myelin::io {

std::uint64_t Loop::random_u64() {
  std::array<std::uint8_t, 8> bytes{};
  random(bytes);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

namespace {

struct OffloadAwaiter {
  Loop* loop;
  Callback work;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    loop->offload(std::move(work), [handle] { handle.resume(); });
  }
  void await_resume() const noexcept {}
};

Task<void> offload_on(Loop* loop, Callback work) { co_await OffloadAwaiter{loop, std::move(work)}; }

}  // namespace

Task<void> offload(Loop& loop, Callback work) { return offload_on(&loop, std::move(work)); }

}  // namespace myelin::io
