// Two hosts on real loops, a thread each, over the loopback interface.
#include "io/real.hpp"
#include "libp2p/host_testing.hpp"

#include <algorithm>
#include <future>
#include <gtest/gtest.h>
#include <thread>

namespace myelin::libp2p {
namespace {

using namespace testing;

// One host on a thread of its own.
class RealNode {
 public:
  explicit RealNode(std::uint8_t number) : loop_(io::RealLoop::create()) {
    std::promise<void> ready;
    thread_ = std::thread([this, number, &ready] {
      scope_ = std::make_unique<io::Scope>(*loop_);
      host_ = Node::make(*loop_, number, {});
      host_->handle("/echo", [this](std::unique_ptr<Stream> stream) { scope_->spawn(echo(std::move(stream))); });
      listened_ = host_->listen(Multiaddr::tcp_address({io::IpAddress::loopback_v4(), 0}));
      ready.set_value();
      loop_->run();
      host_.reset();
      scope_.reset();
    });
    ready.get_future().wait();
  }
  ~RealNode() {
    (void)on<bool>([](RealNode* node) { return node->stop(); });
    loop_->stop();
    thread_.join();
  }
  RealNode(const RealNode&) = delete;
  RealNode& operator=(const RealNode&) = delete;

  // Runs a task made on the node's thread and waits for what it gives.
  template <typename T>
  T on(std::function<io::Task<T>(RealNode*)> make) {
    std::promise<T> result;
    loop_->post([this, &make, &result] { scope_->spawn(deliver<T>(make(this), &result)); });
    return result.get_future().get();
  }
  io::Task<bool> stop() {
    co_await host_->stop();
    co_return true;
  }
  io::Task<bool> call(Multiaddr address, std::size_t size) {
    if (auto connected = co_await host_->connect(address); !connected) co_return false;
    auto stream = co_await host_->open(*address.peer(), one("/echo"));
    if (!stream) co_return false;
    const Buffer payload = pattern(size, 3);
    auto answer = co_await round_trip(loop_.get(), stream->get(), payload);
    co_return answer&& std::ranges::equal(answer->view(), payload.view());
  }
  const Result<void>& listened() const { return listened_; }
  Host& host() { return *host_; }

 private:
  template <typename T>
  static io::Task<void> deliver(io::Task<T> task, std::promise<T>* result) {
    result->set_value(co_await std::move(task));
  }

  std::unique_ptr<io::RealLoop> loop_;
  std::unique_ptr<io::Scope> scope_;
  std::unique_ptr<Host> host_;
  Result<void> listened_;
  std::thread thread_;
};

io::Task<Multiaddr> address_of(RealNode* node) { co_return node->host().addresses().at(0); }

TEST(HostReal, EchoesMegabytesOverLoopback) {
  RealNode a(1);
  RealNode b(2);
  ASSERT_TRUE(b.listened()) << to_string(b.listened().error());
  const Multiaddr address = b.on<Multiaddr>(address_of);
  EXPECT_TRUE(a.on<bool>([&](RealNode* node) { return node->call(address, 64 << 20); }));
}

}  // namespace
}  // namespace myelin::libp2p
