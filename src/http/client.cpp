#include "http/client.hpp"

#include "base/limits.hpp"
#include "base/units.hpp"

namespace myelin::http {
namespace {
constexpr std::size_t max_answer_bytes = 64 * limits::mib;
}

Result<BaseUrl> BaseUrl::parse(std::string_view text) {
  const std::string shown(text);
  constexpr std::string_view scheme = "http://";
  if (!text.starts_with(scheme)) return fail(ErrorCode::bad_request, "'" + shown + "' is no http:// URL");
  text.remove_prefix(scheme.size());
  while (text.ends_with('/')) text.remove_suffix(1);
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
  std::string_view host = has_port ? text.substr(0, colon) : text;
  const std::optional<std::uint64_t> port = has_port ? parse_number(text.substr(colon + 1)) : 80;
  BaseUrl url;
  url.host = std::string(text);
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::optional<io::IpAddress> ip = io::IpAddress::parse(host);
  if (!ip || !port || *port == 0 || *port > 65535) {
    return fail(ErrorCode::bad_request, "'" + shown + "' names no numeric address and port");
  }
  url.address = {*ip, static_cast<std::uint16_t>(*port)};
  return url;
}

Client::Client(io::Loop& loop, std::unique_ptr<io::TcpStream> stream, std::string host, std::string token)
    : stream_(std::move(stream)),
      host_(std::move(host)),
      token_(std::move(token)),
      input_(loop, *stream_, Side::response),
      reading_(loop) {
  reading_.spawn(input_.run());
}

io::Task<Result<std::unique_ptr<Client>>> Client::connect(io::Loop& loop, BaseUrl url, std::string token,
                                                          Duration timeout) {
  return connect_on(&loop, std::move(url), std::move(token), timeout);
}

io::Task<Result<std::unique_ptr<Client>>> Client::connect_on(io::Loop* loop, BaseUrl url, std::string token,
                                                             Duration timeout) {
  Result<std::unique_ptr<io::TcpStream>> stream = co_await loop->network().dial(url.address, timeout);
  if (!stream) co_return fail(stream.error());
  co_return std::make_unique<Client>(*loop, std::move(*stream), std::move(url.host), std::move(token));
}

io::Task<Result<void>> Client::send_head(std::string method, std::string target, std::optional<std::uint64_t> length,
                                         Fields fields) {
  if (used_ && input_.reader().done()) input_.reader().next();
  used_ = true;
  Fields all{{"Host", host_}};
  if (!token_.empty()) all.emplace_back("Authorization", "Bearer " + token_);
  chunked_ = !length;
  if (length) {
    all.emplace_back("Content-Length", std::to_string(*length));
  } else {
    all.emplace_back("Transfer-Encoding", "chunked");
  }
  for (auto& field : fields) all.push_back(std::move(field));
  co_return co_await stream_->write(Rope(request_head(method, target, all)));
}

io::Task<Result<void>> Client::send_body(Rope bytes) {
  if (bytes.empty()) co_return Result<void>{};
  Rope out = chunked_ ? chunk(std::move(bytes)) : std::move(bytes);
  co_return co_await stream_->write(std::move(out));
}

io::Task<Result<void>> Client::end_body() {
  if (!chunked_) co_return Result<void>{};
  co_return co_await stream_->write(Rope(last_chunk({})));
}

io::Task<Result<unsigned>> Client::read_head(std::optional<Instant> deadline) {
  for (;;) {
    Result<bool> head = input_.reader().head();
    input_.taken();
    if (!head) {
      const bool lost = head.error().code == ErrorCode::link_lost;
      co_return lost ? fail(head.error()) : fail(ErrorCode::protocol, head.error().message);
    }
    if (*head && input_.reader().status() == 100) {
      input_.reader().skip_body();
      input_.reader().next();
      continue;
    }
    if (*head) {
      if (input_.reader().status() == 204) input_.reader().skip_body();
      co_return input_.reader().status();
    }
    Result<void> more = co_await input_.more(deadline);
    if (!more) co_return fail(more.error());
  }
}

io::Task<Result<Buffer>> Client::read_body(std::size_t max) {
  for (;;) {
    Result<Buffer> piece = input_.reader().body(max);
    if (!piece) {
      const bool lost = piece.error().code == ErrorCode::link_lost;
      co_return lost ? fail(piece.error()) : fail(ErrorCode::protocol, piece.error().message);
    }
    input_.taken();
    if (!piece->empty() || input_.reader().done()) co_return std::move(*piece);
    Result<void> more = co_await input_.more(std::nullopt);
    if (!more) co_return fail(more.error());
  }
}

io::Task<Result<Answer>> Client::fetch(std::string method, std::string target, Buffer body, Fields fields) {
  Result<void> sent = co_await send_head(std::move(method), std::move(target), body.size(), std::move(fields));
  if (sent) sent = co_await send_body(Rope(std::move(body)));  // refused early: the answer says why
  Result<unsigned> status = co_await read_head(std::nullopt);
  if (!status) co_return fail(status.error());
  Answer answer;
  answer.status = *status;
  answer.error = field("Myelin-Error");
  for (;;) {
    Result<Buffer> piece = co_await read_body(read_ahead_bytes);
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) co_return answer;
    answer.body.append(as_text(piece->view()));
    if (answer.body.size() > max_answer_bytes) co_return fail(ErrorCode::too_large, "the answer is too large");
  }
}

io::Task<void> Client::close() {
  stream_->reset();
  input_.stop();
  co_await reading_.join();
}

}  // namespace myelin::http
