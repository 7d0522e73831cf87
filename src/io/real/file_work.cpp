#include "io/real/file_work.hpp"

#include "io/real/owned_fd.hpp"
#include "io/real/system_error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {

namespace {

constexpr std::size_t first_read_bytes = 16 * 1024;

std::unexpected<Error> failed(const char* what, const std::string& path) {
  const int error = errno;
  return fail(io_error(what + (" " + path), error));
}

int open_retrying(const std::string& path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

bool write_all(int fd, View bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A rename is durable once its directory is. Some file systems cannot sync one, and say EINVAL.
Result<void> sync_directory(const std::string& directory) {
  const OwnedFd fd(open_retrying(directory, O_RDONLY | O_DIRECTORY));
  if (!fd) return failed("open", directory);
  if (fsync(fd.get()) != 0 && errno != EINVAL) return failed("sync", directory);
  return {};
}

Result<void> write_new(const std::string& path, View bytes, std::uint32_t mode) {
  const OwnedFd fd(open_retrying(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  if (!fd) return failed("create", path);
  if (!write_all(fd.get(), bytes) || fchmod(fd.get(), mode & 07777) != 0 || fsync(fd.get()) != 0) {
    return failed("write", path);
  }
  return {};
}

}  // namespace

Result<Buffer> read_file(const std::string& path, std::size_t max) {
  const OwnedFd fd(open_retrying(path, O_RDONLY));
  if (!fd) return failed("open", path);
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return failed("stat", path);
  const auto size = static_cast<std::size_t>(std::max<off_t>(status.st_size, 0));
  const auto too_large = [&] {
    return fail(ErrorCode::too_large, path + " has more than " + std::to_string(max) + " bytes");
  };
  if (S_ISREG(status.st_mode) && size > max) return too_large();
  // The size is a hint only: files of /proc have none, and a file may grow meanwhile.
  Bytes bytes(std::min(max, std::max(size, first_read_bytes)) + 1);
  std::size_t filled = 0;
  while (true) {
    if (filled == bytes.size()) bytes.resize(std::min(max + 1, 2 * bytes.size()));
    const ssize_t n = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", path);
    if (n == 0) return Buffer::copy_of(View(bytes).first(filled));
    filled += static_cast<std::size_t>(n);
    if (filled > max) return too_large();
  }
}

Result<void> write_file(const std::string& path, const std::string& temporary, View bytes, std::uint32_t mode) {
  if (auto written = write_new(temporary, bytes, mode); !written) {
    if (written.error().detail != EEXIST) ::unlink(temporary.c_str());
    return written;
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    auto result = failed("rename to", path);
    ::unlink(temporary.c_str());
    return result;
  }
  return sync_directory(directory_of(path));
}

Result<FileInfo> file_info(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return failed("stat", path);
  FileInfo info;
  info.size = static_cast<std::uint64_t>(status.st_size);
  info.mode = status.st_mode & 07777;
  info.directory = S_ISDIR(status.st_mode);
  return info;
}

Result<void> make_directory_chain(const std::string& path, std::uint32_t mode) {
  for (std::size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    if (part.empty() || ::mkdir(part.c_str(), mode & 07777) == 0) continue;
    const int error = errno;
    struct stat status{};
    if (::stat(part.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
    return fail(io_error("make directory " + part, error));
  }
  return {};
}

Result<void> remove_path(const std::string& path) {
  if (std::remove(path.c_str()) != 0) return failed("remove", path);
  return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (!directory) return failed("list", path);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return failed("list", path);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace myelin::io::real
