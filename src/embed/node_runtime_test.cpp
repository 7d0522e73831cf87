// Runtimes of native protocols inside a real node, through the public API alone.
#include "myelin/node.hpp"
#include "myelin/protocol.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace myelin::protocol {
namespace {

struct Home {
  Home() {
    std::string pattern = (std::filesystem::temp_directory_path() / "myelin-embed-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Home() { std::filesystem::remove_all(path); }
  std::string path;
};

std::unique_ptr<Node> node_at(const Home& home, std::vector<std::string> listen = {}) {
  auto node = Node::start({.home = home.path,
                           .listen = std::move(listen),
                           .peers = {},
                           .shards = 2,
                           .compiler = MYELIN_BINARY_DIR "/bin/myelin-compile"});
  EXPECT_TRUE(node) << to_string(node.error());
  return std::move(*node);
}

std::vector<std::uint8_t> guest(const std::string& stem) {
  std::ifstream file(MYELIN_BINARY_DIR "/guests/" + stem + ".wasm", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Greeting {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "test.Greeting";
  std::string text;
  auto fields(this auto& self) { return std::tie(self.text); }
};

// Answers "reverse", asks the guest at start, greets whom it is told to.
class Desk : public Protocol {
 public:
  explicit Desk(Host peer = {}) : peer_(std::move(peer)) {}
  ProtocolId id() const override { return 5; }
  std::string_view name() const override { return "desk"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_process_handler("reverse", [](std::string, View body, detail::ProcessReply reply) {
      reply(Bytes(body.rbegin(), body.rend()));
    });
    ctx.register_message_handler<Greeting>([this](const Greeting& greeting, const Host& from) {
      ctx_->stop_runtime(greeting.text + " from " + from.name);
    });
  }
  void init(Context& ctx) override {
    if (!peer_.empty()) return ctx.connect(peer_);
    ctx.call_process("guest", "echo", Bytes{'h', 'i'}, [this](Result<Bytes> answer) {
      heard = answer ? std::string(answer->begin(), answer->end()) : to_string(answer.error());
    });
  }
  void on_session_connected(const Host& host) override { EXPECT_TRUE(ctx_->send(Greeting{"good day"}, host)); }

  std::string heard;  // the runtime's thread

 private:
  Host peer_;
  Context* ctx_ = nullptr;
};

TEST(NodeRuntime, AProtocolIsAProcessOfTheNode) {
  const Home home;
  const auto node = node_at(home);
  SpawnOptions named;
  named.name = "guest";
  ASSERT_TRUE(node->spawn(guest("kernel_mailbox"), std::move(named)));
  auto runtime = Runtime::create({.log = {LogLevel::error}, .node = node.get()}).value();
  auto made = std::make_unique<Desk>();
  Desk& desk = *made;
  ASSERT_TRUE(runtime->add(std::move(made)));
  const auto started = runtime->start();
  ASSERT_TRUE(started) << to_string(started.error());
  EXPECT_EQ(runtime->self().name, node->peer_id());

  EXPECT_EQ(node->call("desk", "reverse", "abc").value_or("?"), "cba");
  EXPECT_EQ(node->call("desk", "nothing", "").error().code, ErrorCode::no_such_method);
  const auto status = node->inspect("desk");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->kind, "native");
  EXPECT_EQ(status->state, "ready");
  EXPECT_EQ(status->pid, runtime->protocols().at(0).pid);
  EXPECT_EQ(status->calls, 2u);
  std::string heard;
  for (int i = 0; i < 1000 && heard.empty(); ++i) {
    std::promise<std::string> told;
    ASSERT_TRUE(runtime->post([&] { told.set_value(desk.heard); }));
    heard = told.get_future().get();
  }
  EXPECT_EQ(heard, "hi");

  auto second = Runtime::create({.log = {LogLevel::error}, .node = node.get()}).value();
  ASSERT_TRUE(second->add(std::make_unique<Desk>()));
  EXPECT_EQ(second->start().error().code, ErrorCode::conflict);  // the name is taken

  runtime->shutdown(std::chrono::seconds(5));
  EXPECT_EQ(runtime->wait().kind, StopReason::Kind::graceful);
  EXPECT_EQ(node->inspect("desk").error().code, ErrorCode::no_such_process);
  EXPECT_TRUE(second->start());  // and free again
}

TEST(NodeRuntime, RemovedByTheOperatorTheProtocolEnds) {
  const Home home;
  const auto node = node_at(home);
  auto runtime = Runtime::create({.log = {LogLevel::error}, .node = node.get()}).value();
  ASSERT_TRUE(runtime->add(std::make_unique<Desk>()));
  ASSERT_TRUE(runtime->start());
  const std::string pid = runtime->protocols().at(0).pid;
  ASSERT_TRUE(node->remove(pid));
  EXPECT_EQ(node->call("desk", "reverse", "abc").error().code, ErrorCode::no_such_process);
  for (int i = 0; i < 1000 && runtime->protocols().at(0).state != "stopped"; ++i) std::this_thread::yield();
  EXPECT_EQ(runtime->protocols().at(0).state, "stopped");
  EXPECT_TRUE(runtime->protocols().at(0).pid.empty());
}

TEST(NodeRuntime, TwoNodesOverLibp2p) {
  const Home homes[2];
  const auto a = node_at(homes[0], {"/ip4/127.0.0.1/tcp/0"}), b = node_at(homes[1]);
  ASSERT_TRUE(b->connect(a->addresses().at(0)));
  auto at_a = Runtime::create({.log = {LogLevel::error}, .node = a.get()}).value();
  auto at_b = Runtime::create({.log = {LogLevel::error}, .node = b.get()}).value();
  ASSERT_TRUE(at_a->add(std::make_unique<Desk>()));
  ASSERT_TRUE(at_b->add(std::make_unique<Desk>(Host{a->peer_id(), 0})));
  ASSERT_TRUE(at_a->start());
  ASSERT_TRUE(at_b->start());
  EXPECT_EQ(at_a->wait().detail, "good day from " + b->peer_id());
}

TEST(NodeRuntime, AllowNamesPeers) {
  EXPECT_EQ(Runtime::create({.self = {"127.0.0.1", 0}, .allow = {"nobody"}}).error().code, ErrorCode::bad_request);
}

}  // namespace
}  // namespace myelin::protocol
