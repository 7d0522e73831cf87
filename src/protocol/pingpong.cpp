#include "protocol/pingpong.hpp"

#include <string>
#include <utility>

namespace myelin::protocol {

template <typename M>
Serializer<M> PingPong::serializer() {
  return {[this](const M& message, Writer& out) -> Result<void> {
            if (numbered_) encode(out, message.sequence);
            return {};
          },
          [this](class Reader& in) -> Result<M> {
            M message;
            if (in.size() == 0) return message;
            decode(in, message.sequence);
            if (in.failed()) return fail(ErrorCode::protocol, "a sequence number that is cut short");
            numbered_ = true;  // so does the peer speak
            return message;
          }};
}

void PingPong::start(Context& ctx) {
  ctx_ = &ctx;
  numbered_ = options_.numbered;
  // This protocol's own types: nothing else can have registered them before.
  ctx.register_message_serializer<Ping>(serializer<Ping>());
  ctx.register_message_serializer<Pong>(serializer<Pong>());
  ctx.register_message_handler<Ping>(this, &PingPong::on_ping);
  ctx.register_message_handler<Pong>(this, &PingPong::on_pong);
}

void PingPong::init(Context& ctx) {
  if (options_.connect) ctx.connect(options_.peer);
}

void PingPong::on_session_connected(const Host& host) {
  if (host != options_.peer) return;
  ctx_->logger().info("session established with peer, sending initial Ping", {{"peer", host}});
  send_ping();
}

void PingPong::on_session_disconnected(const Host& host, const Error& why) {
  if (host != options_.peer) return;
  ctx_->logger().warn("session with peer disconnected", {{"peer", host}, {"why", to_string(why)}});
}

void PingPong::on_session_failed(const Host& host, const Error& why) {
  ctx_->logger().warn("no session with peer yet", {{"peer", host}, {"why", to_string(why)}});
}

void PingPong::on_session_given_up(const Host& host, unsigned attempts) {
  ctx_->logger().error("peer given up", {{"peer", host}, {"attempts", attempts}});
  if (options_.on_given_up) options_.on_given_up();
  ctx_->stop_runtime("peer " + host.to_string() + " was given up after " + std::to_string(attempts) + " attempts");
}

void PingPong::send_ping() {
  if (auto sent = ctx_->send(Ping{++sequence_}, options_.peer); !sent) {
    ctx_->logger().error("failed to send Ping", {{"peer", options_.peer}, {"why", to_string(sent.error())}});
  }
}

void PingPong::on_ping(const Ping& ping, const Host& from) {
  ++pings_;
  ctx_->logger().info("Ping received", {{"from", from}, {"seq", ping.sequence}});
  if (auto sent = ctx_->send(Pong{ping.sequence}, from); !sent) {
    ctx_->logger().error("failed to send Pong", {{"to", from}, {"why", to_string(sent.error())}});
  }
}

void PingPong::on_pong(const Pong& pong, const Host& from) {
  ++pongs_;
  ctx_->logger().info("Pong received", {{"from", from}, {"seq", pong.sequence}});
  if (options_.on_pong) options_.on_pong(pongs_);
  if (options_.count > 0 && pongs_ >= options_.count) {
    return ctx_->stop_runtime("got " + std::to_string(pongs_) + " Pongs");
  }
  if (options_.interval > Duration::zero()) {
    ctx_->start_timer(options_.interval, [this] { send_ping(); });
  } else {
    send_ping();
  }
}

}  // namespace myelin::protocol
