// Targets: what the addresses that a process sends to were found to mean, so that the next message to one of them needs
// no parsing and no search.
//
// An entry is a hint that find() checks: a process that has gone, or a name that has changed hands, is looked up anew.
// Bounded; takes no memory before the first send. Thread: the process's shard.
#pragma once

#include "base/ids.hpp"
#include "kernel/slot.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace myelin::kernel {

class Shard;
class Actor;

struct Target {
  Actor* here = nullptr;    // a process of this shard
  std::uint32_t shard = 0;  // if null: of that shard, or
  bool elsewhere = true;    // neither: it must be looked at on the shard's own stack
  Pid pid;
};

class Targets {
 public:
  static constexpr std::size_t most = 8;
  static constexpr std::size_t most_text = 64;

  // What `text` means now, on `shard`. Short and bounded: an address that names a node is `elsewhere`, as is one that
  // means nothing.
  Target find(Shard& shard, std::string_view text);

 private:
  struct Entry {
    std::array<char, most_text> text;
    std::uint8_t size = 0;
    bool name = false;  // then valid only while `names` is the version of the shard's names
    std::uint64_t names = 0;
    Handle here;  // slot null: of shard `here.shard`
    Pid pid;
  };
  static bool current(const Entry& entry, const Shard& shard);
  Target look_up(Shard& shard, std::string_view text);

  std::vector<Entry> entries_;
  std::size_t next_ = 0;  // the one that is replaced next
  std::size_t latest_ = 0;
};

}  // namespace myelin::kernel
