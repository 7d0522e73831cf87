// The home of a node as the command line sees it: its lock, its configuration, where the helper program is.
//
// Thread: the program's first.
#pragma once

#include "base/error.hpp"
#include "cli/options.hpp"
#include "node/config.hpp"

#include <string>

namespace myelin::cli {

// Holds `node.lock` in the home: one node per home. Released when destroyed, or when the program ends.
class HomeLock {
 public:
  // Makes the home (0700) if it is not there. Errors: conflict (another node runs there), io.
  static Result<HomeLock> take(const std::string& home);
  HomeLock(HomeLock&& other) noexcept;
  HomeLock& operator=(HomeLock&&) = delete;
  ~HomeLock();

 private:
  explicit HomeLock(int fd) : fd_(fd) {}
  int fd_;
};

// Absolute path of `myelin-compile`: beside this program, or where `make install` puts it. Errors: io.
Result<std::string> compiler_program();

// Defaults, then the file, then the environment, then the flags. Errors: bad_request, io.
Result<node::Config> node_config(const Common& common, const NodeOptions& options);

}  // namespace myelin::cli
