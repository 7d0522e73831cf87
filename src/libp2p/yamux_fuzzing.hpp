// The body of yamux_fuzz, which the unit tests replay over the corpus: bytes choose what a peer and the two users of a
// session do, and the session's promises are checked throughout.
#pragma once

#include "base/check.hpp"
#include "libp2p/yamux.hpp"
#include "libp2p/yamux_testing.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace myelin::libp2p::yamux::testing {

inline constexpr std::uint64_t fuzz_memory = 1 << 20;

// Gives out the input's bytes; zeros after its end.
class Choices {
 public:
  explicit Choices(View bytes) : bytes_(bytes) {}
  bool left() const { return !bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::size_t size() { return std::size_t{byte()} << (byte() % 12); }
  View rest() { return bytes_; }

 private:
  View bytes_;
};

inline Config fuzz_config(bool dialer) {
  Config config;
  config.dialer = dialer;
  config.inbound_streams = 8;
  config.unacknowledged = 4;
  config.receive_memory_bytes = fuzz_memory;
  config.pending_frames = 64;
  return config;
}

// A peer that sends anything, while we answer as a busy user would.
inline void fuzz_raw(View bytes) {
  Session session(fuzz_config(false));
  Choices choices(bytes);
  const bool peer_reads = choices.byte() % 2 == 0;
  Instant now{std::chrono::seconds(1)};
  View rest = choices.rest();
  while (!rest.empty()) {
    const std::size_t size = std::min<std::size_t>(rest.size(), 1 + rest.front() % 64);
    const auto taken = session.receive(Buffer::copy_of(rest.first(size)), now);
    rest = rest.subspan(size);
    now += std::chrono::milliseconds(1);
    while (auto event = session.next_event()) {
      if (event->kind == Event::Kind::opened) session.write(event->stream, pattern(100));
      if (event->kind == Event::Kind::data && event->data.size() % 3 != 0) {
        session.consume(event->stream, event->data.size(), now);
      }
      if (event->kind == Event::Kind::finished) session.release(event->stream);
    }
    MYELIN_CHECK(session.buffered_bytes() <= fuzz_memory, "unread bytes keep within the memory");
    MYELIN_CHECK(session.inbound_count() <= 8, "streams keep within their limit");
    if (peer_reads) headers(session.collect(SIZE_MAX).flatten().view());
    if (!taken) break;
  }
  headers(session.collect(SIZE_MAX).flatten().view());
}

// Two honest sessions, whose users and whose link do anything in any order: no session fails, and every stream that was
// not reset carries its bytes whole.
class Duet {
 public:
  explicit Duet(View bytes) : choices_(bytes) {}

  void run() {
    while (choices_.left()) step();
    for (int i = 0; i < 64; ++i) {
      for (const bool side : {false, true}) {
        move(side, SIZE_MAX);
        consume_all(side);
      }
    }
    for (const bool side : {false, true}) {
      MYELIN_CHECK(!ends_[side].session.has_output(), "two readers leave nothing unsent");
      for (const auto& [id, stream] : ends_[side].streams) {
        const auto other = ends_[!side].streams.find(id);
        if (stream.gone || other == ends_[!side].streams.end() || other->second.gone) continue;
        MYELIN_CHECK(other->second.read == stream.written, "every byte arrives");
        MYELIN_CHECK(other->second.ended == stream.finished, "every end arrives");
      }
    }
  }

 private:
  struct Half {
    std::uint64_t written = 0;
    std::uint64_t read = 0;
    std::uint64_t unconsumed = 0;
    bool finished = false;
    bool ended = false;
    bool gone = false;  // reset by either side, or released
  };
  struct End {
    Session session;
    std::map<StreamId, Half> streams;
  };

  void step() {
    const std::uint8_t op = choices_.byte();
    const bool side = (op & 0x80) != 0;
    End& end = ends_[side];
    now_ += std::chrono::microseconds(op);
    switch (op % 10) {
      case 0:
        if (const auto id = end.session.open(now_)) end.streams[*id] = {};
        break;
      case 1:
      case 2:
        write(side, choices_.size());
        break;
      case 3:
        if (Half* half = pick(end)) {
          end.session.finish(picked_);
          half->finished = true;
        }
        break;
      case 4:
        if (Half* half = choices_.byte() % 4 == 0 ? pick(end) : nullptr) {
          end.session.reset(picked_);
          half->gone = true;
        }
        break;
      case 5:
        if (Half* half = choices_.byte() % 4 == 0 ? pick(end) : nullptr) {
          end.session.release(picked_);
          half->gone = true;
        }
        break;
      case 6:
        consume_all(side);
        break;
      case 7:
        if (!end.session.ping_under_way()) end.session.ping(op, now_);
        break;
      default:
        move(side, 1 + choices_.size());
    }
  }

  Half* pick(End& end) {
    if (end.streams.empty()) return nullptr;
    auto item = end.streams.begin();
    std::advance(item, choices_.byte() % end.streams.size());
    picked_ = item->first;
    return item->second.gone ? nullptr : &item->second;
  }

  void write(bool side, std::size_t size) {
    Half* half = pick(ends_[side]);
    if (half == nullptr || half->finished || size == 0 || written_ > max_written) return;
    written_ += size;
    ends_[side].session.write(picked_, pattern(size, half->written, static_cast<std::uint8_t>(picked_)));
    half->written += size;
  }

  void move(bool from, std::size_t max) {
    Rope bytes = ends_[from].session.collect(max);
    events(from);
    const auto taken = ends_[!from].session.receive(bytes.flatten(), now_);
    MYELIN_CHECK(taken.has_value(), "honest sessions understand each other");
    events(!from);
  }

  void events(bool side) {
    End& end = ends_[side];
    while (auto event = end.session.next_event()) {
      switch (event->kind) {
        case Event::Kind::opened:
          end.streams[event->stream] = {};
          break;
        case Event::Kind::data:
          take(end.streams.at(event->stream), event->stream, event->data);
          break;
        case Event::Kind::finished:
          end.streams.at(event->stream).ended = true;
          break;
        case Event::Kind::reset:
          end.streams.at(event->stream).gone = true;
          break;
        default:
          break;
      }
    }
  }

  static void take(Half& half, StreamId id, const Buffer& data) {
    MYELIN_CHECK(!half.gone, "no event follows a reset");
    const Buffer wanted = pattern(data.size(), half.read, static_cast<std::uint8_t>(id));
    MYELIN_CHECK(std::ranges::equal(wanted.view(), data.view()), "bytes arrive in order");
    half.read += data.size();
    half.unconsumed += data.size();
  }

  void consume_all(bool side) {
    for (auto& [id, half] : ends_[side].streams) {
      if (half.gone || half.unconsumed == 0) continue;
      ends_[side].session.consume(id, half.unconsumed, now_);
      half.unconsumed = 0;
    }
  }

  static Config honest(bool dialer) {
    Config config;
    config.dialer = dialer;
    config.unacknowledged = 16;
    return config;
  }

  static constexpr std::size_t max_written = 2 << 20;  // keeps one input quick

  Choices choices_;
  std::size_t written_ = 0;
  Instant now_{std::chrono::seconds(1)};
  StreamId picked_ = 0;
  End ends_[2] = {{Session(honest(false)), {}}, {Session(honest(true)), {}}};
};

inline void fuzz(View bytes) {
  if (bytes.empty()) return;
  if (bytes.front() % 2 == 0) {
    fuzz_raw(bytes.subspan(1));
  } else {
    Duet(bytes.subspan(1)).run();
  }
}

}  // namespace myelin::libp2p::yamux::testing
