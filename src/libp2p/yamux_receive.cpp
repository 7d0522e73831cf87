// The receiving half of a yamux session: the peer's bytes become frames, and frames become events.
#include "libp2p/yamux.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

namespace myelin::libp2p::yamux {

namespace {

constexpr std::uint32_t max_pongs = 256;

}  // namespace

Result<void> Session::fail_with(std::string_view why) {
  error_ = Error{ErrorCode::protocol, "yamux: " + std::string(why)};
  go_away(go_away_protocol_error);
  return fail(*error_);
}

Result<void> Session::receive(Buffer bytes, Instant now) {
  if (error_) return fail(*error_);
  while (!bytes.empty()) {
    if (payload_left_ > 0) {
      const std::size_t size = std::min<std::size_t>(payload_left_, bytes.size());
      Buffer piece = bytes.slice(0, size);
      bytes.drop_front(size);
      payload_left_ -= static_cast<std::uint32_t>(size);
      deliver(std::move(piece), now);
      if (payload_left_ == 0) end_of_payload();
      continue;
    }
    const std::size_t size = std::min(header_bytes - header_size_, bytes.size());
    std::memcpy(header_.data() + header_size_, bytes.data(), size);
    header_size_ += size;
    bytes.drop_front(size);
    if (header_size_ < header_bytes) break;
    header_size_ = 0;
    const Result<Header> header = decode(header_);
    if (!header) return fail_with(header.error().message);
    if (auto taken = on_header(*header, now); !taken) return taken;
    if (control_.size() + updates_.size() > config_.pending_frames + streams_.size()) {
      return fail_with("too many answers wait for a peer that does not read");
    }
  }
  return {};
}

Result<void> Session::on_header(const Header& header, Instant now) {
  switch (header.type) {
    case FrameType::data:
      return on_data(header, now);
    case FrameType::window_update:
      return on_window_update(header, now);
    case FrameType::ping:
      return on_ping(header, now);
    case FrameType::go_away:
      peer_going_away_ = true;
      emit({.kind = Event::Kind::go_away, .code = header.length});
      return {};
  }
  return {};
}

Result<void> Session::on_syn(StreamId id, Instant now) {
  const bool of_peer = (id % 2 == 1) != config_.dialer;
  if (!of_peer) return fail_with("the peer opened a stream with an id of ours");
  if (streams_.contains(id)) return fail_with("the peer opened a stream twice");
  forget_abandoned(id);
  if (going_away_ || inbound_ >= config_.inbound_streams) {
    ++refused_;
    droppable_ += limits::yamux_initial_window_bytes;
    queue_control({FrameType::window_update, flag_rst, id, reset_resource_limit});
    return {};
  }
  StreamState& stream = streams_[id];
  stream.inbound = true;
  stream.epoch = now;
  stream.ack_due = true;
  ++inbound_;
  windows_ += stream.window;
  queue_update(id, stream);
  emit({.kind = Event::Kind::opened, .stream = id});
  return {};
}

void Session::on_acknowledged(StreamState& stream) {
  if (stream.inbound || stream.acknowledged) return;
  stream.acknowledged = true;
  --unacknowledged_;
  if (std::exchange(open_waits_, false)) emit({.kind = Event::Kind::can_open});
}

void Session::on_reset(StreamId id, std::uint32_t code) {
  if (!streams_.contains(id)) return;
  remove(id);
  emit({.kind = Event::Kind::reset, .stream = id, .code = code});
}

Result<void> Session::on_unknown_data(const Header& header) {
  if (header.length > droppable_) return fail_with("too much data for streams that are gone");
  droppable_ -= header.length;
  if (header.length > 0 && forget_abandoned(header.stream)) {
    queue_control({FrameType::window_update, flag_rst, header.stream, reset_none});
  }
  payload_left_ = header.length;
  payload_stream_ = 0;
  payload_ends_stream_ = false;
  return {};
}

Result<void> Session::on_data(const Header& header, Instant now) {
  if (header.has(flag_syn)) {
    if (auto opened = on_syn(header.stream, now); !opened) return opened;
  }
  if (header.has(flag_rst)) on_reset(header.stream, reset_none);
  StreamState* stream = find(header.stream);
  if (stream == nullptr) return on_unknown_data(header);
  on_acknowledged(*stream);
  if (header.length > stream->allowance) return fail_with("data beyond the window");
  if (stream->ended && header.length > 0) return fail_with("data after the end of a stream");
  stream->allowance -= header.length;
  payload_left_ = header.length;
  payload_stream_ = header.stream;
  payload_ends_stream_ = header.has(flag_fin);
  if (buffered_ + header.length > config_.receive_memory_bytes) {
    reset(header.stream, reset_resource_limit);
    emit({.kind = Event::Kind::reset, .stream = header.stream, .code = reset_resource_limit});
    payload_stream_ = 0;
  }
  if (payload_left_ == 0) end_of_payload();
  return {};
}

void Session::deliver(Buffer piece, Instant now) {
  StreamState* stream = payload_stream_ == 0 ? nullptr : find(payload_stream_);
  if (stream == nullptr) return;
  if (stream->abandoned) {
    maybe_grant(payload_stream_, *stream, now);
    return;
  }
  stream->buffered += piece.size();
  buffered_ += piece.size();
  emit({.kind = Event::Kind::data, .stream = payload_stream_, .data = std::move(piece)});
}

void Session::end_of_payload() {
  const StreamId id = std::exchange(payload_stream_, 0);
  if (!std::exchange(payload_ends_stream_, false) || id == 0) return;
  if (StreamState* stream = find(id)) finished_by_peer(id, *stream);
}

void Session::finished_by_peer(StreamId id, StreamState& stream) {
  if (stream.ended) return;
  stream.ended = true;
  emit({.kind = Event::Kind::finished, .stream = id});
  remove_if_over(id, stream);
}

Result<void> Session::on_window_update(const Header& header, Instant now) {
  if (header.has(flag_syn)) {
    if (auto opened = on_syn(header.stream, now); !opened) return opened;
  }
  if (header.has(flag_rst)) {
    on_reset(header.stream, header.length);
    return {};
  }
  StreamState* stream = find(header.stream);
  if (stream == nullptr) {
    if (header.has(flag_fin)) forget_abandoned(header.stream);
    return {};
  }
  on_acknowledged(*stream);
  if (header.length > std::numeric_limits<std::uint32_t>::max() - stream->credit) {
    return fail_with("a window update overflows the window");
  }
  stream->credit += header.length;
  queue_sender(header.stream, *stream);
  if (header.has(flag_fin)) finished_by_peer(header.stream, *stream);
  return {};
}

Result<void> Session::on_ping(const Header& header, Instant now) {
  if (header.has(flag_syn)) {
    if (pongs_pending_ >= max_pongs) return fail_with("a flood of pings from a peer that does not read");
    ++pongs_pending_;
    queue_control({FrameType::ping, flag_ack, 0, header.length});
    return {};
  }
  // Answers to no question are tolerated.
  if (!header.has(flag_ack) || !ping_ || ping_->opaque != header.length) return {};
  const Duration sample = now - ping_->sent;
  ping_.reset();
  round_trip_ = round_trip_ == Duration::zero() ? sample : (round_trip_ + sample) / 2;
  emit({.kind = Event::Kind::pong, .round_trip = sample});
  return {};
}

}  // namespace myelin::libp2p::yamux
