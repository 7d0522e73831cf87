// Files, whole and small: what a node reads and writes of its own (keys, configuration, cache). Blocking work is
// offloaded.
//
// Thread: the owning loop. Simulated: an in-memory tree per node.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "io/task.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace myelin::io {

struct FileInfo {
  std::uint64_t size = 0;
  std::uint32_t mode = 0;  // permission bits, 0 to 07777
  bool directory = false;
};

class Files {
 public:
  virtual ~Files() = default;

  // Errors for all: io with the system's text; no_such_process is never used: a missing file is `io` with detail
  // ENOENT. read: too_large over `max`.
  virtual Task<Result<Buffer>> read(std::string path, std::size_t max) = 0;
  // Writes under a temporary name, syncs, renames: a reader sees the old or the new whole.
  virtual Task<Result<void>> write_atomic(std::string path, Buffer bytes, std::uint32_t mode) = 0;
  virtual Task<Result<FileInfo>> info(std::string path) = 0;
  virtual Task<Result<void>> make_directories(std::string path, std::uint32_t mode) = 0;
  virtual Task<Result<void>> remove(std::string path) = 0;
  // Names in a directory, sorted.
  virtual Task<Result<std::vector<std::string>>> list(std::string path) = 0;
};

}  // namespace myelin::io
