#include "protocol/session_machine.hpp"

#include "protocol/handshake.hpp"
#include "protocol/wire_w0.hpp"
#include "protocol/wire_w3.hpp"

#include <string>

namespace myelin::protocol {

using Kind = SessionMachine::Step::Kind;

SessionMachine::SessionMachine(State state, Wire wire, Host peer, Instant deadline)
    : state_(state), wire_(wire), peer_(std::move(peer)), deadline_(deadline) {}

SessionMachine SessionMachine::dialler(Wire wire, const Host& self, Host peer, Instant deadline) {
  SessionMachine made(State::awaiting_ack, wire, std::move(peer), deadline);
  made.output_ = hello_frame(wire, self);
  return made;
}

SessionMachine SessionMachine::acceptor(Instant deadline) {
  return SessionMachine(State::awaiting_hello, Wire::w0, Host{}, deadline);
}

SessionMachine SessionMachine::authenticated(Host peer) {
  return SessionMachine(State::established, Wire::w3, std::move(peer), Instant::max());
}

void SessionMachine::receive(Buffer piece) {
  if (state_ != State::closed) frames_.push(std::move(piece));
}

void SessionMachine::expire(Instant now) {
  if (now < deadline_) return;
  if (state_ == State::awaiting_ack) close(ErrorCode::timeout, "no Ack came");
  if (state_ == State::awaiting_hello) close(ErrorCode::timeout, "no Hello came");
}

SessionMachine::Step SessionMachine::next_of_any_kind() {
  if (state_ == State::closed) return {.kind = Kind::closed};
  const std::size_t limit = state_ == State::established ? max_frame_bytes : max_handshake_bytes;
  switch (frames_.next(limit)) {
    case FrameReader::Step::more:
      return {};
    case FrameReader::Step::too_large:
      return close(ErrorCode::too_large,
                   state_ == State::established ? "a frame of more than 16 MiB" : "a long frame before the handshake");
    case FrameReader::Step::frame:
      break;
  }
  return on_frame(frames_.frame());
}

SessionMachine::Step SessionMachine::on_frame(View frame) {
  if (frame.empty()) {
    return state_ == State::established ? drop("empty_frame")
                                        : close(ErrorCode::protocol, "a message before the Hello");
  }
  switch (static_cast<Layer>(frame[0])) {
    case Layer::application:
      return on_message(frame.subspan(1));
    case Layer::session:
      return on_handshake(frame.subspan(1));
    case Layer::merge:
      return on_merge(frame.subspan(1));
  }
  return drop("unknown_layer");
}

SessionMachine::Step SessionMachine::on_message(View body) {
  if (state_ != State::established) {
    return close(ErrorCode::protocol,
                 state_ == State::awaiting_hello ? "a message before the Hello" : "a message before the Ack");
  }
  if (wire_ == Wire::w3) {
    const auto message = w3::get_message(body);
    if (!message) return drop("truncated_header");
    return {.kind = Kind::message, .wire_id = message->id, .payload = message->payload};
  }
  const auto message = w0::get_message(body);
  if (!message) return drop("truncated_header");
  return {.kind = Kind::message, .protocol = message->protocol, .id = message->id, .payload = message->payload};
}

SessionMachine::Step SessionMachine::on_handshake(View body) {
  if (body.empty()) return drop("unknown_handshake");
  switch (static_cast<Handshake>(body[0])) {
    case Handshake::hello:
      if (state_ == State::awaiting_hello) return on_hello(body.subspan(1));
      return drop(state_ == State::established ? "second_hello" : "unexpected_hello");
    case Handshake::ack:
      if (state_ != State::awaiting_ack) return drop("unexpected_ack");
      frames_.pop();
      return established();
    case Handshake::reject:
      if (state_ != State::awaiting_ack) return drop("unexpected_reject");
      rejected_ = true;
      return close(ErrorCode::unsupported,
                   "the peer speaks version " + (body.size() > 1 ? std::to_string(body[1]) : "?"));
  }
  return drop("unknown_handshake");
}

SessionMachine::Step SessionMachine::on_merge(View body) {
  if (state_ != State::established || body.size() != 1 || body[0] < 1 || body[0] > 3) return drop("unknown_layer");
  const auto what = static_cast<Merge>(body[0]);
  frames_.pop();
  return {.kind = Kind::merge, .merge = what};
}

SessionMachine::Step SessionMachine::on_hello(View data) {
  auto hello = read_hello(data);
  if (!hello) {
    if (hello.error().code == ErrorCode::unsupported) output_ = reject_frame();
    return close(hello.error().code, hello.error().message);
  }
  frames_.pop();
  wire_ = hello->wire;
  peer_ = std::move(hello->host);
  output_ = ack_frame();
  return established();
}

SessionMachine::Step SessionMachine::established() {
  state_ = State::established;
  deadline_ = Instant::max();
  return {.kind = Kind::established};
}

SessionMachine::Step SessionMachine::drop(std::string_view why) {
  frames_.pop();
  return {.kind = Kind::dropped, .why = why};
}

SessionMachine::Step SessionMachine::close(ErrorCode code, std::string why) {
  state_ = State::closed;
  deadline_ = Instant::max();
  error_ = {code, std::move(why)};
  frames_ = {};
  return {.kind = Kind::closed};
}

}  // namespace myelin::protocol
