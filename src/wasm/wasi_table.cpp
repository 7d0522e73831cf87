// The names and types of wasi_snapshot_preview1, as its witx lowers them to WebAssembly: pointers, lengths and small
// values are i32, 64-bit values i64; a result other than the errno goes to a pointer.
#include "wasm/wasi_calls.hpp"

#include <string_view>

namespace myelin::wasm::wasi {

namespace {

struct Row {
  std::string_view name;
  std::string_view params;  // i: i32, I: i64
  HostCall call;
  bool waits = false;
  bool answers = true;  // gives an errno
};

constexpr Row rows[] = {
    {"args_get", "ii", calls::args_get},
    {"args_sizes_get", "ii", calls::args_sizes_get},
    {"environ_get", "ii", calls::environ_get},
    {"environ_sizes_get", "ii", calls::environ_sizes_get},
    {"clock_res_get", "ii", calls::clock_res_get},
    {"clock_time_get", "iIi", calls::clock_time_get},
    {"fd_advise", "iIIi", calls::fd_advise},
    {"fd_allocate", "iII", calls::fd_allocate},
    {"fd_close", "i", calls::fd_close},
    {"fd_datasync", "i", calls::fd_datasync},
    {"fd_fdstat_get", "ii", calls::fd_fdstat_get},
    {"fd_fdstat_set_flags", "ii", calls::fd_fdstat_set_flags},
    {"fd_fdstat_set_rights", "iII", calls::fd_fdstat_set_rights},
    {"fd_filestat_get", "ii", calls::fd_filestat_get},
    {"fd_filestat_set_size", "iI", calls::fd_filestat_set_size},
    {"fd_filestat_set_times", "iIIi", calls::fd_filestat_set_times},
    {"fd_pread", "iiiIi", calls::fd_pread},
    {"fd_prestat_get", "ii", calls::fd_prestat_get},
    {"fd_prestat_dir_name", "iii", calls::fd_prestat_dir_name},
    {"fd_pwrite", "iiiIi", calls::fd_pwrite},
    {"fd_read", "iiii", calls::fd_read, true},
    {"fd_readdir", "iiiIi", calls::fd_readdir},
    {"fd_renumber", "ii", calls::fd_renumber},
    {"fd_seek", "iIii", calls::fd_seek},
    {"fd_sync", "i", calls::fd_sync},
    {"fd_tell", "ii", calls::fd_tell},
    {"fd_write", "iiii", calls::fd_write, true},
    {"path_create_directory", "iii", calls::path_create_directory},
    {"path_filestat_get", "iiiii", calls::path_filestat_get},
    {"path_filestat_set_times", "iiiiIIi", calls::path_filestat_set_times},
    {"path_link", "iiiiiii", calls::path_link},
    {"path_open", "iiiiiIIii", calls::path_open},
    {"path_readlink", "iiiiii", calls::path_readlink},
    {"path_remove_directory", "iii", calls::path_remove_directory},
    {"path_rename", "iiiiii", calls::path_rename},
    {"path_symlink", "iiiii", calls::path_symlink},
    {"path_unlink_file", "iii", calls::path_unlink_file},
    {"poll_oneoff", "iiii", calls::poll_oneoff, true},
    {"proc_exit", "i", calls::proc_exit, false, false},
    {"proc_raise", "i", calls::proc_raise},
    {"sched_yield", "", calls::sched_yield, true},
    {"random_get", "ii", calls::random_get, true},
    {"sock_accept", "iii", calls::sock_accept},
    {"sock_recv", "iiiiii", calls::sock_recv},
    {"sock_send", "iiiii", calls::sock_send},
    {"sock_shutdown", "ii", calls::sock_shutdown},
};
static_assert(std::size(rows) == 46);

}  // namespace

std::vector<HostFunction> host_functions() {
  std::vector<HostFunction> functions;
  functions.reserve(std::size(rows));
  for (const Row& row : rows) {
    FunctionType type;
    for (const char param : row.params) type.params.push_back(param == 'I' ? ValueType::i64 : ValueType::i32);
    if (row.answers) type.results.push_back(ValueType::i32);
    functions.push_back({"wasi_snapshot_preview1", std::string(row.name), std::move(type), row.call, row.waits});
  }
  return functions;
}

}  // namespace myelin::wasm::wasi
