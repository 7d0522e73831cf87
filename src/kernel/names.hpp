// Names of processes. Each shard holds a copy to look up in; shard 0's copy decides who gets a name.
//
// A name is reserved on shard 0 before its process is made, and set on every shard before spawn ends, so that whoever
// was told of the process finds it from any shard. An entry is removed only if it still names the given process: late
// removals hit nobody else. Thread: the shard of the copy.
#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace myelin::kernel {

class Names {
 public:
  std::optional<Pid> find(std::string_view name) const;
  void set(const std::string& name, const Pid& pid) {
    names_[name] = pid;
    ++version_;
  }
  void erase(const std::string& name, const Pid& pid);

  // Another one after each change: what was found before may be wrong then.
  std::uint64_t version() const { return version_; }

  // Shard 0 only. Success gives who has the name now, if `replace`. Errors: conflict.
  Result<std::optional<Pid>> reserve(const std::string& name, bool replace);
  void unreserve(const std::string& name) { reserved_.erase(name); }

 private:
  std::map<std::string, Pid, std::less<>> names_;
  std::set<std::string, std::less<>> reserved_;
  std::uint64_t version_ = 0;
};

}  // namespace myelin::kernel
