#include "cli/home.hpp"

#include "cli/session.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

namespace myelin::cli {
namespace {

constexpr std::size_t max_config_bytes = limits::mib;

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    const std::string_view key = text.substr(0, equals);
    // The home is not the node's to read: it is where the configuration was found.
    if (equals == std::string_view::npos || !key.starts_with("MYELIN_") || key == "MYELIN_HOME") continue;
    pairs.emplace_back(key, text.substr(equals + 1));
  }
  return pairs;
}

Result<log::Level> level_of(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, log::Level>, 5> levels{{{"debug", log::Level::debug},
                                                                           {"info", log::Level::info},
                                                                           {"warn", log::Level::warn},
                                                                           {"error", log::Level::error},
                                                                           {"off", log::Level::off}}};
  for (const auto& [name, level] : levels) {
    if (name == text) return level;
  }
  return fail(ErrorCode::bad_request, "--log-level is debug, info, warn, error or off");
}

Result<void> apply_flags(node::Config& config, const NodeOptions& options) {
  if (!options.listen.empty()) config.listen = options.listen;
  if (!options.http.empty()) config.http.listen = options.http == "none" ? "" : options.http;
  for (const std::string& peer : options.peers) config.static_peers.push_back(peer);
  if (options.insecure_http) config.http.insecure_http = true;
  if (options.shards) config.shards = *options.shards;
  if (!options.log_level.empty()) {
    Result<log::Level> level = level_of(options.log_level);
    if (!level) return fail(level.error());
    config.log.level = *level;
  }
  if (!options.log_format.empty()) {
    if (options.log_format != "text" && options.log_format != "json") {
      return fail(ErrorCode::bad_request, "--log-format is text or json");
    }
    config.log.format = options.log_format == "json" ? log::Format::json : log::Format::text;
  }
  return {};
}

}  // namespace

Result<HomeLock> HomeLock::take(const std::string& home) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(home).parent_path();
  std::filesystem::create_directories(parent, error);
  if (::mkdir(home.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(ErrorCode::io, home + ": " + std::strerror(errno));
  const std::string path = home + "/node.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorCode::io, path + ": " + std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail(ErrorCode::conflict, "another node runs in " + home);
  }
  return HomeLock(fd);
}

HomeLock::HomeLock(HomeLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

HomeLock::~HomeLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::string> compiler_program() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail(ErrorCode::io, "/proc/self/exe: " + error.message());
  for (const std::filesystem::path& path :
       {self.parent_path() / "myelin-compile", self.parent_path().parent_path() / "libexec/myelin/myelin-compile"}) {
    if (::access(path.c_str(), X_OK) == 0) return path.string();
  }
  return fail(ErrorCode::io,
              "the program myelin-compile is neither beside " + self.string() + " nor in ../libexec/myelin");
}

Result<node::Config> node_config(const Common& common, const NodeOptions& options) {
  node::Config config;
  config.home = common.home;
  config.engine.cache_directory = common.home + "/cache";
  const std::string file = options.config.empty() ? common.home + "/config.yaml" : options.config;
  Result<Buffer> text = read_file(file, max_config_bytes);
  if (!text && (!options.config.empty() || text.error().detail != ENOENT)) return fail(text.error());
  if (text) {
    Result<node::Config> parsed = node::parse_config(as_text(text->view()), file, std::move(config));
    if (!parsed) return fail(parsed.error());
    config = std::move(*parsed);
  }
  Result<node::Config> overlaid = node::apply_environment(environment(), std::move(config));
  if (!overlaid) return fail(overlaid.error());
  Result<void> flags = apply_flags(*overlaid, options);
  if (!flags) return fail(flags.error());
  if (overlaid->engine.compiler_program.empty()) {
    Result<std::string> compiler = compiler_program();
    if (!compiler) return fail(compiler.error());
    overlaid->engine.compiler_program = std::move(*compiler);
  }
  return overlaid;
}

}  // namespace myelin::cli
