#include "io/real/system_error.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace myelin::io::real {

namespace {

Error make(ErrorCode code, std::string_view what, int error) {
  Error result{code, std::string(what) + ": " + std::generic_category().message(error)};
  if (code == ErrorCode::io) result.detail = static_cast<std::uint32_t>(error);
  return result;
}

}  // namespace

bool is_exhausted(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == ENOSPC;
}

Error io_error(std::string_view what, int error) { return make(ErrorCode::io, what, error); }

Error dial_error(std::string_view what, int error) {
  if (is_exhausted(error)) return make(ErrorCode::limit, what, error);
  switch (error) {
    case ETIMEDOUT:
      return make(ErrorCode::timeout, what, error);
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:  // no local address can reach it, or all ports are taken
    case EAFNOSUPPORT:   // a machine without IPv6
    case EACCES:
    case EPERM:   // a firewall of this machine
    case EINVAL:  // an address that cannot be a target
      return make(ErrorCode::offline, what, error);
    default:
      return make(ErrorCode::io, what, error);
  }
}

Error link_error(std::string_view what, int error) {
  switch (error) {
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
    case ETIMEDOUT:
    case ENOTCONN:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ESHUTDOWN:
      return make(ErrorCode::link_lost, what, error);
    default:
      return make(ErrorCode::io, what, error);
  }
}

Error listen_error(std::string_view what, int error) {
  if (error == EADDRINUSE) return make(ErrorCode::conflict, what, error);
  if (error == EACCES || error == EPERM) return make(ErrorCode::forbidden, what, error);
  return make(ErrorCode::io, what, error);
}

}  // namespace myelin::io::real
