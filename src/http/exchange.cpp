#include "http/exchange.hpp"

#include "http/json.hpp"

#include <algorithm>

namespace myelin::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string url_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

void split_target(std::string_view target, std::string& path, std::vector<std::pair<std::string, std::string>>& query) {
  const std::size_t mark = target.find('?');
  path = std::string(target.substr(0, mark));
  if (mark == std::string_view::npos) return;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    query.emplace_back(url_decode(pair.substr(0, equals)), url_decode(value));
  }
}

std::string url_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      out.push_back(c);
    } else {
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
  return out;
}

std::string Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

io::Task<Result<void>> Exchange::put(Rope bytes) {
  writing_ = true;
  Result<void> written = co_await stream_.write(std::move(bytes));
  writing_ = false;
  co_return written;
}

io::Task<bool> Exchange::stands() {
  if (writing_) co_return true;  // whoever writes learns it
  co_return (co_await put({})).has_value();
}

io::Task<Result<Buffer>> Exchange::read_body(std::size_t max) {
  if (request_.expects_continue && !continued_ && !started_ && !body_done()) {
    continued_ = true;
    if (!co_await put(Rope(continue_head()))) co_return fail(ErrorCode::link_lost, "the client left");
  }
  for (;;) {
    if (stopped_) co_return fail(ErrorCode::cancelled, "the call ended before its input did");
    Result<Buffer> piece = input_.reader().body(max);
    if (!piece) co_return fail(piece.error());
    input_.taken();
    if (!piece->empty() || input_.reader().done()) co_return std::move(*piece);
    Result<void> more = co_await input_.more(loop_.now() + stall_limit_);
    if (!more && more.error().code == ErrorCode::timeout)
      co_return fail(ErrorCode::timeout, "the request's body stalled");
    if (!more) co_return fail(ErrorCode::link_lost, "the connection ended within the body");
  }
}

io::Task<Result<Buffer>> Exchange::read_whole(std::size_t max) {
  if (request_.length && *request_.length > max)
    co_return fail(ErrorCode::too_large, "the body is larger than " + std::to_string(max) + " bytes");
  Rope whole;
  for (;;) {
    Result<Buffer> piece = co_await read_body(read_ahead_bytes);
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) co_return whole.flatten();
    whole.append(std::move(*piece));
    if (whole.size() > max)
      co_return fail(ErrorCode::too_large, "the body is larger than " + std::to_string(max) + " bytes");
  }
}

void Exchange::stop_reading() {
  stopped_ = true;
  input_.interrupt();
}

Fields Exchange::common_fields() const {
  Fields fields{{"Myelin-Request-Id", request_.id}};
  if (!request_.keep_alive) fields.emplace_back("Connection", "close");
  if (request_.keep_alive && request_.version == 10) fields.emplace_back("Connection", "keep-alive");
  return fields;
}

io::Task<void> Exchange::respond(unsigned status, Fields fields, Rope body) {
  if (!body_done()) close_after();
  started_ = true;
  status_ = status;
  Fields all = common_fields();
  for (auto& field : fields) all.push_back(std::move(field));
  if (status != 204) all.emplace_back("Content-Length", std::to_string(body.size()));
  Rope out(response_head(status, request_.version, all));
  if (request_.method != "HEAD") out.append(std::move(body));
  Result<void> written = co_await put(std::move(out));
  if (!written) broken_ = true;
}

io::Task<void> Exchange::respond_json(unsigned status, std::string json) {
  Fields fields{{"Content-Type", "application/json"}};
  json.push_back('\n');
  co_await respond(status, std::move(fields), Rope(Buffer::copy_of(json)));
}

io::Task<void> Exchange::respond_error(Error error, unsigned status, Fields fields) {
  const unsigned code = status != 0 ? status : static_cast<unsigned>(http_status(error.code));
  fields.emplace_back("Myelin-Error", std::string(name(error.code)));
  fields.emplace_back("Content-Type", "application/json");
  std::string json = error_json(error, request_.id) + "\n";
  co_await respond(code, std::move(fields), Rope(Buffer::copy_of(json)));
}

io::Task<Result<void>> Exchange::start(unsigned status, Fields fields) {
  started_ = true;
  status_ = status;
  if (request_.version == 10) close_after();
  Fields all = common_fields();
  for (auto& field : fields) all.push_back(std::move(field));
  if (request_.version != 10) {
    all.emplace_back("Transfer-Encoding", "chunked");
    all.emplace_back("Trailer", "Myelin-Error, Myelin-Error-Message, Myelin-Detail, Myelin-Request-Id");
  }
  Result<void> written = co_await put(Rope(response_head(status, request_.version, all)));
  if (!written) broken_ = true;
  co_return written;
}

io::Task<Result<void>> Exchange::write(Rope bytes) {
  if (request_.method == "HEAD" || bytes.empty()) co_return Result<void>{};
  Rope out = request_.version == 10 ? std::move(bytes) : chunk(std::move(bytes));
  Result<void> written = co_await put(std::move(out));
  if (!written) broken_ = true;
  co_return written;
}

io::Task<Result<void>> Exchange::finish(std::optional<Error> error) {
  if (!body_done()) close_after();
  if (request_.version == 10) {
    if (error) broken_ = true;  // HTTP/1.0 has no trailer: a broken connection is the only word for it
    co_return Result<void>{};
  }
  Fields trailer{{"Myelin-Request-Id", request_.id}};
  if (error) {
    trailer.emplace_back("Myelin-Error", std::string(name(error->code)));
    trailer.emplace_back("Myelin-Error-Message", field_value(error->message));
    trailer.emplace_back("Myelin-Detail", std::to_string(error->detail));
  }
  Result<void> written = co_await put(Rope(last_chunk(trailer)));
  if (!written) broken_ = true;
  co_return written;
}

}  // namespace myelin::http
