// What the tests of channels share: a message, its codec, and a ChannelEvents that remembers what it was told.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "myelin/protocol/message.hpp"
#include "protocol/channel.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace myelin::protocol::channel_testing {

struct Note {
  static constexpr MessageId id = 7;
  static constexpr std::string_view wire_name = "testing.Note";
  std::uint64_t number = 0;
  Bytes filling;
  auto fields(this auto& self) { return std::tie(self.number, self.filling); }
};

inline constexpr ProtocolId note_protocol = 42;

inline const Codec& note_codec() {
  static const Codec codec = codec_of<Note>(serializer_of<Note>());
  return codec;
}

inline Outgoing note(std::uint64_t number, std::size_t filling = 0, SendId id = 0) {
  return {note_protocol, MessageBox::make<Note>({number, Bytes(filling, static_cast<std::uint8_t>(number))}),
          &note_codec(), id};
}

// Unhex: "00 0a ff".
inline Bytes bytes_of(std::string_view hex) {
  Bytes bytes;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() == 2) {
      bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits, nullptr, 16)));
      digits.clear();
    }
  }
  return bytes;
}

class Recorder : public ChannelEvents {
 public:
  struct Received {
    Host from;
    std::uint64_t number;
    std::size_t filling;
  };

  void session_connected(const Host& host) override { tell("connected " + host.to_string()); }
  void session_disconnected(const Host& host, const Error& why) override {
    tell("disconnected " + host.to_string());
    last_error = why;
  }
  void session_failed(const Host& host, const Error& why) override {
    tell("failed " + host.to_string());
    last_error = why;
  }
  void session_given_up(const Host& host, unsigned attempts) override {
    tell("given up " + host.to_string() + " after " + std::to_string(attempts));
  }
  void session_blocked(const Host& host) override { tell("blocked " + host.to_string()); }
  void session_writable(const Host& host) override {
    tell("writable " + host.to_string());
    if (on_writable) on_writable(host);
  }
  void transport_event(TransportEvent event) override {
    check();
    transport.push_back(std::move(event));
  }
  bool message(const Host& from, ProtocolId to, const MessageBox& box) override {
    if (to == note_protocol && box.is<Note>()) return take(from, box.as<Note>());
    return tell("strange box"), true;
  }
  bool message(const Host& from, ProtocolId to, MessageId id, View payload) override {
    if (to != note_protocol || id != Note::id) return ++unknown, true;
    return decode(from, payload);
  }
  bool message(const Host& from, WireId id, View payload) override {
    if (id != wire_id(Note::wire_name)) return ++unknown, true;
    return decode(from, payload);
  }
  void dropped(std::string_view why, const Host&) override {
    check();
    ++drops[std::string(why)];
  }
  void sent(SendId id) override {
    check();
    ++ends[id].first;
  }
  void failed(SendId id, const Error& why) override {
    check();
    ++ends[id].second;
    last_error = why;
  }

  std::size_t count(std::string_view event) const { return static_cast<std::size_t>(std::ranges::count(told, event)); }
  bool has(std::string_view event) const { return count(event) > 0; }
  // Sends that ended in something else than exactly one of sent and failed, among `ids` of them from 1 on.
  std::size_t wrong_ends(SendId ids) const {
    std::size_t wrong = 0;
    for (SendId id = 1; id <= ids; ++id) {
      const auto found = ends.find(id);
      wrong += found == ends.end() || found->second.first + found->second.second != 1 ? 1 : 0;
    }
    return wrong;
  }
  // Whether numbers from `first` on came, without a gap, all of them from one host.
  bool in_order(std::uint64_t first = 0) const {
    for (std::size_t i = 0; i < received.size(); ++i) {
      if (received[i].number != first + i || received[i].from != received.front().from) return false;
    }
    return true;
  }

  std::vector<std::string> told;  // session events in order; "message" is not among them
  std::vector<Received> received;
  std::vector<TransportEvent> transport;
  std::map<std::string, std::uint64_t> drops;
  std::map<SendId, std::pair<unsigned, unsigned>> ends;  // how often sent, how often failed
  std::uint64_t unknown = 0, refused = 0, malformed = 0;
  std::optional<Error> last_error;
  std::size_t capacity = SIZE_MAX;  // messages that are taken; further ones are refused
  bool over = false;                // nothing may come any more
  std::uint64_t late = 0;           // what came all the same
  bool inside = false;              // a call into the channel is under way: nothing may come
  std::uint64_t inside_calls = 0;
  std::function<void(const Host&)> on_writable;
  std::function<void(const Received&)> on_message;

 private:
  void check() {
    late += over ? 1 : 0;
    inside_calls += inside ? 1 : 0;
  }
  void tell(std::string what) {
    check();
    told.push_back(std::move(what));
  }
  bool decode(const Host& from, View payload) {
    auto box = note_codec().decode(payload);
    if (!box) return ++malformed, true;
    return take(from, box->as<Note>());
  }
  bool take(const Host& from, const Note& note) {
    check();
    if (received.size() >= capacity) return ++refused, false;
    const bool whole = std::ranges::all_of(
        note.filling, [&note](std::uint8_t byte) { return byte == static_cast<std::uint8_t>(note.number); });
    if (!whole) ++malformed;
    received.push_back({from, note.number, note.filling.size()});
    if (on_message) on_message(received.back());
    return true;
  }
};

}  // namespace myelin::protocol::channel_testing
