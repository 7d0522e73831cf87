#include "sim/stack/whole_node.hpp"

#include "io/files.hpp"
#include "node/home.hpp"
#include "sim/guests.hpp"
#include "sim/stack/guest_engine.hpp"

#include <utility>

namespace myelin::sim::stack {
namespace {

constexpr const char* home = "/home/myelin";
constexpr std::uint32_t folder_mode = 0700;
constexpr std::uint32_t secret_mode = 0600;

}  // namespace

class WholeNode::Port final : public protocol::ProcessPort {
 public:
  Port(protocol::ProcessPort& inner, ProcessWatch& watch) : inner_(inner), watch_(watch) {}

  void call(std::string_view protocol, std::string address, std::string method, protocol::Bytes body, Duration timeout,
            protocol::detail::ProcessReply reply, std::move_only_function<void()> room) override {
    watch_.process_call(protocol, address, method, body.size());
    protocol::detail::ProcessReply told = [watch = &watch_, name = std::string(protocol), address, method,
                                           reply = std::move(reply)](Result<protocol::Bytes> answer) mutable {
      watch->process_answer(name, address, method, answer);
      reply(std::move(answer));
    };
    inner_.call(protocol, std::move(address), std::move(method), std::move(body), timeout, std::move(told),
                std::move(room));
  }
  void log(std::string_view protocol, protocol::LogLevel level, std::string_view event,
           protocol::LogFields fields) override {
    inner_.log(protocol, level, event, fields);
  }
  void ended(std::string_view protocol) override { inner_.ended(protocol); }

 private:
  protocol::ProcessPort& inner_;
  ProcessWatch& watch_;
};

class WholeNode::Route final : public kernel::RemoteRoute {
 public:
  Route(kernel::RemoteRoute& inner, ProcessWatch& watch) : inner_(inner), watch_(watch) {}

  io::Loop& loop() override { return inner_.loop(); }
  void call(kernel::RemoteCall call) override {
    watch_.reaching(call.spec.target.node);
    inner_.call(std::move(call));
  }
  void request(kernel::Message message, kernel::OutcomeCallback done, kernel::RoomCallback room) override {
    watch_.reaching(message.target.node);
    inner_.request(std::move(message), std::move(done), std::move(room));
  }

 private:
  kernel::RemoteRoute& inner_;
  ProcessWatch& watch_;
};

WholeNode::WholeNode(io::Loop& loop, ProcessWatch& watch) : loop_(loop), watch_(watch) {}
WholeNode::~WholeNode() = default;

io::Task<Result<void>> WholeNode::start(Setup setup) {
  allow_anyone_ = setup.allow_anyone;
  auto engine = guest_engine();
  if (!engine) co_return fail(engine.error());
  auto made = co_await loop_.files().make_directories(home, folder_mode);
  if (!made) co_return fail(made.error());
  auto key = co_await loop_.files().write_atomic(std::string(home) + "/key",
                                                 Buffer::copy_of(node::write_key(setup.key) + "\n"), secret_mode);
  if (!key) co_return fail(key.error());
  node::Config config;
  config.home = home;
  config.listen.clear();  // when the guests are there
  config.aliases = std::move(setup.aliases);
  config.deterministic = true;
  auto node = co_await node::Node::start({&loop_}, std::move(config), *engine);
  if (!node) co_return fail(node.error());
  node_ = std::move(*node);
  route_ = std::make_unique<Route>(node_->glia(), watch_);
  node_->kernel().set_remote_route(route_.get());
  node_->kernel().set_send_watch(&watch_);
  co_return Result<void>{};
}

io::Task<Result<void>> WholeNode::spawn(simulation::Guest guest, std::vector<identity::PeerId> allow) {
  const std::string name = guest.name;
  auto spec = spec_of(std::move(guest));
  if (!spec) co_return fail(spec.error());
  spec->access.peers = std::move(allow);
  auto spawned = co_await node_->kernel().spawn(loop_, std::move(*spec));
  if (!spawned) co_return fail(spawned.error().code, "guest " + name + ": " + to_string(spawned.error()));
  co_return Result<void>{};
}

std::unique_ptr<protocol::LoopRuntime> WholeNode::make_runtime(protocol::CoreConfig config,
                                                               protocol::ChannelOptions options, const Wrap& wrap) {
  kernel::AccessList access;
  access.anyone = allow_anyone_;
  bridge_ = std::make_unique<protocol::ProcessBridge>(node_->kernel(), loop_, std::move(access));
  bridge_->on_message = [this](std::string_view protocol, std::string_view caller, std::string_view method,
                               std::size_t bytes) { watch_.process_message(protocol, caller, method, bytes); };
  port_ = std::make_unique<Port>(*bridge_, watch_);
  auto channel = wrap(std::make_unique<protocol::Libp2pChannel>(loop_, node_->host(), options));
  auto runtime = std::make_unique<protocol::LoopRuntime>(loop_, std::move(config), std::move(channel), port_.get());
  bridge_->attach(runtime->core());
  return runtime;
}

io::Task<Result<void>> WholeNode::enter() { return bridge_->start(); }

// The host goes first: what ends after it reaches nobody any more, as where a machine's process is killed.
io::Task<void> WholeNode::stop() {
  if (node_ == nullptr) co_return;
  co_await node_->host().stop();
  if (bridge_ != nullptr) co_await bridge_->stop();
  co_await node_->stop();
}

}  // namespace myelin::sim::stack
