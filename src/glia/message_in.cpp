#include "glia/message_in.hpp"

#include "base/log.hpp"
#include "io/sync.hpp"

#include <deque>
#include <set>
#include <utility>

namespace myelin::glia {
namespace {

constexpr std::size_t unsent_pause_bytes = limits::mib;  // reading pauses above it

}  // namespace

struct MessageIn::Channel {
  Channel(Context& c, std::unique_ptr<libp2p::Stream> s)
      : stream(std::move(s)), peer(stream->peer()), session(peer), changed(c.loop), ended(c.loop) {}

  void push(std::uint64_t number, kernel::Outcome outcome) {
    if (promises_room(outcome)) {
      if (promised.size() < most_promised)
        promised.insert(number);
      else
        outcome.error().detail = 0;
    }
    Rope frames = encode_outcome(number, outcome);
    if (unsent_bytes + frames.size() > max_outcome_bytes) {
      frames = encode_outcome(number, fail(ErrorCode::limit, "too many outcomes wait for the peer to read them"));
      promised.erase(number);
    }
    queue(std::move(frames));
  }
  // A mailbox that refused message `number` has room. Promises are few and ROOM is small: it is never dropped.
  void tell_room(std::uint64_t number) {
    if (!closed && promised.erase(number) > 0) queue(encode_room(number));
  }
  void queue(Rope frames) {
    unsent_bytes += frames.size();
    unsent.push_back(std::move(frames));
    changed.set();
  }
  void close() {
    closed = true;
    if (stream) stream->reset();
    changed.set();
  }

  std::unique_ptr<libp2p::Stream> stream;  // gone once both tasks have ended
  identity::PeerId peer;
  MessageReceiver session;
  std::deque<Rope> unsent;
  std::set<std::uint64_t> promised;  // refused messages whose sender will be told of room
  std::size_t unsent_bytes = 0;
  std::size_t under_way = 0;  // messages without an outcome
  bool reading_done = false;
  bool closed = false;
  io::Event changed;  // outcomes, room, the end
  io::Event ended;    // both tasks have ended
};

void MessageIn::deliver(const std::shared_ptr<Channel>& channel, WireMessage wire) {
  const std::uint64_t number = wire.number;
  if (wire.refused) return channel->push(number, fail(*wire.refused));
  auto place = Place::take(context_, channel->peer);
  if (!place) return channel->push(number, fail(place.error()));
  ++context_.metrics.calls_in;
  ++channel->under_way;
  kernel::Message& message = wire.message;
  context_.kernel.request(
      context_.loop, std::move(message),
      [channel, number, kept = std::move(*place)](kernel::Outcome outcome) mutable {
        --channel->under_way;
        if (!channel->closed) channel->push(number, std::move(outcome));
      },
      [channel = std::weak_ptr(channel), number] {
        if (const auto still = channel.lock()) still->tell_room(number);
      });
}

io::Task<void> MessageIn::read_messages(std::shared_ptr<Channel> channel) {
  while (!channel->closed) {
    if (channel->unsent_bytes > unsent_pause_bytes) {
      channel->changed.reset();
      co_await channel->changed.wait();
      continue;
    }
    auto bytes = co_await channel->stream->read(limits::chunk_bytes);
    if (!bytes || channel->closed) break;
    if (bytes->empty()) {
      if (!channel->session.finish()) ++context_.metrics.protocol_errors;
      channel->reading_done = true;
      channel->changed.set();
      co_return;
    }
    context_.metrics.bytes_in += bytes->size();
    channel->session.feed(std::move(*bytes));
    while (!channel->closed) {
      auto message = channel->session.next(context_.loop.now());
      if (!message) {
        ++context_.metrics.protocol_errors;
        log::warn("glia", "a peer broke the message protocol",
                  {{"peer", channel->peer.to_string()}, {"error", to_string(message.error())}});
        channel->close();
        break;
      }
      if (!*message) break;
      deliver(channel, std::move(**message));
    }
  }
  channel->close();
}

io::Task<void> MessageIn::write_outcomes(std::shared_ptr<Channel> channel) {
  while (!channel->closed) {
    if (channel->unsent.empty()) {
      if (channel->reading_done && channel->under_way == 0) {
        if (!(co_await channel->stream->close_write())) channel->close();
        co_return;
      }
      channel->changed.reset();
      co_await channel->changed.wait();
      continue;
    }
    Rope frames = std::move(channel->unsent.front());
    channel->unsent.pop_front();
    const std::size_t size = frames.size();
    context_.metrics.bytes_out += size;
    const auto written = co_await channel->stream->write(std::move(frames));
    channel->unsent_bytes -= size;
    if (!written) channel->close();
    channel->changed.set();
  }
}

io::Task<void> MessageIn::supersede(std::shared_ptr<Channel> channel) {
  const identity::PeerId peer = channel->peer;
  std::shared_ptr<Channel> before;
  if (const auto it = channels_.find(peer); it != channels_.end()) before = it->second;
  channels_[peer] = std::move(channel);
  if (!before) co_return;
  before->close();
  co_await before->ended.wait();
}

io::Task<void> MessageIn::serve(std::unique_ptr<libp2p::Stream> stream) {
  const auto channel = std::make_shared<Channel>(context_, std::move(stream));
  const io::CancelCallback stop(context_.scope.token(), [&channel] { channel->close(); });
  co_await supersede(channel);
  io::Scope scope(context_.loop);
  scope.spawn(read_messages(channel));
  scope.spawn(write_outcomes(channel));
  co_await scope.join();
  channel->closed = true;
  channel->stream.reset();
  channel->ended.set();
  const auto it = channels_.find(channel->peer);
  if (it != channels_.end() && it->second == channel) channels_.erase(it);
}

}  // namespace myelin::glia
