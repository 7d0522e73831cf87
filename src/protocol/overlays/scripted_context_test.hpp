// A context for tests of one protocol: records what the protocol asks for, and does to it what the test says.
//
// send() succeeds for the hosts in `sessions`; connect() and disconnect() only record. Timers fire in advance().
#pragma once

#include "myelin/protocols.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace myelin::protocol {

inline Host host(std::uint16_t port) { return {"node", port}; }
inline std::vector<Host> hosts(std::uint16_t first, std::uint16_t count) {
  std::vector<Host> made;
  for (std::uint16_t i = 0; i < count; ++i) made.push_back(host(static_cast<std::uint16_t>(first + i)));
  return made;
}

class ScriptedContext final : public detail::ContextCore, Logger, Metrics {
 public:
  struct Sent {
    Host to;
    MessageBox box;
  };

  ScriptedContext(Protocol& protocol, Host me, std::uint64_t seed = 1)
      : protocol_(protocol), self_(std::move(me)), random_(seed) {
    protocol.start(context);
  }

  Context context{*this};
  std::vector<Sent> sent;
  std::vector<Host> connects, disconnects;
  std::set<Host> sessions;
  std::set<Host> blocked;                                      // their queues are full
  std::map<detail::TypeKey, detail::RequestHandler> provided;  // requests that other protocols answer
  Duration clock{};

  // -- What the test does.

  void connected(const Host& peer) {
    sessions.insert(peer);
    protocol_.on_session_connected(peer);
  }
  void disconnected(const Host& peer) {
    sessions.erase(peer);
    protocol_.on_session_disconnected(peer, {ErrorCode::link_lost, ""});
  }
  void failed(const Host& peer) { protocol_.on_session_failed(peer, {ErrorCode::offline, ""}); }
  template <Message M>
  void receive(M message, const Host& from) {
    handlers_.at (&type_of<M>())(MessageBox::make(std::move(message)), from);
  }
  void advance(Duration by) {
    const Duration end = clock + by;
    for (;;) {
      auto next = std::min_element(timers_.begin(), timers_.end(),
                                   [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
      if (next == timers_.end() || next->second.due > end) break;
      clock = next->second.due;
      auto callback = next->second.callback;
      if (next->second.period > Duration{0}) {
        next->second.due += next->second.period;
      } else {
        timers_.erase(next);
      }
      callback();
    }
    clock = end;
  }
  template <typename Request, typename Reply>
  Result<Reply> ask(Request request) {
    std::optional<Result<Reply>> answer;
    handle(answers_.at(detail::type_key<std::pair<Request, Reply>>()),
           std::make_shared<const Request>(std::move(request)), [&](Result<detail::Value> value) {
             if (value) {
               answer = *static_cast<const Reply*>(value->get());
             } else {
               answer = std::unexpected(value.error());
             }
           });
    return answer.value();
  }
  template <typename N>
  void notify(N notification) {
    subscriptions_.at(detail::type_key<N>())(std::make_shared<const N>(std::move(notification)));
  }

  // -- What the protocol did.

  template <Message M>
  std::vector<Host> receivers() const {
    std::vector<Host> to;
    for (const Sent& each : sent)
      if (each.box.is<M>()) to.push_back(each.to);
    return to;
  }
  // The last of that type.
  template <Message M>
  const M& last() const {
    const auto found = std::find_if(sent.rbegin(), sent.rend(), [](const Sent& each) { return each.box.is<M>(); });
    return found->box.template as<M>();
  }
  template <typename N>
  std::vector<N> published() const {
    std::vector<N> found;
    for (const auto& [key, value] : published_)
      if (key == detail::type_key<N>()) found.push_back(*static_cast<const N*>(value.get()));
    return found;
  }
  std::size_t timers() const { return timers_.size(); }
  void clear() {
    sent.clear();
    connects.clear();
    disconnects.clear();
    published_.clear();
  }

  // -- ContextCore.

  const Host& self() const override { return self_; }
  Duration now() const override { return clock; }
  std::uint64_t random() override { return random_(); }
  Logger& logger() override { return *this; }
  Metrics& metrics() override { return *this; }
  Result<void> register_codec(Codec, bool) override { return {}; }
  Result<void> register_handler(const MessageType& type, detail::MessageHandler handler) override {
    handlers_.emplace(&type, std::move(handler));
    return {};
  }
  Result<void> register_sent(const MessageType&, detail::MessageHandler) override { return {}; }
  Result<void> register_failed(const MessageType&, detail::FailedHandler) override { return {}; }
  void connect(const Host& to) override { connects.push_back(to); }
  void disconnect(const Host& from) override { disconnects.push_back(from); }
  Result<void> send(MessageBox message, const Host& to, ProtocolId) override {
    if (blocked.contains(to)) return fail(ErrorCode::mailbox_full);
    if (!sessions.contains(to)) return fail(ErrorCode::offline);
    sent.push_back({to, std::move(message)});
    return {};
  }
  ProtocolId id() const override { return protocol_.id(); }
  TimerId start_timer(Duration first, Duration period, std::function<void()> callback) override {
    timers_[++last_timer_] = {clock + first, period, std::move(callback)};
    return last_timer_;
  }
  bool cancel_timer(TimerId timer) override { return timers_.erase(timer) != 0; }
  Result<void> register_request_handler(detail::TypeKey request, detail::RequestHandler handler) override {
    answers_.emplace(request, std::move(handler));
    return {};
  }
  void request(detail::TypeKey type, std::string_view, detail::Value value, Duration,
               detail::ReplyHandler reply) override {
    const auto found = provided.find(type);
    if (found == provided.end()) return reply(fail(ErrorCode::no_handler));
    handle(found->second, value, std::move(reply));
  }
  Result<void> subscribe(detail::TypeKey type, std::function<void(const detail::Value&)> handler) override {
    subscriptions_.emplace(type, std::move(handler));
    return {};
  }
  void unsubscribe(detail::TypeKey type) override { subscriptions_.erase(type); }
  std::size_t publish(detail::TypeKey type, detail::Value value) override {
    published_.emplace_back(type, std::move(value));
    return 0;
  }
  Result<void> register_process_handler(std::string, detail::ProcessHandler) override { return {}; }
  void call_process(std::string, std::string, Bytes, Duration, detail::ProcessReply) override {}
  void defer(std::function<void()> callback) override { callback(); }
  void stop_runtime(std::string) override {}

 private:
  struct Timer {
    Duration due, period;
    std::function<void()> callback;
  };
  struct Sink final : detail::RequestSink {
    explicit Sink(detail::ReplyHandler to) : reply(std::move(to)) {}
    void answer(std::uint64_t, Result<detail::Value> value) override { reply(std::move(value)); }
    void abandoned(std::uint64_t) override { reply(fail(ErrorCode::guest_failed)); }
    detail::ReplyHandler reply;
  };
  static void handle(const detail::RequestHandler& handler, const detail::Value& value, detail::ReplyHandler reply) {
    handler(value, detail::Respond(*new Sink(std::move(reply)), 1));  // the last Respond deletes it
  }
  bool enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view, LogFields) override {}
  void add(std::string_view, std::uint64_t) override {}
  void set(std::string_view, double) override {}
  void observe(std::string_view, double) override {}

  Protocol& protocol_;
  Host self_;
  std::mt19937_64 random_;
  std::map<const MessageType*, detail::MessageHandler> handlers_;
  std::map<detail::TypeKey, detail::RequestHandler> answers_;
  std::map<detail::TypeKey, std::function<void(const detail::Value&)>> subscriptions_;
  std::vector<std::pair<detail::TypeKey, detail::Value>> published_;
  std::map<TimerId, Timer> timers_;
  TimerId last_timer_ = 0;
};

}  // namespace myelin::protocol
