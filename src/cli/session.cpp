#include "cli/session.hpp"

#include "http/json.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace myelin::cli {
namespace {

constexpr Duration dial_timeout = std::chrono::seconds(5);
constexpr std::size_t max_small_file = 4096;

std::string trimmed(Buffer bytes) {
  std::string text = to_text(bytes.view());
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// Nothing of the task is referenced after it ended: all of it lives in this frame.
io::Task<void> exchange(io::Loop* loop, NodeAccess access, std::string method, std::string target, Buffer body,
                        http::Fields fields, Result<http::Answer>* answer) {
  Result<std::unique_ptr<http::Client>> client =
      co_await http::Client::connect(*loop, std::move(access.url), std::move(access.token), dial_timeout);
  if (!client) {
    *answer = fail(ErrorCode::offline, "no node answers (is it running?): " + client.error().message);
    co_return;
  }
  *answer = co_await (*client)->fetch(std::move(method), std::move(target), std::move(body), std::move(fields));
  co_await (*client)->close();
}

}  // namespace

Result<Buffer> read_file(const std::string& path, std::size_t max) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::io, path + ": " + std::strerror(errno), static_cast<std::uint32_t>(errno));
  Rope whole;
  for (;;) {
    Buffer piece = Buffer::allocate(256 * 1024);
    const ssize_t n = ::read(fd, piece.writable().data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      ::close(fd);
      return fail(ErrorCode::io, path + ": " + std::strerror(error), static_cast<std::uint32_t>(error));
    }
    if (n == 0) break;
    piece.truncate(static_cast<std::size_t>(n));
    whole.append(std::move(piece));
    if (whole.size() > max) {
      ::close(fd);
      return fail(ErrorCode::too_large, path + " is larger than " + std::to_string(max) + " bytes");
    }
  }
  ::close(fd);
  return whole.flatten();
}

Result<NodeAccess> find_node(const Common& common) {
  std::string url = common.url;
  if (url.empty()) {
    Result<Buffer> api = read_file(common.home + "/api", max_small_file);
    if (!api) return fail(ErrorCode::offline, "no node runs in " + common.home + " (start one with `myelin node`)");
    url = trimmed(std::move(*api));
  }
  Result<http::BaseUrl> base = http::BaseUrl::parse(url);
  if (!base) return fail(base.error());
  NodeAccess access{std::move(*base), common.token};
  if (access.token.empty()) {
    const std::string path = common.home + "/token";
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
      return fail(ErrorCode::forbidden, path + " can be read by others; chmod 600 it");
    }
    Result<Buffer> token = read_file(path, max_small_file);
    if (token) access.token = trimmed(std::move(*token));
  }
  return access;
}

Error answered_error(unsigned status, const std::string& name, const std::string& body) {
  Error error{error_code(name).value_or(ErrorCode::protocol), {}};
  if (const std::optional<std::string> message = http::string_member(body, "message")) error.message = *message;
  if (error.message.empty()) error.message = "the node answered " + std::to_string(status);
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("detail") && json["detail"].is_number_unsigned())
    error.detail = json["detail"].get<std::uint32_t>();
  return error;
}

Result<std::string> ask(const Common& common, std::string method, std::string target, Buffer body,
                        http::Fields fields) {
  Result<NodeAccess> access = find_node(common);
  if (!access) return fail(access.error());
  std::unique_ptr<io::RealLoop> loop = io::RealLoop::create();
  Result<http::Answer> answer = fail(ErrorCode::io);
  loop->run_until_done(exchange(loop.get(), std::move(*access), std::move(method), std::move(target), std::move(body),
                                std::move(fields), &answer));
  if (!answer) return fail(answer.error());
  if (answer->status / 100 != 2) return fail(answered_error(answer->status, answer->error, answer->body));
  return std::move(answer->body);
}

}  // namespace myelin::cli
