// Courier: sends to hosts whether or not there is a session with them. What finds none is held while the courier dials;
// connections that it dialled and that nobody has a use for are closed after `linger`.
//
// The protocol that owns it passes on its session events and asks `heeds()` before it handles a message: what a host
// still says over a connection that was closed on this side counts as lost, so that both sides agree on what was said.
//
// Invariants: at most `max_held` messages wait; a message that is sent, or held, is never refused later but by the loss
// of its session. Hosts that are kept are not closed. Thread: that of the runtime. Lifetime: the owner's; the Context
// outlives it.
#pragma once

#include "base/prefetch.hpp"
#include "myelin/protocol/context.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/message.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace myelin::protocol {

class Courier {
 public:
  static constexpr std::size_t max_held = 256;
  static constexpr std::size_t max_entries = 1024;  // hosts; further ones are not dialled

  explicit Courier(Duration linger) : linger_(linger) {}
  void start(Context& ctx) { ctx_ = &ctx; }

  // Errors: limit (too much is held, or too many hosts), and what Context::send gives but offline.
  Result<void> send(MessageBox message, const Host& to);
  // For what the owner mends by itself when it is lost: a refusal is counted, and that is all.
  void post(MessageBox message, const Host& to) {
    if (!send(std::move(message), to)) ++unsent_;
  }
  std::uint64_t unsent() const { return unsent_; }
  // Dials `to` unless there is a session.
  void connect(const Host& to) { (void)dial(entry(to)); }
  bool connected(const Host& host) const;
  // Ends the session, unheard from now on. What is sent to the host later goes over a new one.
  void close(const Host& host);
  // Whether the host's session is one that its owner has a use for.
  void keep(const Host& host, bool kept);
  // Somebody was given this host to send to: counts as a use.
  void touch(const Host& host);
  // False: its session is closed on this side, what it says is to be dropped.
  bool heeds(const Host& from) const;

  void on_connected(const Host& host);
  // True if it dials again, because something waits for the host.
  bool on_disconnected(const Host& host);
  // Ends the tries. True if it was this courier that dialled.
  bool on_failed(const Host& host);

  // Asks the memory for what finding a host looks at.
  void prefetch() const {
    __builtin_prefetch(tags_.data());
    prefetch_lines(entries_.data(), std::min<std::size_t>(8, entries_.size()));
  }

  std::size_t held() const { return held_.size(); }
  std::size_t entries() const { return entries_.size(); }

 private:
  enum class State : std::uint8_t { none, dialling, up, closing };
  struct Entry {
    Host host;
    Duration used{};
    State state = State::none;
    bool dialled = false;
    bool kept = false;
    bool again = false;  // closing: to be dialled when that is done
  };
  struct Held {
    Host to;
    MessageBox message;
  };

  const Entry* find(const Host& host) const;
  Entry* find(const Host& host);
  Entry* entry(const Host& host);
  bool dial(Entry* entry);
  void drop(Entry* entry);
  void drop_held(const Host& host);
  void arm();
  void sweep();

  Context* ctx_ = nullptr;
  Duration linger_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> tags_;  // of the entries' hosts, close together: a search looks at few entries
  std::vector<Held> held_;
  bool armed_ = false;
  std::uint64_t unsent_ = 0;
};

}  // namespace myelin::protocol
