// Starts a child process: own process group, limits set before its program begins, default signals, three pipes.
//
// Uses vfork: between it and exec the child shares this process's memory, so it makes system calls only, on data that
// was laid out before; the calling thread waits meanwhile, and other threads go on. Every other descriptor of ours is
// close-on-exec.
// Thread: any.
#pragma once

#include "io/children.hpp"
#include "io/real/owned_fd.hpp"

#include <sys/types.h>

namespace myelin::io::real {

struct Launched {
  pid_t pid = -1;
  OwnedFd pidfd;  // readable once the child has ended
  OwnedFd input;  // our ends, non-blocking
  OwnedFd output;
  OwnedFd errors;
};

// Errors: io, with the errno (also of exec) as detail.
Result<Launched> launch(const ChildSpec& spec);

}  // namespace myelin::io::real
