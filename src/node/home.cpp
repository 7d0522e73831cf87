#include "node/home.hpp"

#include "base/check.hpp"
#include "io/files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace myelin::node {
namespace {

constexpr std::uint32_t folder_mode = 0700;
constexpr std::uint32_t secret_mode = 0600;
constexpr std::uint32_t public_mode = 0644;
constexpr std::uint32_t others_bits = 0077;
constexpr std::uint32_t others_write_bits = 0022;
constexpr std::size_t max_file_bytes = 16 * 1024;
constexpr std::size_t token_bytes = 32;
constexpr std::size_t max_key_text = 8 * 1024;

std::string_view trimmed(std::string_view text) {
  const auto space = " \t\r\n";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

// The file's line, or an empty text if the file is missing.
io::Task<Result<std::string>> read_line(io::Loop* loop, std::string path, bool secret) {
  const auto info = co_await loop->files().info(path);
  if (!info) {
    if (info.error().code == ErrorCode::io && info.error().detail == ENOENT) co_return std::string();
    co_return fail(info.error());
  }
  if (secret && (info->mode & others_bits) != 0) {
    co_return fail(ErrorCode::forbidden, path + " can be read by others: chmod 600 it, or remove it to make a new one");
  }
  auto bytes = co_await loop->files().read(path, max_file_bytes);
  if (!bytes) co_return fail(bytes.error());
  std::string line(trimmed(as_text(bytes->view())));
  if (line.empty()) co_return fail(ErrorCode::bad_request, path + " is empty");
  co_return line;
}

// The line that is there, or `fresh`, written.
io::Task<Result<std::string>> keep_line(io::Loop* loop, std::string path, bool secret, std::string fresh) {
  auto line = co_await read_line(loop, path, secret);
  if (!line || !line->empty()) co_return line;
  auto written =
      co_await loop->files().write_atomic(path, Buffer::copy_of(fresh + "\n"), secret ? secret_mode : public_mode);
  if (!written) co_return fail(written.error());
  co_return fresh;
}

io::Task<Result<Home>> open_on(io::Loop* loop, std::string path) {
  auto made = co_await loop->files().make_directories(path, folder_mode);
  if (!made) co_return fail(made.error());
  const auto folder = co_await loop->files().info(path);
  if (!folder) co_return fail(folder.error());
  if ((folder->mode & others_write_bits) != 0) {
    co_return fail(ErrorCode::forbidden, path + " can be changed by others: chmod go-w it");
  }
  Home home;
  std::array<std::uint8_t, 32> seed{};
  loop->random(seed);
  auto key = co_await keep_line(loop, path + "/key", true, write_key(identity::KeyPair::ed25519(seed)));
  if (!key) co_return fail(key.error());
  auto pair = read_key(*key);
  if (!pair) co_return fail(pair.error().code, path + "/key: " + pair.error().message);
  home.key = std::move(*pair);

  std::array<std::uint8_t, token_bytes> token{};
  loop->random(token);
  auto token_line = co_await keep_line(loop, path + "/token", true, to_hex(token));
  if (!token_line) co_return fail(token_line.error());
  const bool hexadecimal =
      token_line->size() == 2 * token_bytes && token_line->find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!hexadecimal) co_return fail(ErrorCode::bad_request, path + "/token is not 64 hexadecimal characters");
  home.token = std::move(*token_line);

  Pid fresh_root;
  loop->random(fresh_root.bytes);
  auto root_line = co_await keep_line(loop, path + "/root", false, fresh_root.to_string());
  if (!root_line) co_return fail(root_line.error());
  const auto root = Pid::parse(*root_line);
  if (!root) co_return fail(ErrorCode::bad_request, path + "/root is not a PID");
  home.root = *root;
  co_return home;
}

}  // namespace

io::Task<Result<Home>> open_home(io::Loop& loop, std::string path) { return open_on(&loop, std::move(path)); }

std::string write_key(const identity::KeyPair& key) { return base58_encode(key.encode()); }

Result<identity::KeyPair> read_key(std::string_view text) {
  const auto message = base58_decode(trimmed(text), max_key_text);
  if (!message) return fail(ErrorCode::bad_request, "a key is the base58 text of a libp2p private key");
  return identity::KeyPair::decode(*message);
}

}  // namespace myelin::node
