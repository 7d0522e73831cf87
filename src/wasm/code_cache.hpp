// Compiled code on disk: a folder of files named after what they were compiled from, and the rules by which a file is
// believed.
//
// Compiled code is native code: whoever can write it runs in this program. So the folder is ours alone (mode 0700),
// and a file is read only if it is a regular file of ours that nobody else may read or write; its SHA-256 stands at its
// end, so that a torn or rotten one is noticed. Anything else is as good as absent. A file is written under a
// temporary name and renamed, so two writers of one name do no harm.
// Blocking: everything here; callers are in offloaded work, at start-up or in the compile helper. Thread: any.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "wasm/digest.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace myelin::wasm {

inline constexpr std::size_t max_code_bytes = 512ull << 20;

// Errors: io.
Result<void> write_code(const std::string& path, View code);
// The code, or nothing if there is no file that may be believed.
std::optional<Bytes> read_code(const std::string& path);

class CodeCache {
 public:
  // Opens or makes `directory` (its parents too). Empty: a temporary folder that goes with this object, whose files are
  // dropped after use. Errors: io (it cannot be made, or is not ours alone).
  static Result<std::unique_ptr<CodeCache>> create(std::string directory);
  CodeCache(const CodeCache&) = delete;
  CodeCache& operator=(const CodeCache&) = delete;
  ~CodeCache();

  bool keeps() const { return keeps_; }
  // The file for `key`. `salt` tells apart writers in a folder that does not keep its files.
  std::string path(const Digest& key, std::uint64_t salt) const;
  // After a hit: the file is the youngest again.
  void touch(const std::string& path) const;
  // Drops the oldest files until at most `max_bytes` and `max_files` are left, and what dead writers left behind.
  void trim(std::uint64_t max_bytes, std::size_t max_files) const;
  // After use: removes the file unless this folder keeps it.
  void used(const std::string& path) const;

 private:
  CodeCache(std::string directory, bool keeps) : directory_(std::move(directory)), keeps_(keeps) {}
  std::string directory_;
  bool keeps_;
};

}  // namespace myelin::wasm
