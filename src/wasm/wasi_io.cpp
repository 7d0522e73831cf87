// Reading and writing. One call moves what one look at the descriptor gives, at most transfer_bytes; a guest that wants
// more calls again, as libc does.
#include "base/limits.hpp"
#include "wasm/wasi_calls.hpp"
#include "wasm/wasi_state.hpp"

#include <algorithm>

namespace myelin::wasm::wasi::calls {

namespace {

constexpr std::uint32_t iovec_count = 1024;  // as IOV_MAX
constexpr std::uint32_t iovec_bytes = 8;     // u32 buf, u32 buf_len
constexpr std::size_t transfer_bytes = limits::pipe_bytes;

enum class Direction : std::uint8_t { read, write };

// Whether every piece lies in memory: success, inval (too many) or fault.
Errno check_iovecs(const Memory& memory, std::uint32_t iovecs, std::uint32_t count) {
  if (count > iovec_count) return Errno::inval;
  if (!memory.range(iovecs, count * iovec_bytes)) return Errno::fault;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t at = iovecs + i * iovec_bytes;
    if (!memory.range(*memory.load_u32(at), *memory.load_u32(at + 4))) return Errno::fault;
  }
  return Errno::success;
}

// Moves bytes until the pieces, the cap or the descriptor are exhausted. An error or `again` counts only if nothing was
// moved before it; the next call will meet it again. REQUIRES: check_iovecs. A read may fill the array of pieces
// itself, so each piece is checked again.
Descriptor::Transfer transfer(const Memory& memory, std::uint32_t iovecs, std::uint32_t count, Descriptor& descriptor,
                              Direction direction) {
  std::size_t total = 0;
  for (std::uint32_t i = 0; i < count && total < transfer_bytes; ++i) {
    const std::uint32_t at = iovecs + i * iovec_bytes;
    const auto range = memory.range(*memory.load_u32(at), *memory.load_u32(at + 4));
    if (!range) break;
    const MutableView piece = range->first(std::min(range->size(), transfer_bytes - total));
    if (piece.empty()) continue;
    const Descriptor::Transfer moved =
        direction == Direction::read ? descriptor.read(piece) : descriptor.write(View(piece));
    if (moved.errno_code != Errno::success) {
      if (total == 0) return moved;
      break;
    }
    total += moved.size;
    if (moved.size < piece.size()) break;
  }
  return {Errno::success, total};
}

// fd, iovecs, count, where the number of bytes goes.
HostResult move_bytes(Instance& instance, Args args, std::uint64_t* result, Direction direction) {
  State& state = state_of(instance);
  const Memory memory = instance.memory();
  DescriptorTable::Entry* entry = state.table.find(word(args[0]));
  if (!entry) return answer(result, Errno::badf);
  const std::uint64_t needed = direction == Direction::read ? rights::fd_read : rights::fd_write;
  if ((entry->rights_base & needed) == 0) return answer(result, Errno::notcapable);
  const Errno bad = check_iovecs(memory, word(args[1]), word(args[2]));
  if (bad != Errno::success) return answer(result, bad);
  if (!memory.range(word(args[3]), 4)) return answer(result, Errno::fault);

  Descriptor& descriptor = *entry->descriptor;
  const Descriptor::Transfer moved = transfer(memory, word(args[1]), word(args[2]), descriptor, direction);
  if (moved.errno_code == Errno::again && (entry->flags & fdflags::nonblock) == 0) {
    if (direction == Direction::read) {
      descriptor.on_readable(state.waiter.callback());
    } else {
      descriptor.on_writable(state.waiter.callback());
    }
    return HostResult::pending;
  }
  state.waiter.disarm();
  if (moved.errno_code == Errno::success) memory.store_u32(word(args[3]), static_cast<std::uint32_t>(moved.size));
  return answer(result, moved.errno_code);
}

// A stream has no offsets.
HostResult positioned(Instance& instance, Args args, std::uint64_t* result) {
  return answer(result, state_of(instance).table.find(word(args[0])) ? Errno::spipe : Errno::badf);
}

}  // namespace

HostResult fd_read(Instance& instance, Args args, std::uint64_t* result, bool) {
  return move_bytes(instance, args, result, Direction::read);
}

HostResult fd_write(Instance& instance, Args args, std::uint64_t* result, bool) {
  return move_bytes(instance, args, result, Direction::write);
}

HostResult fd_pread(Instance& instance, Args args, std::uint64_t* result, bool) {
  return positioned(instance, args, result);
}

HostResult fd_pwrite(Instance& instance, Args args, std::uint64_t* result, bool) {
  return positioned(instance, args, result);
}

}  // namespace myelin::wasm::wasi::calls
