// A simulated world with session channels on three hosts, and a raw TCP peer beside them.
#pragma once

#include "base/check.hpp"
#include "io/simulated.hpp"
#include "io/simulated/testing.hpp"
#include "protocol/channel_conformance_test.hpp"
#include "protocol/session_channel.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace myelin::protocol::channel_testing {

class SessionWorld {
 public:
  static constexpr bool in_bytes = true;
  static constexpr std::uint16_t port = 5001;

  explicit SessionWorld(ChannelOptions options, std::uint64_t seed = 1)
      : world(io::SimulatedWorld::create(seed)), options_(options) {
    for (int i = 0; i < 4; ++i) {
      machines[static_cast<std::size_t>(i)] = &world->add_host("h" + std::to_string(i), ip(i));
      loops[static_cast<std::size_t>(i)] = &machines[static_cast<std::size_t>(i)]->add_loop();
    }
    for (int i = 0; i < 3; ++i) make(i, options_);
  }
  SessionWorld(const SessionWorld&) = delete;
  SessionWorld& operator=(const SessionWorld&) = delete;
  ~SessionWorld() {
    for (int i = 0; i < 3; ++i) {
      if (started_[static_cast<std::size_t>(i)]) stop(i);
    }
  }

  static io::IpAddress ip(int i) { return *io::IpAddress::parse("10.0.0." + std::to_string(i + 1)); }
  void make(int i, ChannelOptions options) {
    channels[static_cast<std::size_t>(i)] =
        std::make_unique<SessionChannel>(*loops[static_cast<std::size_t>(i)], host(i), options);
  }
  SessionChannel& channel(int i) { return *channels[static_cast<std::size_t>(i)]; }
  Host host(int i) const { return {ip(i).to_string(), port}; }
  Host nobody() const { return {ip(3).to_string(), 4}; }
  io::Loop& loop(int i) { return *loops[static_cast<std::size_t>(i)]; }
  Result<void> start(int i, ChannelEvents& events) {
    started_[static_cast<std::size_t>(i)] = true;
    return channel(i).start(events);
  }
  void stop(int i) {
    started_[static_cast<std::size_t>(i)] = false;
    if (loop(i).crashed()) return;
    bool done = false;
    channel(i).stop(false, [&done] { done = true; });
    MYELIN_CHECK(world->run_until([&done] { return done; }, std::chrono::minutes(1)), "a channel did not stop");
  }
  bool run_until(std::function<bool()> done, Duration limit) { return world->run_until(std::move(done), limit); }
  void run_for(Duration duration) { world->run_for(duration); }
  Duration now() const { return world->now().time_since_epoch(); }
  void crash(int i) { machines[static_cast<std::size_t>(i)]->crash(); }

  std::unique_ptr<io::SimulatedWorld> world;
  std::array<io::SimulatedWorld::Host*, 4> machines{};
  std::array<io::Loop*, 4> loops{};
  std::array<std::unique_ptr<SessionChannel>, 3> channels;

 private:
  ChannelOptions options_;
  std::array<bool, 3> started_{};
};

// A connection whose bytes the test writes itself. Runs on host 3.
class RawPeer {
 public:
  // Dials host `to`.
  RawPeer(SessionWorld& world, int to) : world_(world) {
    auto socket = io::simulated::testing::complete(
        *world.world, world.loop(3),
        world.loop(3).network().dial({SessionWorld::ip(to), SessionWorld::port}, std::chrono::seconds(5)));
    MYELIN_CHECK(socket.has_value(), "the raw peer could not dial");
    adopt(std::move(*socket));
  }
  // Takes a connection over.
  RawPeer(SessionWorld& world, std::unique_ptr<io::TcpStream> socket) : world_(world) { adopt(std::move(socket)); }
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;
  ~RawPeer() { close(); }

  void write(Bytes bytes) {
    auto written =
        io::simulated::testing::complete(*world_.world, world_.loop(3), socket_->write(Rope(Buffer::copy_of(bytes))));
    (void)written;
  }
  void write(std::string_view hex) { write(bytes_of(hex)); }
  io::Task<Result<void>> start_write(Bytes bytes) { return socket_->write(Rope(Buffer::copy_of(bytes))); }
  // What has come so far, as hex; after `time` has passed.
  std::string read(Duration time = std::chrono::milliseconds(500)) {
    world_.run_for(time);
    std::string hex = to_hex(came_);
    came_.clear();
    return hex;
  }
  std::size_t received_bytes() const { return total_; }
  // Whether the other side has ended the connection.
  bool ended() const { return ended_; }
  void pause() { paused_ = true; }
  void go_on() {
    paused_ = false;
    unpaused_->set();
  }
  void close() {
    if (!scope_) return;
    socket_->reset();
    go_on();
    MYELIN_CHECK(world_.world->run_until([this] { return scope_->running() == 0; }, std::chrono::minutes(1)), "hangs");
    scope_.reset();
  }

 private:
  void adopt(std::unique_ptr<io::TcpStream> socket) {
    socket_ = std::move(socket);
    unpaused_ = std::make_unique<io::Event>(world_.loop(3));
    unpaused_->set();
    scope_ = std::make_unique<io::Scope>(world_.loop(3));
    scope_->spawn(read_all());
  }
  io::Task<void> read_all() {
    for (;;) {
      if (paused_) unpaused_->reset();
      co_await unpaused_->wait();
      auto piece = co_await socket_->read(64 * 1024);
      if (!piece || piece->empty()) break;
      total_ += piece->size();
      if (came_.size() < 1'000'000) came_.insert(came_.end(), piece->data(), piece->data() + piece->size());
    }
    ended_ = true;
  }

  SessionWorld& world_;
  std::unique_ptr<io::TcpStream> socket_;
  std::unique_ptr<io::Event> unpaused_;
  std::unique_ptr<io::Scope> scope_;
  Bytes came_;
  std::size_t total_ = 0;
  bool ended_ = false;
  bool paused_ = false;
};

}  // namespace myelin::protocol::channel_testing
