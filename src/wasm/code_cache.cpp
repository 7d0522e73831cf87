#include "wasm/code_cache.hpp"

#include "wasm/reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace myelin::wasm {
namespace {

namespace fs = std::filesystem;

// The end of a code file: its digest over code and mark, then the mark.
constexpr std::string_view mark = "myelin code 1\n";
constexpr std::size_t trailer_bytes = sizeof(Digest) + mark.size();
constexpr std::string_view suffix = ".code";

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

std::unexpected<Error> system_error(std::string_view what, const std::string& path, int number) {
  return fail(ErrorCode::io, concat(what, " ", path, ": ", std::generic_category().message(number)));
}

bool write_all(int descriptor, View bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

bool read_all(int descriptor, MutableView into) {
  while (!into.empty()) {
    const ssize_t n = read(descriptor, into.data(), into.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

bool ours_alone(const struct stat& info) { return info.st_uid == geteuid() && (info.st_mode & 077) == 0; }

struct Entry {
  fs::path path;
  fs::file_time_type time;
  std::uint64_t size;
};

}  // namespace

Result<void> write_code(const std::string& path, View code) {
  std::string temporary = path + ".XXXXXX";
  const Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (file.get() < 0) return system_error("cannot write", path, errno);
  const Digest digest = sha256({code, as_view(mark)});
  const bool written = write_all(file.get(), code) && write_all(file.get(), digest) &&
                       write_all(file.get(), as_view(mark)) && rename(temporary.c_str(), path.c_str()) == 0;
  if (written) return {};
  const int number = errno;
  unlink(temporary.c_str());
  return system_error("cannot write", path, number);
}

std::optional<Bytes> read_code(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (file.get() < 0 || fstat(file.get(), &info) != 0) return std::nullopt;
  if (!S_ISREG(info.st_mode) || !ours_alone(info)) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size < trailer_bytes || size > max_code_bytes) return std::nullopt;
  Bytes bytes(size);
  if (!read_all(file.get(), bytes)) return std::nullopt;

  const View all(bytes);
  const std::size_t code_size = all.size() - trailer_bytes;
  const View code = all.first(code_size);
  const View end = all.last(mark.size());
  const Digest digest = sha256({code, as_view(mark)});
  if (as_text(end) != mark || !std::ranges::equal(all.subspan(code_size, digest.size()), digest)) return std::nullopt;
  bytes.resize(code_size);
  return bytes;
}

Result<std::unique_ptr<CodeCache>> CodeCache::create(std::string directory) {
  if (directory.empty()) {
    std::error_code ignored;
    const fs::path parent = fs::temp_directory_path(ignored);
    std::string name = ((parent.empty() ? fs::path("/tmp") : parent) / "myelin-code-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return system_error("cannot make", name, errno);
    return std::unique_ptr<CodeCache>(new CodeCache(std::move(name), false));
  }
  std::error_code error;
  if (const fs::path parent = fs::path(directory).parent_path(); !parent.empty()) {
    fs::create_directories(parent, error);
    if (error) return system_error("cannot make", parent.string(), error.value());
  }
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return system_error("cannot make", directory, errno);
  struct stat info{};
  if (lstat(directory.c_str(), &info) != 0) return system_error("cannot open", directory, errno);
  if (!S_ISDIR(info.st_mode)) return fail(ErrorCode::io, concat(directory, " is not a folder"));
  if (!ours_alone(info)) {
    return fail(ErrorCode::io, concat("the code cache ", directory, " must be this user's and of mode 0700"));
  }
  return std::unique_ptr<CodeCache>(new CodeCache(std::move(directory), true));
}

CodeCache::~CodeCache() {
  std::error_code ignored;
  if (!keeps_) fs::remove_all(directory_, ignored);
}

std::string CodeCache::path(const Digest& key, std::uint64_t salt) const {
  std::string name = concat(directory_, "/", to_hex(key));
  if (!keeps_) name += concat("-", salt);
  return name.append(suffix);
}

void CodeCache::touch(const std::string& path) const { utimensat(AT_FDCWD, path.c_str(), nullptr, 0); }

void CodeCache::used(const std::string& path) const {
  if (!keeps_) unlink(path.c_str());
}

void CodeCache::trim(std::uint64_t max_bytes, std::size_t max_files) const {
  std::error_code error;
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  const auto stale = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (fs::directory_iterator it(directory_, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    Entry entry{it->path(), it->last_write_time(gone), it->file_size(gone)};
    if (gone) continue;
    if (entry.path.extension() != suffix) {
      if (entry.time < stale) fs::remove(entry.path, gone);  // a writer's temporary name
      continue;
    }
    total += entry.size;
    entries.push_back(std::move(entry));
  }
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.time, entry.path); });
  std::size_t files = entries.size();
  for (const Entry& entry : entries) {
    if (total <= max_bytes && files <= max_files) break;
    fs::remove(entry.path, error);
    total -= entry.size;
    --files;
  }
}

}  // namespace myelin::wasm
