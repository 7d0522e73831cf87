// PingPong: the example of the Simple Protocol Runtime. Sends Ping when the session with its peer is up, answers a Ping
// with a Pong and a Pong with the next Ping.
//
// On the wire it is that program's: protocol 1, messages 1 and 2 without a payload (W0), or protorun's with a sequence
// number of 64 bits (W3). It begins with the form of its configuration and goes over to the second when the peer uses
// it.
//
// Thread: the runtime's.
#pragma once

#include "myelin/protocol.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace myelin::protocol {

struct Ping {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "*protocol.PingMessage";
  std::uint64_t sequence = 0;
};
struct Pong {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "*protocol.PongMessage";
  std::uint64_t sequence = 0;
};

class PingPong : public Protocol {
 public:
  struct Options {
    Host peer{};
    bool numbered = false;    // begin with sequence numbers in the payload
    Duration interval{};      // between a Pong and the next Ping
    std::uint64_t count = 0;  // Pongs after which the runtime is stopped; 0: go on
    bool connect = true;      // dial the peer; otherwise wait for it
    std::function<void(std::uint64_t pongs)> on_pong{};
    std::function<void()> on_given_up{};
  };
  explicit PingPong(Options options) : options_(std::move(options)) {}

  ProtocolId id() const override { return 1; }
  std::string_view name() const override { return "pingpong"; }
  void start(Context& ctx) override;
  void init(Context& ctx) override;
  void on_session_connected(const Host& host) override;
  void on_session_disconnected(const Host& host, const Error& why) override;
  void on_session_failed(const Host& host, const Error& why) override;
  void on_session_given_up(const Host& host, unsigned attempts) override;

  std::uint64_t pings() const { return pings_; }
  std::uint64_t pongs() const { return pongs_; }

 private:
  void on_ping(const Ping& ping, const Host& from);
  void on_pong(const Pong& pong, const Host& from);
  void send_ping();
  template <typename M>
  Serializer<M> serializer();

  Options options_;
  Context* ctx_ = nullptr;
  bool numbered_ = false;
  std::uint64_t sequence_ = 0;
  std::uint64_t pings_ = 0;  // received
  std::uint64_t pongs_ = 0;
};

}  // namespace myelin::protocol
