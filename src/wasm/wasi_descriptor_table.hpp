// The table of a guest's descriptors: number → Descriptor, flags and rights.
//
// Invariants: never more than `capacity` entries; an Entry that find() gives has a Descriptor; rights only shrink.
// Thread: the process's shard. Source: witx `fdflags`, `rights`.
#pragma once

#include "wasm/wasi.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace myelin::wasm::wasi {

namespace fdflags {
inline constexpr std::uint16_t append = 1, dsync = 2, nonblock = 4, rsync = 8, sync = 16;
inline constexpr std::uint16_t all = 31;
}  // namespace fdflags

namespace rights {
inline constexpr std::uint64_t fd_read = 1u << 1;
inline constexpr std::uint64_t fd_fdstat_set_flags = 1u << 3;
inline constexpr std::uint64_t fd_write = 1u << 6;
inline constexpr std::uint64_t fd_filestat_get = 1u << 21;
inline constexpr std::uint64_t poll_fd_readwrite = 1u << 27;
// What a byte stream can do. Neither seek nor tell: libc takes a character device without them for a terminal.
inline constexpr std::uint64_t stream = fd_read | fd_fdstat_set_flags | fd_write | fd_filestat_get | poll_fd_readwrite;
}  // namespace rights

class DescriptorTable {
 public:
  struct Entry {
    std::unique_ptr<Descriptor> descriptor;
    std::uint16_t flags = 0;
    std::uint64_t rights_base = rights::stream;
    std::uint64_t rights_inheriting = 0;
  };

  explicit DescriptorTable(std::uint32_t capacity) : capacity_(capacity) {}

  // The open entry, or null. Valid until bind, close or renumber.
  Entry* find(std::uint32_t number);
  // Replaces what is at `number` by a fresh entry. REQUIRES: number < capacity, a descriptor.
  void bind(std::uint32_t number, std::unique_ptr<Descriptor> descriptor);
  // success or badf.
  Errno close(std::uint32_t number);
  // Moves `from` to `to`, closing what is there. Both must be open (else badf), so a guest makes no numbers up.
  Errno renumber(std::uint32_t from, std::uint32_t to);

 private:
  std::uint32_t capacity_;
  std::vector<Entry> entries_;
};

}  // namespace myelin::wasm::wasi
