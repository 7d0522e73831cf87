// A core on a scripted executor and channel, for tests: time moves when the test says so, and what would leave the node
// is kept.
//
// Thread: the test's.
#pragma once

#include "myelin/protocol.hpp"
#include "protocol/core.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace myelin::protocol::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ScriptedExecutor final : public Executor {
 public:
  Instant now() const override { return now_; }
  std::uint64_t random() override { return random_ += 0x9e3779b97f4a7c15ull; }
  void wake() override { ++wakes; }
  void wake_at(Instant when) override { alarm = when; }

  unsigned wakes = 0;
  Instant alarm = Instant::max();
  Instant now_{};

 private:
  std::uint64_t random_ = 0;
};

struct Sent {
  Host to;
  ProtocolId protocol;
  MessageBox box;
  Bytes bytes;
  SendId id;
};

class ScriptedChannel final : public Channel {
 public:
  explicit ScriptedChannel(bool whole) : whole_(whole) {}
  std::string_view name() const override { return "scripted"; }
  bool whole() const override { return whole_; }
  Result<void> start(ChannelEvents&) override { return {}; }
  Host self() const override { return {"self", 1}; }
  void connect(const Host& to) override { connects.push_back(to); }
  void disconnect(const Host& from) override { disconnects.push_back(from); }
  Result<void> send(const Host& to, Outgoing message) override {
    if (refuse) return std::unexpected(*refuse);
    Sent one{to, message.protocol, message.box, {}, message.id};
    if (message.codec != nullptr) {
      Writer writer(one.bytes);
      if (auto done = message.codec->encode(message.box, writer); !done) return done;
    }
    sent.push_back(std::move(one));
    return {};
  }
  void resume() override {
    ++resumes;
    if (on_resume) on_resume();
  }
  void stop(bool, std::function<void()> done) override { done(); }

  std::vector<Host> connects, disconnects;
  std::vector<Sent> sent;
  std::optional<Error> refuse;
  unsigned resumes = 0;
  std::function<void()> on_resume;

 private:
  bool whole_;
};

// A protocol made of what the test gives it.
class Scripted final : public Protocol {
 public:
  Scripted(ProtocolId id, std::string name, std::function<void(Scripted&, Context&)> start)
      : id_(id), name_(std::move(name)), start_(std::move(start)) {}
  ProtocolId id() const override { return id_; }
  std::string_view name() const override { return name_; }
  void start(Context& context) override {
    ctx = &context;
    if (start_) start_(*this, context);
  }
  void init(Context&) override {
    if (on_init) on_init();
  }
  void on_session_connected(const Host& host) override { tell("connected " + host.to_string()); }
  void on_session_disconnected(const Host& host, const Error& why) override {
    tell("disconnected " + host.to_string() + " " + std::string(myelin::name(why.code)));
  }
  void on_session_failed(const Host& host, const Error& why) override {
    tell("failed " + host.to_string() + " " + std::string(myelin::name(why.code)));
  }
  void on_session_given_up(const Host& host, unsigned attempts) override {
    tell("given up " + host.to_string() + " " + std::to_string(attempts));
  }
  void on_session_blocked(const Host& host) override { tell("blocked " + host.to_string()); }
  void on_session_writable(const Host& host) override { tell("writable " + host.to_string()); }
  void on_process_writable(std::string_view address) override { tell("process writable " + std::string(address)); }
  void on_transport_event(const TransportEvent& event) override {
    tell("transport " + event.host.to_string() + (event.inbound ? " in" : " out"));
  }
  void on_restart(unsigned attempt) override { tell("restart " + std::to_string(attempt)); }

  Context* ctx = nullptr;
  std::function<void()> on_init;
  std::vector<std::string>* journal = nullptr;

 private:
  void tell(std::string line) const {
    if (journal != nullptr) journal->push_back(std::move(line));
  }
  ProtocolId id_;
  std::string name_;
  std::function<void(Scripted&, Context&)> start_;
};

// Messages of two types.
struct Note {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "testing.Note";
  std::uint32_t number = 0;
  auto fields(this auto& self) { return std::tie(self.number); }
};
struct Text {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "testing.Text";
  std::string text;
  auto fields(this auto& self) { return std::tie(self.text); }
};

template <typename M>
Bytes encoded(const M& message) {
  Bytes bytes;
  Writer writer(bytes);
  encode(writer, message);
  return bytes;
}

struct World {
  explicit World(CoreConfig config = {}, bool whole = false, ProcessPort* processes = nullptr) : channel(whole) {
    config.self = {"self", 1};
    config.dead_letter = [this](std::string_view why, const Host& from) {
      dead.emplace_back(std::string(why) + " " + from.to_string());
    };
    core = RuntimeCore::create(std::move(config), executor, channel, processes);
    core->on_stop = [this](StopReason reason) { stops.push_back(std::move(reason)); };
  }

  // Adds a protocol that `start` sets up; its events go to `journal`.
  Scripted& add(ProtocolId id, std::string name, std::function<void(Scripted&, Context&)> start = {},
                Supervision supervision = {}) {
    auto made = std::make_unique<Scripted>(id, std::move(name), std::move(start));
    made->journal = &journal;
    Scripted& protocol = *made;
    const auto added = core->add(std::move(made), supervision);
    if (!added) journal.push_back("add: " + to_string(added.error()));
    return protocol;
  }
  void start() {
    if (auto started = core->start({"self", 1}); !started) journal.push_back("start: " + to_string(started.error()));
    run();
  }
  // Turns until nothing is ready.
  void run() {
    while (core->ready()) core->turn();
  }
  // Lets time pass, with a turn at each alarm.
  void advance(Duration by) {
    const Instant end = executor.now_ + by;
    run();
    while (executor.alarm <= end) {
      executor.now_ = std::max(executor.now_, std::exchange(executor.alarm, Instant::max()));
      core->turn();
      run();
    }
    executor.now_ = end;
    run();
  }
  double metric(std::string_view name) const {
    for (const auto& [key, value] : core->metrics()) {
      if (key == name) return value;
    }
    return -1;
  }
  std::vector<std::string> take_journal() { return std::exchange(journal, {}); }

  ScriptedExecutor executor;
  ScriptedChannel channel;
  std::vector<std::string> journal, dead;
  std::vector<StopReason> stops;
  std::unique_ptr<RuntimeCore> core;
};

inline const Host peer{"10.0.0.1", 5001};

}  // namespace myelin::protocol::testing
