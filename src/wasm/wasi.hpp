// WASI preview 1, ours: descriptors that a process's owner binds, and calls that suspend the guest, never the thread.
//
// A Context is one process's view: arguments, environment, clocks, random, and a table of descriptors. Descriptors 0, 1
// and 2 are bound to whatever the owner supplies; files and sockets find their place in the same table later. All 46
// functions of wasi_snapshot_preview1 are defined; what is not offered answers with the right errno.
//
// Blocking: a Descriptor answers `again`; the host function answers pending; the owner is told through
// Context::want_wake to resume the guest when the descriptor's on_ready fires or a clock is due. Thread: the process's
// shard. Source: WASI preview 1 witx (typenames.witx, wasi_snapshot_preview1.witx).
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "io/loop.hpp"
#include "wasm/engine.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace myelin::wasm::wasi {

// The errno values that we use (witx `errno`).
enum class Errno : std::uint16_t {
  success = 0,
  acces = 2,
  again = 6,
  badf = 8,
  canceled = 11,
  fault = 21,
  fbig = 22,
  inval = 28,
  io = 29,
  isdir = 31,
  mfile = 33,
  noent = 44,
  nosys = 52,
  notdir = 54,
  notsock = 57,
  notsup = 58,
  nospc = 51,
  perm = 63,
  pipe = 64,
  range = 68,
  spipe = 70,
  timedout = 73,
  notcapable = 76,
};

// One open descriptor. `again` means: nothing now; on_ready() will tell.
class Descriptor {
 public:
  struct Transfer {
    Errno errno_code = Errno::success;
    std::size_t size = 0;  // read: 0 with success is the end of the file
  };
  virtual ~Descriptor() = default;
  virtual Transfer read(MutableView into) = 0;
  virtual Transfer write(View from) = 0;
  virtual bool readable() const = 0;  // read would not answer `again`
  virtual bool writable() const = 0;
  // Calls `callback` once, in a later turn, when readable() (or writable()) may have become true. Replaces the one
  // before, per direction.
  virtual void on_readable(io::Callback callback) = 0;
  virtual void on_writable(io::Callback callback) = 0;
  // Bytes that read() would give now, as far as is known; 0 while readable() says that the end is next. Only
  // poll_oneoff and those who ask it (FIONREAD) see the number.
  virtual std::size_t available() const { return readable() ? 1 : 0; }
  virtual std::uint8_t file_type() const { return 6; }  // witx filetype: 6 is a stream socket, 2 a character device
};

// Reads give the end, writes vanish.
std::unique_ptr<Descriptor> null_descriptor();

class Context {
 public:
  struct Config {
    std::vector<std::string> arguments{};  // argv, [0] included
    std::vector<std::pair<std::string, std::string>> environment{};
    std::uint32_t max_descriptors = 64;
    Duration clock_resolution = std::chrono::microseconds(1);  // coarser clocks for guests that are not trusted
  };
  static std::unique_ptr<Context> create(io::Loop& loop, Config config);
  virtual ~Context() = default;

  // Binds descriptor `number`, closing what was there.
  virtual void bind(std::uint32_t number, std::unique_ptr<Descriptor> descriptor) = 0;
  virtual Descriptor* find(std::uint32_t number) = 0;
  // Called (in a later turn of the loop, never inside resume()) when a pending call may have become ready.
  virtual void want_wake(std::function<void()> wake) = 0;
  // Forgets a pending call (its timers and callbacks), before the guest's call is abandoned.
  virtual void abandon() = 0;
};

// The functions, for Engine::create. They find their Context in Instance::wasi.
std::vector<HostFunction> host_functions();

}  // namespace myelin::wasm::wasi
