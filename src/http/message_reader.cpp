#include "http/message_reader.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <variant>

namespace myelin::http {
namespace {

namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using RequestParser = bhttp::request_parser<bhttp::buffer_body>;
using ResponseParser = bhttp::response_parser<bhttp::buffer_body>;

boost::beast::string_view beast_view(std::string_view text) { return {text.data(), text.size()}; }

template <typename Parser>
void prepare(Parser& parser) {
  parser.header_limit(max_head_bytes);
  parser.body_limit(boost::none);
}

}  // namespace

struct MessageReader::State {
  explicit State(Side which) : side(which) { renew(); }

  void renew() {
    if (side == Side::request) {
      prepare(parser.emplace<RequestParser>());
    } else {
      prepare(parser.emplace<ResponseParser>());
    }
  }
  template <typename F>
  decltype(auto) with(F f) {
    if (auto* request = std::get_if<RequestParser>(&parser)) return f(*request);
    return f(std::get<ResponseParser>(parser));
  }
  View rest() const { return View(pending).subspan(taken); }
  void take(std::size_t n) {
    taken += n;
    if (taken == pending.size()) {
      pending.clear();
      taken = 0;
    } else if (taken > read_ahead_bytes) {
      pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(taken));
      taken = 0;
    }
  }

  Side side;
  std::variant<std::monostate, RequestParser, ResponseParser> parser;
  Bytes pending;
  std::size_t taken = 0;
  bool ended = false;
  bool no_body = false;
};

MessageReader::MessageReader(Side side) : state_(std::make_unique<State>(side)) {}
MessageReader::MessageReader(MessageReader&&) noexcept = default;
MessageReader& MessageReader::operator=(MessageReader&&) noexcept = default;
MessageReader::~MessageReader() = default;

void MessageReader::feed(View bytes) { state_->pending.insert(state_->pending.end(), bytes.begin(), bytes.end()); }

bool MessageReader::wants() const { return !state_->ended && state_->rest().size() < read_ahead_bytes; }

void MessageReader::feed_end() { state_->ended = true; }

bool MessageReader::started() const {
  return !state_->rest().empty() || state_->with([](auto& parser) { return parser.got_some(); });
}

Result<bool> MessageReader::head() {
  State& state = *state_;
  return state.with([&](auto& parser) -> Result<bool> {
    if (parser.is_header_done()) return true;
    const View rest = state.rest();
    if (!rest.empty()) {
      beast::error_code error;
      state.take(parser.put(boost::asio::buffer(rest.data(), rest.size()), error));
      if (error == bhttp::error::header_limit)
        return fail(ErrorCode::too_large, "the head of the message is too large");
      if (error && error != bhttp::error::need_more && error != bhttp::error::need_buffer) {
        return fail(ErrorCode::bad_request, "malformed HTTP: " + error.message());
      }
      if (parser.is_header_done()) {
        // A coding that is passed over would leave the body's length to chance (RFC 9112 §6.1).
        const auto& fields = parser.get();
        const std::size_t codings = fields.count(bhttp::field::transfer_encoding);
        if (codings > 1 || (codings == 1 && !beast::iequals(fields[bhttp::field::transfer_encoding], "chunked"))) {
          return fail(ErrorCode::bad_request, "the only transfer coding is chunked");
        }
        return true;
      }
      if (rest.size() > max_head_bytes) return fail(ErrorCode::too_large, "the head of the message is too large");
    }
    if (state.ended) return fail(ErrorCode::link_lost, "the connection ended within the head of a message");
    return false;
  });
}

std::string MessageReader::method() const {
  return std::string(std::get<RequestParser>(state_->parser).get().method_string());
}

std::string MessageReader::target() const {
  return std::string(std::get<RequestParser>(state_->parser).get().target());
}

unsigned MessageReader::status() const { return std::get<ResponseParser>(state_->parser).get().result_int(); }

unsigned MessageReader::version() const {
  return state_->with([](auto& parser) { return parser.get().version(); });
}

bool MessageReader::keep_alive() const {
  return state_->with([](auto& parser) { return parser.keep_alive(); });
}

bool MessageReader::chunked() const {
  return state_->with([](auto& parser) { return parser.chunked(); });
}

std::optional<std::uint64_t> MessageReader::content_length() const {
  return state_->with([](auto& parser) -> std::optional<std::uint64_t> {
    const auto length = parser.content_length();
    return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
  });
}

std::string MessageReader::field(std::string_view name) const {
  return state_->with([&](auto& parser) { return std::string(parser.get()[beast_view(name)]); });
}

bool MessageReader::has_field(std::string_view name) const { return count(name) > 0; }

std::size_t MessageReader::count(std::string_view name) const {
  return state_->with([&](auto& parser) { return parser.get().count(beast_view(name)); });
}

void MessageReader::skip_body() { state_->no_body = true; }

bool MessageReader::done() const {
  return state_->no_body || state_->with([](auto& parser) { return parser.is_done(); });
}

Result<Buffer> MessageReader::body(std::size_t max) {
  State& state = *state_;
  if (done()) return Buffer();
  return state.with([&](auto& parser) -> Result<Buffer> {
    MYELIN_CHECK(parser.is_header_done(), "the body comes after the head");
    const std::size_t room = std::min(max, std::max<std::size_t>(state.rest().size(), 1));
    Buffer out = Buffer::allocate(room);
    auto& body = parser.get().body();
    body.data = out.writable().data();
    body.size = room;
    while (!parser.is_done() && body.size > 0) {
      const View rest = state.rest();
      if (rest.empty()) break;
      beast::error_code error;
      const std::size_t used = parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
      state.take(used);
      if (error == bhttp::error::need_buffer) break;
      if (error == bhttp::error::need_more) {
        if (used == 0) break;
        continue;
      }
      if (error) return fail(ErrorCode::bad_request, "malformed HTTP body: " + error.message());
    }
    out.truncate(room - body.size);
    body.data = nullptr;
    body.size = 0;
    // Nothing more is read ahead of the parser: what it cannot take now, it never will.
    if (out.empty() && !parser.is_done() && !wants() && !state.ended) {
      return fail(ErrorCode::bad_request, "malformed HTTP body: a chunk's head or the trailer is too large");
    }
    if (out.empty() && !parser.is_done() && state.ended) {
      beast::error_code error;
      parser.put_eof(error);
      if (error) return fail(ErrorCode::link_lost, "the connection ended within the body of a message");
    }
    return out;
  });
}

std::size_t MessageReader::discard() {
  const std::size_t size = state_->rest().size();
  state_->take(size);
  return size;
}

void MessageReader::next() {
  MYELIN_CHECK(done(), "a message is taken whole before the next");
  state_->no_body = false;
  state_->renew();
}

}  // namespace myelin::http
