// Child processes: a program run with bytes on its standard input, limits, and an end that is an event.
//
// Thread: the owning loop. Simulated: `program` names a function registered with the simulated world; it ends at a
// virtual time.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/time.hpp"
#include "io/cancel.hpp"
#include "io/task.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace myelin::io {

struct ChildSpec {
  std::string program;                       // absolute path
  std::vector<std::string> arguments;        // without argv[0]
  Buffer input;                              // written to its stdin, then closed
  Duration wall_limit{};                     // killed after it; 0: none
  std::uint64_t cpu_limit_s = 0;             // RLIMIT_CPU; 0: none
  std::uint64_t memory_limit_bytes = 0;      // RLIMIT_AS; 0: none
  std::size_t max_output_bytes = 64 * 1024;  // each of stdout and stderr; what is over is dropped
};

struct ChildEnd {
  bool timed_out = false;  // killed by wall_limit or by RLIMIT_CPU
  int exit_code = -1;      // -1 if a signal ended it
  int signal = 0;          // 0 if it exited
  Buffer output;
  Buffer errors;
};

class Children {
 public:
  virtual ~Children() = default;
  // Errors: io (it could not be started), cancelled (the token fired; the child is killed and reaped).
  virtual Task<Result<ChildEnd>> run(ChildSpec spec, CancelToken token = {}) = 0;
};

}  // namespace myelin::io
