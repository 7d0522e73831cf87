// What a descriptor is, and changes of that. All that a guest has are byte streams.
#include "wasm/wasi_calls.hpp"
#include "wasm/wasi_state.hpp"

#include <algorithm>

namespace myelin::wasm::wasi::calls {

namespace {

constexpr std::uint32_t fdstat_bytes = 24;    // u8 filetype, u16 flags at 2, u64 rights at 8 and 16
constexpr std::uint32_t filestat_bytes = 64;  // u64 dev, ino, u8 filetype at 16, u64 nlink at 24, size, 3 times
constexpr std::uint32_t last_advice = 5;
constexpr std::uint32_t last_whence = 2;
constexpr std::uint32_t all_fstflags = 15;

// The answer of a call that is not for streams: badf, or `otherwise`.
HostResult not_for_streams(Instance& instance, Args args, std::uint64_t* result, Errno otherwise) {
  return answer(result, state_of(instance).table.find(word(args[0])) ? otherwise : Errno::badf);
}

}  // namespace

HostResult fd_advise(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, word(args[3]) > last_advice ? Errno::inval : Errno::spipe);
}

HostResult fd_allocate(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, Errno::spipe);
}

HostResult fd_close(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, state_of(instance).table.close(word(args[0])));
}

// What was written has left the guest already: there is nothing to wait for, and Go's and other libraries take an error
// for a failed write.
HostResult fd_datasync(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, Errno::success);
}

HostResult fd_sync(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, Errno::success);
}

HostResult fd_fdstat_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  const DescriptorTable::Entry* entry = state_of(instance).table.find(word(args[0]));
  if (!entry) return answer(result, Errno::badf);
  const Memory memory = instance.memory();
  const std::uint32_t at = word(args[1]);
  const auto stat = memory.range(at, fdstat_bytes);
  if (!stat) return answer(result, Errno::fault);
  memory.store_u32(at, entry->descriptor->file_type() | static_cast<std::uint32_t>(entry->flags) << 16);
  memory.store_u32(at + 4, 0);
  memory.store_u64(at + 8, entry->rights_base);
  memory.store_u64(at + 16, entry->rights_inheriting);
  return answer(result, Errno::success);
}

HostResult fd_fdstat_set_flags(Instance& instance, Args args, std::uint64_t* result, bool) {
  DescriptorTable::Entry* entry = state_of(instance).table.find(word(args[0]));
  if (!entry) return answer(result, Errno::badf);
  if ((entry->rights_base & rights::fd_fdstat_set_flags) == 0) return answer(result, Errno::notcapable);
  const std::uint32_t flags = word(args[1]);
  if ((flags & ~static_cast<std::uint32_t>(fdflags::all)) != 0) return answer(result, Errno::inval);
  // A stream always appends; it has no medium to be in step with.
  if ((flags & (fdflags::dsync | fdflags::rsync | fdflags::sync)) != 0) return answer(result, Errno::notsup);
  entry->flags = static_cast<std::uint16_t>(flags);
  return answer(result, Errno::success);
}

HostResult fd_fdstat_set_rights(Instance& instance, Args args, std::uint64_t* result, bool) {
  DescriptorTable::Entry* entry = state_of(instance).table.find(word(args[0]));
  if (!entry) return answer(result, Errno::badf);
  const bool grows = (args[1] & ~entry->rights_base) != 0 || (args[2] & ~entry->rights_inheriting) != 0;
  if (grows) return answer(result, Errno::notcapable);
  entry->rights_base = args[1];
  entry->rights_inheriting = args[2];
  return answer(result, Errno::success);
}

HostResult fd_filestat_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  const DescriptorTable::Entry* entry = state_of(instance).table.find(word(args[0]));
  if (!entry) return answer(result, Errno::badf);
  if ((entry->rights_base & rights::fd_filestat_get) == 0) return answer(result, Errno::notcapable);
  const auto stat = instance.memory().range(word(args[1]), filestat_bytes);
  if (!stat) return answer(result, Errno::fault);
  std::ranges::fill(*stat, std::uint8_t{0});
  (*stat)[16] = entry->descriptor->file_type();
  (*stat)[24] = 1;  // links
  return answer(result, Errno::success);
}

HostResult fd_filestat_set_size(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, Errno::inval);
}

HostResult fd_filestat_set_times(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, word(args[3]) > all_fstflags ? Errno::inval : Errno::notsup);
}

// badf for every number: libc and Go count preopened directories up from 3 until they get it.
HostResult fd_prestat_get(Instance&, Args, std::uint64_t* result, bool) { return answer(result, Errno::badf); }
HostResult fd_prestat_dir_name(Instance&, Args, std::uint64_t* result, bool) { return answer(result, Errno::badf); }

HostResult fd_readdir(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, Errno::notdir);
}

HostResult fd_renumber(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, state_of(instance).table.renumber(word(args[0]), word(args[1])));
}

HostResult fd_seek(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, word(args[2]) > last_whence ? Errno::inval : Errno::spipe);
}

HostResult fd_tell(Instance& instance, Args args, std::uint64_t* result, bool) {
  return not_for_streams(instance, args, result, Errno::spipe);
}

}  // namespace myelin::wasm::wasi::calls
