#include "wasm/wasi_testing.hpp"

#include <set>

namespace myelin::wasm::wasi::testing {
namespace {

// The signatures as WebAssembly sees them, written down a second time from the witx: name(params)result.
constexpr std::string_view signatures[] = {
    "args_get(ii)i",
    "args_sizes_get(ii)i",
    "environ_get(ii)i",
    "environ_sizes_get(ii)i",
    "clock_res_get(ii)i",
    "clock_time_get(iIi)i",
    "fd_advise(iIIi)i",
    "fd_allocate(iII)i",
    "fd_close(i)i",
    "fd_datasync(i)i",
    "fd_fdstat_get(ii)i",
    "fd_fdstat_set_flags(ii)i",
    "fd_fdstat_set_rights(iII)i",
    "fd_filestat_get(ii)i",
    "fd_filestat_set_size(iI)i",
    "fd_filestat_set_times(iIIi)i",
    "fd_pread(iiiIi)i",
    "fd_prestat_get(ii)i",
    "fd_prestat_dir_name(iii)i",
    "fd_pwrite(iiiIi)i",
    "fd_read(iiii)i",
    "fd_readdir(iiiIi)i",
    "fd_renumber(ii)i",
    "fd_seek(iIii)i",
    "fd_sync(i)i",
    "fd_tell(ii)i",
    "fd_write(iiii)i",
    "path_create_directory(iii)i",
    "path_filestat_get(iiiii)i",
    "path_filestat_set_times(iiiiIIi)i",
    "path_link(iiiiiii)i",
    "path_open(iiiiiIIii)i",
    "path_readlink(iiiiii)i",
    "path_remove_directory(iii)i",
    "path_rename(iiiiii)i",
    "path_symlink(iiiii)i",
    "path_unlink_file(iii)i",
    "poll_oneoff(iiii)i",
    "proc_exit(i)",
    "proc_raise(i)i",
    "random_get(ii)i",
    "sched_yield()i",
    "sock_accept(iii)i",
    "sock_recv(iiiiii)i",
    "sock_send(iiiii)i",
    "sock_shutdown(ii)i",
};

std::string signature(const HostFunction& function) {
  std::string text = function.name + "(";
  for (const ValueType type : function.type.params) text += type == ValueType::i64 ? 'I' : 'i';
  text += ")";
  for (const ValueType type : function.type.results) text += type == ValueType::i64 ? 'I' : 'i';
  return text;
}

TEST(WasiTable, HasExactlyThe46FunctionsOfPreview1WithTheirTypes) {
  std::set<std::string> found;
  for (const HostFunction& function : host_functions()) {
    EXPECT_EQ(function.module, "wasi_snapshot_preview1");
    EXPECT_NE(function.call, nullptr) << function.name;
    found.insert(signature(function));
  }
  EXPECT_EQ(host_functions().size(), 46u);
  EXPECT_EQ(found, std::set<std::string>(std::begin(signatures), std::end(signatures)));
}

TEST(WasiTable, OnlyWhatMayWaitSaysSo) {
  std::set<std::string> waiting;
  for (const HostFunction& function : host_functions()) {
    if (function.waits) waiting.insert(function.name);
  }
  EXPECT_EQ(waiting, (std::set<std::string>{"fd_read", "fd_write", "poll_oneoff", "random_get", "sched_yield"}));
}

class WasiHostile : public WasiTest {};

// Every function, with every combination of arguments that are small, at the end of the memory and beyond: it answers
// an errno, waits or exits, and the address sanitizer sees no byte touched outside.
TEST_F(WasiHostile, AnyArgumentsAnswerAndStayInMemory) {
  constexpr std::uint64_t values[] = {0, 1, 2, 64, outside, 0xffff'ffff};
  std::size_t calls = 0;
  for (const HostFunction& target : host_functions()) {
    const std::size_t params = target.type.params.size();
    std::vector<std::size_t> choice(params, 0);
    for (std::size_t n = 0; n < 3000; ++n) {
      std::vector<std::uint64_t> args;
      for (std::size_t i = 0; i < params; ++i) {
        const bool wide = target.type.params[i] == ValueType::i64;
        const std::uint64_t value = values[choice[i]];
        args.push_back(wide && value == 0xffff'ffff ? UINT64_MAX : value);
      }
      std::uint64_t answered = unset;
      const HostResult state = target.call(instance, args, &answered, true);
      ++calls;
      switch (state) {
        case HostResult::done:
          EXPECT_LE(answered, 76u) << target.name;
          break;
        case HostResult::pending:
          EXPECT_TRUE(target.waits) << target.name;
          break;
        case HostResult::exit:
          EXPECT_EQ(target.name, "proc_exit");
          break;
        case HostResult::trap:
          ADD_FAILURE() << target.name << " trapped";
          break;
      }
      context->abandon();
      for (std::uint32_t i = 0; i < 3; ++i) {
        if (!context->find(i)) context->bind(i, std::make_unique<TapeDescriptor>(tapes[i]));
      }
      std::size_t digit = 0;
      while (digit < params && ++choice[digit] == std::size(values)) choice[digit++] = 0;
      if (digit == params) break;
    }
  }
  EXPECT_GT(calls, 10'000u);
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
