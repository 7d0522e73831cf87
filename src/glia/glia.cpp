#include "glia/glia.hpp"

#include "glia/context.hpp"
#include "glia/inbound.hpp"
#include "glia/message_in.hpp"
#include "glia/message_out.hpp"
#include "glia/outbound.hpp"
#include "glia/wire.hpp"

#include <map>
#include <string>
#include <utility>

namespace myelin::glia {
namespace {

// What the raw protocol is advertised as: with and without the slash, as the reference's peers write either.
constexpr const char* raw_spellings[] = {"ww/0.1.0", "/ww/0.1.0"};

class GliaImpl : public Glia {
 public:
  GliaImpl(libp2p::Host& host, kernel::Kernel& kernel, io::Loop& loop, Config config)
      : context_(host, kernel, loop, std::move(config)),
        inbound_(context_),
        outbound_(context_),
        messages_in_(context_) {
    serve(call_protocol, [this](auto stream) { return inbound_.serve_framed(std::move(stream)); });
    serve(message_protocol, [this](auto stream) { return messages_in_.serve(std::move(stream)); });
    for (const char* spelling : raw_spellings) {
      host.handle_match(
          spelling, [this](std::string_view protocol) { return inbound_.takes(protocol); },
          [this](std::unique_ptr<libp2p::Stream> stream) {
            context_.scope.spawn(inbound_.serve_raw(std::move(stream)));
          });
    }
  }

  io::Loop& loop() override { return context_.loop; }

  void call(kernel::RemoteCall call) override {
    if (context_.stopping) {
      const Error why{ErrorCode::stopping, "the node is going down", 0};
      call.output.fail(why);
      call.end(fail(why));
      return;
    }
    context_.scope.spawn(outbound_.run(std::move(call)));
  }

  void request(kernel::Message message, kernel::OutcomeCallback done, kernel::RoomCallback room) override {
    if (context_.stopping) return done(fail(ErrorCode::stopping, "the node is going down"));
    ++context_.metrics.calls_out;
    const identity::PeerId peer = message.target.node;
    auto it = channels_.find(peer);
    if (it == channels_.end() || !it->second->open()) {
      auto channel = std::make_shared<MessageOut>(context_, peer);
      it = channels_.insert_or_assign(peer, channel).first;
      context_.scope.spawn(run_channel(std::move(channel), peer));
    }
    it->second->send(std::move(message), std::move(done), std::move(room));
  }

  Metrics metrics() const override { return context_.metrics; }

  io::Task<void> stop() override {
    context_.stopping = true;
    // The host outlives us: what still comes for us is turned away.
    const auto turn_away = [](std::unique_ptr<libp2p::Stream> stream) { stream->reset(); };
    context_.host.handle(call_protocol, turn_away);
    context_.host.handle(message_protocol, turn_away);
    for (const char* spelling : raw_spellings) {
      context_.host.handle_match(spelling, [](std::string_view) { return false; }, turn_away);
    }
    context_.scope.cancel();
    inbound_.stop();
    outbound_.stop();
    co_await context_.scope.join();
  }

 private:
  template <typename Serve>
  void serve(const char* protocol, Serve task) {
    context_.host.handle(protocol, [this, task](std::unique_ptr<libp2p::Stream> stream) {
      context_.scope.spawn(task(std::move(stream)));
    });
  }

  io::Task<void> run_channel(std::shared_ptr<MessageOut> channel, identity::PeerId peer) {
    co_await channel->run();
    const auto it = channels_.find(peer);
    if (it != channels_.end() && it->second == channel) channels_.erase(it);
  }

  Context context_;
  Inbound inbound_;
  Outbound outbound_;
  MessageIn messages_in_;
  // Shared with the task that runs the channel, which another may have replaced meanwhile.
  std::map<identity::PeerId, std::shared_ptr<MessageOut>> channels_;
};

}  // namespace

std::unique_ptr<Glia> Glia::create(libp2p::Host& host, kernel::Kernel& kernel, io::Loop& loop, Config config) {
  return std::make_unique<GliaImpl>(host, kernel, loop, std::move(config));
}

}  // namespace myelin::glia
