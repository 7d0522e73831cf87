// LogBuffer: the last lines that a process wrote to stderr, within a bound of bytes.
//
// Bytes become lines at line feeds; a line longer than limits::log_line_bytes is broken there. Control characters and
// bytes that are not UTF-8 are escaped, so that no guest can forge a line or drive a terminal. The oldest lines go
// first; their sequence numbers stay missing. Pure. Thread: the process's shard.
#pragma once

#include "base/bytes.hpp"
#include "base/fifo.hpp"
#include "base/limits.hpp"
#include "kernel/process.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace myelin::kernel {

class LogBuffer {
 public:
  explicit LogBuffer(std::size_t max_bytes = limits::process_log_bytes) : max_bytes_(max_bytes) {}

  // Returns how many lines were finished.
  std::size_t write(View bytes, WallTime now);
  // Finishes a line that has no line feed. True if there was one.
  bool flush(WallTime now);
  // A line of the kernel's own.
  void note(std::string text, WallTime now);

  // Lines with sequence > `after`, oldest first, at most `max`.
  std::vector<LogLine> after(std::uint64_t after, std::size_t max = 1000) const;
  std::uint64_t last_sequence() const { return next_ - 1; }

 private:
  void add(std::string text, WallTime now);
  std::size_t max_bytes_;
  Fifo<LogLine> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t next_ = 1;
  std::string partial_;
};

}  // namespace myelin::kernel
