#include "base/check.hpp"
#include "io/real/descriptor.hpp"
#include "io/real/loop_core.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace myelin::io {

namespace {

// Where the handler writes the signal's number: the one place of a process where signals arrive is the process itself.
std::atomic<int> signal_pipe{-1};

extern "C" void write_signal(int signal) {
  const int saved = errno;
  const auto number = static_cast<std::uint8_t>(signal);
  // Fails only if thousands of signals are already waiting to be seen.
  [[maybe_unused]] const auto written = write(signal_pipe.load(std::memory_order_relaxed), &number, 1);
  errno = saved;
}

// Owns the reading end; lives as long as the loop does.
struct Watcher {
  Watcher(real::LoopCore& loop, int fd, std::move_only_function<void(int)> c)
      : descriptor(loop, fd), loop_of(loop), callback(std::move(c)) {}

  void arm() {
    descriptor.on_readable([this] {
      std::uint8_t number = 0;
      while (read(descriptor.fd(), &number, 1) == 1) {
        loop_of.post([this, number] { callback(number); });
      }
      arm();
    });
  }

  real::Descriptor descriptor;
  real::LoopCore& loop_of;
  std::move_only_function<void(int)> callback;
};

}  // namespace

void on_terminate(RealLoop& loop, std::move_only_function<void(int signal)> callback) {
  int ends[2] = {-1, -1};
  MYELIN_CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "no pipe for signals: out of descriptors");
  auto& core = static_cast<real::LoopCore&>(loop);
  auto watcher = std::make_shared<Watcher>(core, ends[0], std::move(callback));
  watcher->arm();
  core.keep(std::move(watcher));
  signal_pipe.store(ends[1]);  // a former one stays open: its handler may be writing just now
  struct sigaction action{};
  action.sa_handler = write_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
}

}  // namespace myelin::io
