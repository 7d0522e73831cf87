// keygen: a new identity.
#include "base/ids.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "identity/keys.hpp"
#include "io/real.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace myelin::cli {
namespace {

// A new file that only this user can read; one that is there is never overwritten.
Result<void> write_key(const std::string& path, View bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errno == EEXIST ? ErrorCode::conflict : ErrorCode::io, path + ": " + std::strerror(errno));
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  const bool whole = n == static_cast<ssize_t>(bytes.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!whole) return fail(ErrorCode::io, path + " could not be written");
  return {};
}

}  // namespace

int run_keygen(const Common& common, const KeygenOptions& options) {
  std::array<std::uint8_t, 32> seed;
  io::RealLoop::create()->random(seed);
  const identity::KeyPair key = identity::KeyPair::ed25519(seed);
  seed.fill(0);
  const Bytes message = key.encode();
  const std::string text = base58_encode(message);
  if (!options.out.empty()) {
    const std::string line = text + "\n";
    Result<void> written = write_key(options.out, options.raw ? View(message) : as_view(line));
    if (!written) return report(common, written.error());
    print(common.json ? nlohmann::ordered_json{{"peer", key.peer_id().to_string()}, {"file", options.out}}.dump()
                      : key.peer_id().to_string());
    return 0;
  }
  if (options.raw) {
    std::fwrite(message.data(), 1, message.size(), stdout);
  } else {
    print(common.json ? nlohmann::ordered_json{{"peer", key.peer_id().to_string()}, {"key", text}}.dump() : text);
  }
  return 0;
}

}  // namespace myelin::cli
