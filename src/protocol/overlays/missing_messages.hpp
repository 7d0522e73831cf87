// MissingMessages: broadcasts that were announced and have not come, who announced them, and when the next of these is
// to be asked (Plumtree's `missing` and its timers).
//
// Invariants: at most `capacity` messages (a further one takes the place of the one that was to be asked for last),
// each with at most `max_announcers`. The places of messages that came are used again, so that nothing is allocated for
// each. Thread: values.
#pragma once

#include "base/prefetch.hpp"
#include "myelin/protocol/context.hpp"
#include "myelin/protocol/host.hpp"
#include "protocol/overlays/message_uid.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace myelin::protocol {

class MissingMessages {
 public:
  static constexpr std::size_t max_announcers = 32;

  struct Announcer {
    Host host;
    std::uint32_t round = 0;
  };

  // REQUIRES: capacity > 0.
  explicit MissingMessages(std::size_t capacity) : capacity_(capacity) {}

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // `host` has the message, over a path of `round` hops. The first to say so makes it due at `due`.
  void announce(const MessageUid& uid, const Host& host, std::uint32_t round, Duration due);
  // It came.
  void erase(const MessageUid& uid);
  // No announcement of that host counts any more.
  void forget(const Host& host);
  // The announcement with the shortest path; null if there is none. Good until the next change.
  const Announcer* shortest(const MessageUid& uid) const;

  // Asks the memory for the first of them.
  void prefetch() const { prefetch_lines(places_.data(), 2); }

  // When the next is due.
  std::optional<Duration> due() const;
  // A message that is due at `now`, and who is to be asked for it, who is taken out: the first that announced it and
  // that `preferred` lets through, else the first. Without one left the message is given up.
  struct Ask {
    MessageUid uid;
    Announcer from;
  };
  template <typename Preferred>
  std::optional<Ask> take_due(Duration now, Duration next_due, Preferred&& preferred) {
    const std::size_t at = next_at(now);
    if (at == size_) return std::nullopt;
    Missing& due = places_[at];
    auto chosen = due.announcers.begin();
    for (auto each = chosen; each != due.announcers.end(); ++each)
      if (preferred(each->host)) {
        chosen = each;
        break;
      }
    Ask ask{due.uid, std::move(*chosen)};
    due.announcers.erase(chosen);
    due.due = next_due;
    return ask;
  }
  // A further one that announced it, who is taken out.
  std::optional<Announcer> take_announcer(const MessageUid& uid);

 private:
  struct Missing {
    MessageUid uid;
    Duration due{};
    std::vector<Announcer> announcers;  // in the order in which they came
  };
  std::size_t find(const MessageUid& uid) const;
  void remove_at(std::size_t at);
  // The place of one that is due and has announcers; those that have none go. size_ if there is none.
  std::size_t next_at(Duration now);

  std::size_t capacity_;
  std::size_t size_ = 0;  // of places_; behind them lie free ones
  std::vector<Missing> places_;
};

}  // namespace myelin::protocol
