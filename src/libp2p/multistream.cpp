#include "libp2p/multistream.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "base/varint.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace myelin::libp2p::multistream {
namespace {

constexpr std::string_view not_available = "na";
constexpr std::string_view list = "ls";
// A length that is allowed takes at most so many bytes.
constexpr std::size_t max_length_bytes = 2;
static_assert(limits::multistream_token_bytes < 1U << (7 * max_length_bytes));

std::unexpected<Error> broken(std::string_view what) { return fail(ErrorCode::protocol, std::string(what)); }

void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

}  // namespace

bool valid_protocol(std::string_view id) {
  return !id.empty() && id.size() < limits::multistream_token_bytes && id.find('\n') == std::string_view::npos &&
         id != not_available && id != list && id != header;
}

Bytes message(std::string_view text) {
  MYELIN_CHECK(text.size() < limits::multistream_token_bytes, "a message keeps within the limit");
  Bytes bytes;
  bytes.reserve(max_length_bytes + text.size() + 1);
  put_varint(bytes, text.size() + 1);
  bytes.insert(bytes.end(), text.begin(), text.end());
  bytes.push_back('\n');
  return bytes;
}

Result<std::string> TokenReader::next(Rope& in) {
  while (expected_ == 0) {
    if (in.empty()) return std::string();
    std::array<std::uint8_t, 1> byte{};
    in.copy_to(byte);
    in.drop_front(1);
    pending_.push_back(byte[0]);
    const Varint length = get_varint_strict(pending_);
    if (length.state == Varint::State::truncated && pending_.size() < max_length_bytes) continue;
    if (length.state == Varint::State::truncated) return broken("multistream message is too long");
    if (length.state != Varint::State::ok) return broken("multistream length is not a minimal varint");
    if (length.value > limits::multistream_token_bytes) return broken("multistream message is too long");
    if (length.value < 2) return broken("multistream message is empty");
    expected_ = length.value;
    pending_.clear();
  }
  const std::size_t had = pending_.size();
  const std::size_t taken = std::min(expected_ - had, in.size());
  pending_.resize(had + taken);
  in.copy_to(MutableView(pending_).subspan(had));
  in.drop_front(taken);
  if (pending_.size() < expected_) return std::string();
  expected_ = 0;
  std::string text = to_text(pending_);
  pending_.clear();
  if (text.find('\n') != text.size() - 1) return broken("multistream message is not one line");
  text.pop_back();
  return text;
}

Result<Dialer> Dialer::create(std::vector<std::string> proposals) {
  if (proposals.empty()) return fail(ErrorCode::bad_request, "no protocol to propose");
  if (proposals.size() > max_proposals) return fail(ErrorCode::bad_request, "too many protocols to propose");
  if (!std::all_of(proposals.begin(), proposals.end(), valid_protocol)) {
    return fail(ErrorCode::bad_request, "not a protocol name");
  }
  return Dialer(std::move(proposals));
}

Dialer::Dialer(std::vector<std::string> proposals) : proposals_(std::move(proposals)) {
  append(output_, message(header));
  append(output_, message(proposals_.front()));
}

Bytes Dialer::take_output() { return std::exchange(output_, {}); }

void Dialer::receive(Rope& in) {
  while (state_ == State::reading) {
    Result<std::string> text = reader_.next(in);
    if (!text) return fail_with(std::move(text.error()));
    if (text->empty()) return;
    take(*text);
  }
}

void Dialer::take(const std::string& text) {
  if (!header_seen_) {
    if (text != header) return fail_with({ErrorCode::protocol, "the peer does not speak multistream-select 1.0"});
    header_seen_ = true;
  } else if (text == proposals_[current_]) {
    state_ = State::agreed;
  } else if (text != not_available) {
    fail_with({ErrorCode::protocol, "the peer answered with a protocol that was not proposed"});
  } else if (current_ + 1 == proposals_.size()) {
    fail_with({ErrorCode::unsupported, "the peer speaks none of the proposed protocols"});
  } else {
    append(output_, message(proposals_[++current_]));
  }
}

void Dialer::fail_with(Error error) {
  state_ = State::failed;
  error_ = std::move(error);
}

const std::string& Dialer::protocol() const {
  MYELIN_CHECK(state_ == State::agreed, "there is a protocol once it is agreed");
  return proposals_[current_];
}

const Error& Dialer::error() const {
  MYELIN_CHECK(state_ == State::failed, "there is an error once it has failed");
  return error_;
}

Bytes Listener::take_output() { return std::exchange(output_, {}); }

void Listener::receive(Rope& in) {
  while (state_ == State::reading) {
    Result<std::string> text = reader_.next(in);
    if (!text) return fail_with(std::move(text.error()));
    if (text->empty()) return;
    take(std::move(*text));
  }
}

void Listener::take(std::string text) {
  if (!header_seen_) {
    if (text != header) return fail_with({ErrorCode::protocol, "the peer does not speak multistream-select 1.0"});
    header_seen_ = true;
    append(output_, message(header));
  } else if (text == list) {
    count_refusal();
  } else if (!valid_protocol(text)) {
    fail_with({ErrorCode::protocol, "the peer proposed what is no protocol"});
  } else {
    proposal_ = std::move(text);
    state_ = State::proposed;
  }
}

void Listener::count_refusal() {
  append(output_, message(not_available));
  state_ = State::reading;
  if (++refused_ == max_proposals) fail_with({ErrorCode::unsupported, "the peer proposed too many protocols"});
}

void Listener::fail_with(Error error) {
  state_ = State::failed;
  error_ = std::move(error);
}

const std::string& Listener::proposal() const {
  MYELIN_CHECK(state_ == State::proposed, "there is a proposal to decide on");
  return proposal_;
}

void Listener::accept() {
  MYELIN_CHECK(state_ == State::proposed, "there is a proposal to decide on");
  append(output_, message(proposal_));
  state_ = State::agreed;
}

void Listener::refuse() {
  MYELIN_CHECK(state_ == State::proposed, "there is a proposal to decide on");
  count_refusal();
}

const std::string& Listener::protocol() const {
  MYELIN_CHECK(state_ == State::agreed, "there is a protocol once it is agreed");
  return proposal_;
}

const Error& Listener::error() const {
  MYELIN_CHECK(state_ == State::failed, "there is an error once it has failed");
  return error_;
}

}  // namespace myelin::libp2p::multistream
