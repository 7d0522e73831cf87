// Files and sockets: a guest has no directory and no socket, and gets the answers of a host that preopened none.
//
// A path needs a directory descriptor with the right for it, which no stream has: badf, fault for a path outside the
// memory, notcapable.
#include "wasm/wasi_calls.hpp"
#include "wasm/wasi_state.hpp"

namespace myelin::wasm::wasi::calls {

namespace {

Errno refuse_path(Instance& instance, std::uint64_t fd, std::uint64_t path, std::uint64_t path_bytes) {
  if (!state_of(instance).table.find(word(fd))) return Errno::badf;
  if (!instance.memory().range(word(path), word(path_bytes))) return Errno::fault;
  return Errno::notcapable;
}

// For calls with two paths: the first answer that is not notcapable.
Errno first_of(Errno one, Errno other) { return one != Errno::notcapable ? one : other; }

HostResult refuse_socket(Instance& instance, Args args, std::uint64_t* result) {
  return answer(result, state_of(instance).table.find(word(args[0])) ? Errno::notsock : Errno::badf);
}

}  // namespace

HostResult path_create_directory(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, refuse_path(instance, args[0], args[1], args[2]));
}

HostResult path_filestat_get(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, refuse_path(instance, args[0], args[2], args[3]));
}

HostResult path_filestat_set_times(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, refuse_path(instance, args[0], args[2], args[3]));
}

HostResult path_link(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, first_of(refuse_path(instance, args[0], args[2], args[3]),
                                 refuse_path(instance, args[4], args[5], args[6])));
}

HostResult path_open(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, refuse_path(instance, args[0], args[2], args[3]));
}

HostResult path_readlink(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, refuse_path(instance, args[0], args[1], args[2]));
}

HostResult path_remove_directory(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, refuse_path(instance, args[0], args[1], args[2]));
}

HostResult path_rename(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, first_of(refuse_path(instance, args[0], args[1], args[2]),
                                 refuse_path(instance, args[3], args[4], args[5])));
}

// The old path is the link's text; only the new one is resolved, against args[2].
HostResult path_symlink(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, first_of(refuse_path(instance, args[2], args[0], args[1]),
                                 refuse_path(instance, args[2], args[3], args[4])));
}

HostResult path_unlink_file(Instance& instance, Args args, std::uint64_t* result, bool) {
  return answer(result, refuse_path(instance, args[0], args[1], args[2]));
}

HostResult sock_accept(Instance& instance, Args args, std::uint64_t* result, bool) {
  return refuse_socket(instance, args, result);
}

HostResult sock_recv(Instance& instance, Args args, std::uint64_t* result, bool) {
  return refuse_socket(instance, args, result);
}

HostResult sock_send(Instance& instance, Args args, std::uint64_t* result, bool) {
  return refuse_socket(instance, args, result);
}

HostResult sock_shutdown(Instance& instance, Args args, std::uint64_t* result, bool) {
  return refuse_socket(instance, args, result);
}

}  // namespace myelin::wasm::wasi::calls
