// Standard input and output beside a loop: the blocking calls are offloaded, so that the loop goes on.
//
// Thread: the loop's. At most one read and one write at a time.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace myelin::cli {

// Empty at the end. Errors: io.
io::Task<Result<Buffer>> read_stdin(io::Loop* loop, std::size_t max);
// Errors: io (the reader left).
io::Task<Result<void>> write_stdout(io::Loop* loop, Buffer bytes);

}  // namespace myelin::cli
