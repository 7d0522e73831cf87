// ProtocolContext: what stands behind one instance's Context: its core, seen from its cell.
//
// Thread: the core's. Lifetime: outlives its instance, not its cell.
#pragma once

#include "myelin/protocol/context.hpp"

namespace myelin::protocol {

class Core;
struct Cell;

class ProtocolContext final : public detail::ContextCore, public Logger {
 public:
  ProtocolContext(Core& core, Cell& cell) : core_(core), cell_(cell), context_(*this) {}
  Context& context() { return context_; }

  const Host& self() const override;
  Duration now() const override;
  std::uint64_t random() override;
  Logger& logger() override { return *this; }
  Metrics& metrics() override;
  Result<void> register_codec(Codec codec, bool yields) override;
  Result<void> register_handler(const MessageType& type, detail::MessageHandler handler) override;
  Result<void> register_sent(const MessageType& type, detail::MessageHandler handler) override;
  Result<void> register_failed(const MessageType& type, detail::FailedHandler handler) override;
  void connect(const Host& to) override;
  void disconnect(const Host& from) override;
  Result<void> send(MessageBox message, const Host& to, ProtocolId protocol) override;
  Result<void> send_lent(detail::BoxHead& lent, const Host& to, std::optional<ProtocolId> protocol) override;
  ProtocolId id() const override;
  TimerId start_timer(Duration first, Duration period, std::function<void()> callback) override;
  bool cancel_timer(TimerId id) override;
  Result<void> register_request_handler(detail::TypeKey request, detail::RequestHandler handler) override;
  void request(detail::TypeKey type, std::string_view name, detail::Value value, Duration timeout,
               detail::ReplyHandler reply) override;
  Result<void> subscribe(detail::TypeKey notification, std::function<void(const detail::Value&)> handler) override;
  void unsubscribe(detail::TypeKey notification) override;
  std::size_t publish(detail::TypeKey notification, detail::Value value) override;
  Result<void> register_process_handler(std::string method, detail::ProcessHandler handler) override;
  void call_process(std::string address, std::string method, Bytes body, Duration timeout,
                    detail::ProcessReply reply) override;
  void defer(std::function<void()> callback) override;
  void stop_runtime(std::string reason) override;

  bool enabled(LogLevel level) const override;
  void write(LogLevel level, std::string_view event, LogFields fields) override;

 private:
  // The first failure of a registration fails the start of its runtime, heeded or not.
  Result<void> noted(Result<void> registered);

  Core& core_;
  Cell& cell_;
  Context context_;
};

}  // namespace myelin::protocol
