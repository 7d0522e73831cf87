// The disk of a simulated host: a tree of directories and whole files, in memory. It survives the host's crash.
//
// Paths are taken from the root, with `.` and `..` resolved by text; there are no links. Permission bits are kept and
// not enforced. Errors are those of a POSIX system: `io`, its text, and its errno as detail.
// Thread: one.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "io/files.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::io::simulated {

class Disk {
 public:
  Disk();

  // Errors also: too_large over `max`.
  Result<Buffer> read(std::string_view path, std::size_t max) const;
  // Creates or replaces; the directory must exist.
  Result<void> write(std::string_view path, Buffer bytes, std::uint32_t mode);
  Result<FileInfo> info(std::string_view path) const;
  // Creates what is missing on the way. A directory that is there is no error.
  Result<void> make_directories(std::string_view path, std::uint32_t mode);
  // A file or an empty directory.
  Result<void> remove(std::string_view path);
  Result<std::vector<std::string>> list(std::string_view path) const;

 private:
  struct Node {
    bool directory = false;
    std::uint32_t mode = 0;
    Buffer bytes;
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  };
  Result<Node*> find(std::string_view path) const;
  Result<Node*> find(const std::vector<std::string>& parts, std::size_t count, std::string_view path) const;

  std::unique_ptr<Node> root_;
};

}  // namespace myelin::io::simulated
