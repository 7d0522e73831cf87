// The 46 host calls of wasi_snapshot_preview1, by topic; wasi_table.cpp gives them their names and types.
//
// Each runs on the guest's fiber: short, bounded, no logging, no large locals. Each checks every pointer through Memory
// before it changes anything, so a fault consumes nothing. The answer is an errno; descriptors come first (badf), then
// values (inval), then memory (fault). Source: wasi_snapshot_preview1.witx.
#pragma once

#include "wasm/engine.hpp"
#include "wasm/wasi.hpp"

#include <cstdint>
#include <span>

namespace myelin::wasm::wasi {

using Args = std::span<const std::uint64_t>;

inline std::uint32_t word(std::uint64_t arg) { return static_cast<std::uint32_t>(arg); }
inline HostResult answer(std::uint64_t* result, Errno code) {
  *result = static_cast<std::uint64_t>(code);
  return HostResult::done;
}

namespace calls {

#define MYELIN_WASI_CALL(name) HostResult name(Instance& instance, Args args, std::uint64_t* result, bool first)

// wasi_strings.cpp
MYELIN_WASI_CALL(args_get);
MYELIN_WASI_CALL(args_sizes_get);
MYELIN_WASI_CALL(environ_get);
MYELIN_WASI_CALL(environ_sizes_get);

// wasi_clock.cpp
MYELIN_WASI_CALL(clock_res_get);
MYELIN_WASI_CALL(clock_time_get);

// wasi_io.cpp: bytes in and out
MYELIN_WASI_CALL(fd_pread);
MYELIN_WASI_CALL(fd_pwrite);
MYELIN_WASI_CALL(fd_read);
MYELIN_WASI_CALL(fd_write);

// wasi_fd.cpp: what a descriptor is
MYELIN_WASI_CALL(fd_advise);
MYELIN_WASI_CALL(fd_allocate);
MYELIN_WASI_CALL(fd_close);
MYELIN_WASI_CALL(fd_datasync);
MYELIN_WASI_CALL(fd_fdstat_get);
MYELIN_WASI_CALL(fd_fdstat_set_flags);
MYELIN_WASI_CALL(fd_fdstat_set_rights);
MYELIN_WASI_CALL(fd_filestat_get);
MYELIN_WASI_CALL(fd_filestat_set_size);
MYELIN_WASI_CALL(fd_filestat_set_times);
MYELIN_WASI_CALL(fd_prestat_dir_name);
MYELIN_WASI_CALL(fd_prestat_get);
MYELIN_WASI_CALL(fd_readdir);
MYELIN_WASI_CALL(fd_renumber);
MYELIN_WASI_CALL(fd_seek);
MYELIN_WASI_CALL(fd_sync);
MYELIN_WASI_CALL(fd_tell);

// wasi_path.cpp: files and sockets, of which a guest has none
MYELIN_WASI_CALL(path_create_directory);
MYELIN_WASI_CALL(path_filestat_get);
MYELIN_WASI_CALL(path_filestat_set_times);
MYELIN_WASI_CALL(path_link);
MYELIN_WASI_CALL(path_open);
MYELIN_WASI_CALL(path_readlink);
MYELIN_WASI_CALL(path_remove_directory);
MYELIN_WASI_CALL(path_rename);
MYELIN_WASI_CALL(path_symlink);
MYELIN_WASI_CALL(path_unlink_file);
MYELIN_WASI_CALL(sock_accept);
MYELIN_WASI_CALL(sock_recv);
MYELIN_WASI_CALL(sock_send);
MYELIN_WASI_CALL(sock_shutdown);

// wasi_poll.cpp
MYELIN_WASI_CALL(poll_oneoff);

// wasi_process.cpp
MYELIN_WASI_CALL(proc_exit);
MYELIN_WASI_CALL(proc_raise);
MYELIN_WASI_CALL(random_get);
MYELIN_WASI_CALL(sched_yield);

#undef MYELIN_WASI_CALL

}  // namespace calls
}  // namespace myelin::wasm::wasi
