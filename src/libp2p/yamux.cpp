#include "libp2p/yamux.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace myelin::libp2p::yamux {

namespace {

constexpr std::size_t max_abandoned = 256;

Buffer frame_header(const Header& header) {
  Buffer bytes = Buffer::allocate(header_bytes);
  encode(header, bytes.writable().data());
  return bytes;
}

}  // namespace

StreamState* Session::find(StreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

std::optional<Event> Session::next_event() {
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event(std::move(events_.front()));
  events_.pop_front();
  return event;
}

std::size_t Session::queued_bytes(StreamId stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? 0 : found->second.queue.size();
}

Result<StreamId> Session::open(Instant now) {
  if (error_) return fail(*error_);
  if (going_away_ || peer_going_away_) return fail(ErrorCode::stopping, "the connection takes no more streams");
  if (unacknowledged_ >= config_.unacknowledged) {
    open_waits_ = true;
    return fail(ErrorCode::limit, "too many streams wait for the peer's acknowledgement");
  }
  if (next_id_ > std::numeric_limits<StreamId>::max() - 2) return fail(ErrorCode::limit, "stream ids are used up");
  const StreamId id = next_id_;
  next_id_ += 2;
  StreamState& stream = streams_[id];
  stream.epoch = now;
  stream.syn_due = true;
  ++unacknowledged_;
  windows_ += stream.window;
  queue_update(id, stream);
  return id;
}

void Session::write(StreamId id, Rope bytes) {
  StreamState* stream = find(id);
  if (stream == nullptr) return;
  MYELIN_CHECK(stream->write == StreamState::Write::open, "nothing is written after finish()");
  stream->queue.append(std::move(bytes));
  queue_sender(id, *stream);
}

void Session::finish(StreamId id) {
  StreamState* stream = find(id);
  if (stream == nullptr || stream->write != StreamState::Write::open) return;
  stream->write = StreamState::Write::closing;
  queue_sender(id, *stream);
}

void Session::reset(StreamId id, std::uint32_t code) {
  StreamState* stream = find(id);
  if (stream == nullptr) return;
  // A peer that has not seen the SYN needs no reset.
  if (!stream->syn_due) queue_control({FrameType::window_update, flag_rst, id, code});
  remove(id);
}

void Session::release(StreamId id) {
  StreamState* stream = find(id);
  if (stream == nullptr) return;
  if (stream->write == StreamState::Write::open) {
    reset(id);
    return;
  }
  stream->abandoned = true;
  buffered_ -= stream->buffered;
  stream->buffered = 0;
  remove_if_over(id, *stream);
}

void Session::consume(StreamId id, std::uint64_t bytes, Instant now) {
  StreamState* stream = find(id);
  if (stream == nullptr) return;
  MYELIN_CHECK(bytes <= stream->buffered, "no more is consumed than was given out");
  stream->buffered -= bytes;
  buffered_ -= bytes;
  if (stream->ended) {
    remove_if_over(id, *stream);
  } else {
    maybe_grant(id, *stream, now);
  }
}

void Session::maybe_grant(StreamId id, StreamState& stream, Instant now) {
  if (stream.grantable() < stream.window / 2) return;
  // The reader took half a window within few round trips: the window, not the reader, is what holds the peer back.
  const Duration limit = round_trip_ * 4;
  if (now - stream.epoch < limit && stream.window < config_.max_window_bytes &&
      windows_ < config_.receive_memory_bytes) {
    const std::uint64_t room =
        std::min<std::uint64_t>(config_.max_window_bytes - stream.window, config_.receive_memory_bytes - windows_);
    const auto growth = static_cast<std::uint32_t>(std::min<std::uint64_t>(stream.window, room));
    stream.window += growth;
    windows_ += growth;
  }
  stream.epoch = now;
  stream.credit_due = true;
  queue_update(id, stream);
}

void Session::ping(std::uint32_t opaque, Instant now) {
  MYELIN_CHECK(!ping_, "one ping at a time");
  ping_ = Ping{opaque, now};
  ping_due_ = opaque;
}

void Session::go_away(std::uint32_t code) {
  if (going_away_) return;
  going_away_ = true;
  queue_control({FrameType::go_away, 0, 0, code});
}

void Session::queue_update(StreamId id, StreamState& stream) {
  if (stream.update_due) return;
  stream.update_due = true;
  updates_.push_back(id);
}

void Session::queue_sender(StreamId id, StreamState& stream) {
  if (stream.ready || !stream.can_send()) return;
  stream.ready = true;
  senders_.push_back(id);
}

void Session::remove_if_over(StreamId id, StreamState& stream) {
  if (stream.write != StreamState::Write::finished) return;
  if (stream.abandoned && !stream.ended) {
    remember_abandoned(id);
    remove(id);
  } else if (stream.ended && stream.buffered == 0) {
    remove(id);
  }
}

void Session::remember_abandoned(StreamId id) {
  if (!abandoned_.insert(id).second) return;
  abandoned_order_.push_back(id);
  if (abandoned_order_.size() > max_abandoned) {
    abandoned_.erase(abandoned_order_.front());
    abandoned_order_.pop_front();
  }
}

bool Session::forget_abandoned(StreamId id) {
  if (abandoned_.erase(id) == 0) return false;
  abandoned_order_.erase(std::ranges::find(abandoned_order_, id));
  return true;
}

void Session::remove(StreamId id) {
  const auto found = streams_.find(id);
  const StreamState& stream = found->second;
  buffered_ -= stream.buffered;
  windows_ -= stream.window;
  if (!stream.ended) droppable_ += stream.allowance;
  if (stream.inbound) --inbound_;
  const bool waited = !stream.inbound && !stream.acknowledged;
  streams_.erase(found);
  if (waited) {
    --unacknowledged_;
    if (std::exchange(open_waits_, false)) emit({.kind = Event::Kind::can_open});
  }
}

// ---- output ----

Rope Session::collect(std::size_t max_bytes) {
  Rope out;
  if (const auto opaque = std::exchange(ping_due_, std::nullopt)) {
    out.append(frame_header({FrameType::ping, flag_syn, 0, *opaque}));
  }
  while (!control_.empty() && out.size() < max_bytes) {
    const Header header = control_.front();
    control_.pop_front();
    if (header.type == FrameType::ping && header.has(flag_ack)) --pongs_pending_;
    out.append(frame_header(header));
  }
  // All updates go before any data, so that a SYN or ACK precedes the bytes of its stream.
  while (!updates_.empty() && out.size() < max_bytes) {
    const StreamId id = updates_.front();
    updates_.pop_front();
    collect_update(id, out);
  }
  while (updates_.empty() && !senders_.empty() && out.size() < max_bytes) {
    const StreamId id = senders_.front();
    senders_.pop_front();
    collect_data(id, max_bytes - out.size(), out);
  }
  return out;
}

void Session::collect_update(StreamId id, Rope& out) {
  StreamState* stream = find(id);
  if (stream == nullptr || !stream->update_due) return;  // gone since
  stream->update_due = false;
  Header header{FrameType::window_update, 0, id, 0};
  if (std::exchange(stream->syn_due, false)) header.flags |= flag_syn;
  if (std::exchange(stream->ack_due, false)) header.flags |= flag_ack;
  if (std::exchange(stream->credit_due, false) && !stream->ended) {
    header.length = stream->grantable();
    stream->allowance += header.length;
  }
  if (header.flags != 0 || header.length != 0) out.append(frame_header(header));
}

void Session::collect_data(StreamId id, std::size_t room, Rope& out) {
  StreamState* stream = find(id);
  if (stream == nullptr || !stream->ready) return;  // gone since
  stream->ready = false;
  if (!stream->can_send()) return;
  if (stream->queue.empty()) {
    out.append(frame_header({FrameType::window_update, flag_fin, id, 0}));
    stream->write = StreamState::Write::finished;
    remove_if_over(id, *stream);
    return;
  }
  const std::size_t before = stream->queue.size();
  // A frame is cut short to fit the room that is left, unless that would make it tiny.
  const std::size_t fit = std::max<std::size_t>(room > header_bytes ? room - header_bytes : 0, 1024);
  const std::size_t size = std::min({before, std::size_t{stream->credit}, max_payload_bytes, fit});
  out.append(frame_header({FrameType::data, 0, id, static_cast<std::uint32_t>(size)}));
  out.append(stream->queue.take_front(size));
  stream->credit -= static_cast<std::uint32_t>(size);
  if (before > config_.send_queue_bytes && stream->queue.size() <= config_.send_queue_bytes) {
    emit({.kind = Event::Kind::writable, .stream = id});
  }
  queue_sender(id, *stream);
}

}  // namespace myelin::libp2p::yamux
