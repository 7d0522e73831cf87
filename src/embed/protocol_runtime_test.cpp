// The public Runtime on real threads and sockets.
#include "myelin/protocol.hpp"

#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace myelin::protocol {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;

struct Ask {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "test.Ask";
  std::uint64_t number = 0;
  auto fields(this auto& self) { return std::tie(self.number); }
};
struct Reply {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "test.Reply";
  std::uint64_t number = 0;
  auto fields(this auto& self) { return std::tie(self.number); }
};

class Server : public Protocol {
 public:
  ProtocolId id() const override { return 7; }
  std::string_view name() const override { return "server"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_handler<Ask>(this, &Server::on_ask);
    ctx.register_message_serializer<Reply>();
  }
  void init(Context&) override {}
  void on_ask(const Ask& ask, const Host& from) { EXPECT_TRUE(ctx_->send(Reply{ask.number}, from)); }

 private:
  Context* ctx_ = nullptr;
};

class Client : public Protocol {
 public:
  Client(Host server, std::uint64_t count) : server_(std::move(server)), count_(count) {}
  ProtocolId id() const override { return 7; }
  std::string_view name() const override { return "client"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_handler<Reply>(this, &Client::on_reply);
    ctx.register_message_serializer<Ask>();
  }
  void init(Context& ctx) override { ctx.connect(server_); }
  void on_session_connected(const Host& host) override { EXPECT_TRUE(ctx_->send(Ask{1}, host)); }
  void on_reply(const Reply& reply, const Host& from) {
    if (reply.number == count_) return ctx_->stop_runtime("answered");
    EXPECT_TRUE(ctx_->send(Ask{reply.number + 1}, from));
  }

 private:
  Host server_;
  std::uint64_t count_;
  Context* ctx_ = nullptr;
};

class Quiet : public Protocol {
 public:
  explicit Quiet(ProtocolId id = 1) : id_(id), name_("quiet" + std::to_string(id)) {}
  ProtocolId id() const override { return id_; }
  std::string_view name() const override { return name_; }
  void start(Context&) override {}
  void init(Context& ctx) override { ctx.logger().info("initialised", {{"number", 7}}); }

 private:
  ProtocolId id_;
  std::string name_;
};

const Host any_port{"127.0.0.1", 0};
std::unique_ptr<Runtime> runtime_at(Host self, LogOptions log = {LogLevel::error}) {
  auto made = Runtime::create({.self = std::move(self), .log = std::move(log)});
  EXPECT_TRUE(made) << to_string(made.error());
  return std::move(*made);
}

TEST(Runtime, SeveralInOneProgramTalkToEachOther) {
  for (const Wire wire : {Wire::w0, Wire::w3}) {
    auto server = Runtime::create({.self = any_port, .channel = {.wire = wire}, .log = {LogLevel::error}}).value();
    ASSERT_TRUE(server->add(std::make_unique<Server>()));
    ASSERT_TRUE(server->start());
    EXPECT_NE(server->self().port, 0);
    std::vector<std::unique_ptr<Runtime>> clients;
    for (int i = 0; i < 3; ++i) {
      clients.push_back(
          Runtime::create({.self = any_port, .channel = {.wire = wire}, .log = {LogLevel::error}}).value());
      ASSERT_TRUE(clients.back()->add(std::make_unique<Client>(server->self(), 200)));
      ASSERT_TRUE(clients.back()->start());
    }
    for (const auto& client : clients) {
      const StopReason why = client->wait();
      EXPECT_EQ(why.kind, StopReason::Kind::experiment);
      EXPECT_EQ(why.detail, "answered");
    }
    const auto metrics = server->metrics();
    EXPECT_THAT(metrics, Contains(std::pair<std::string, double>("message.dispatched", 600)));
    const ProtocolStatus status = server->protocols().at(0);
    EXPECT_EQ(status.name, "server");
    EXPECT_GT(status.busy.count(), 0);
    EXPECT_TRUE(status.pid.empty());
    server->shutdown();
    EXPECT_EQ(server->wait().kind, StopReason::Kind::graceful);
  }
}

TEST(Runtime, WhatIsWrongIsNamed) {
  EXPECT_EQ(Runtime::create({.self = any_port, .mailbox_capacity = 0}).error().code, ErrorCode::bad_request);
  EXPECT_EQ(Runtime::create({.self = any_port, .log = {LogLevel::info, {"nonsense"}}}).error().code,
            ErrorCode::bad_request);
  EXPECT_EQ(Runtime::create({.self = any_port, .channel = {.retry = {.factor = 0.5}}}).error().code,
            ErrorCode::bad_request);
  {
    auto none = runtime_at({});
    ASSERT_TRUE(none->add(std::make_unique<Quiet>()));
    EXPECT_EQ(none->start().error().code, ErrorCode::no_channel);
  }
  auto empty = runtime_at(any_port);
  EXPECT_EQ(empty->start().error().code, ErrorCode::no_such_protocol);
  auto runtime = runtime_at(any_port);
  ASSERT_TRUE(runtime->add(std::make_unique<Quiet>()));
  EXPECT_EQ(runtime->add(std::make_unique<Quiet>()).error().code, ErrorCode::conflict);
  EXPECT_EQ(runtime->wait().kind, StopReason::Kind::failed);  // not started
  ASSERT_TRUE(runtime->start());
  EXPECT_EQ(runtime->start().error().code, ErrorCode::conflict);
  EXPECT_EQ(runtime->add(std::make_unique<Quiet>(2)).error().code, ErrorCode::conflict);
  // Its port is taken; when it is free, the same runtime starts.
  auto second = runtime_at(runtime->self());
  ASSERT_TRUE(second->add(std::make_unique<Quiet>()));
  EXPECT_EQ(second->start().error().code, ErrorCode::conflict);
  runtime->cancel();
  EXPECT_EQ(runtime->wait().kind, StopReason::Kind::cancelled);
  EXPECT_TRUE(second->start());
  EXPECT_EQ(second->run().kind, StopReason::Kind::failed);
}

TEST(Runtime, StartAndCancelRapidlyOnOnePort) {
  Host self = any_port;
  for (int i = 0; i < 50; ++i) {
    auto runtime = runtime_at(self);
    ASSERT_TRUE(runtime->add(std::make_unique<Quiet>()));
    const auto started = runtime->start();
    ASSERT_TRUE(started) << to_string(started.error());
    self = runtime->self();  // bound again at once by the next
    if (i % 3 == 0) runtime->cancel();
    if (i % 3 == 1) runtime->shutdown(milliseconds(100));
    if (i % 2 == 0) runtime->cancel();
  }
}

TEST(Runtime, NeverStarted) {
  auto runtime = runtime_at(any_port);
  ASSERT_TRUE(runtime->add(std::make_unique<Quiet>()));
  runtime->cancel();
  runtime->shutdown();
  EXPECT_FALSE(runtime->post([] {}));
}

TEST(Runtime, RunForEndsAtItsDeadline) {
  auto runtime = runtime_at(any_port);
  ASSERT_TRUE(runtime->add(std::make_unique<Quiet>()));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(runtime->run_for(milliseconds(50)).kind, StopReason::Kind::deadline);
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(50));
  EXPECT_FALSE(runtime->post([] {}));
}

TEST(Runtime, PostsComeFromAnyThreadInTheirOrder) {
  auto runtime = runtime_at(any_port);
  ASSERT_TRUE(runtime->add(std::make_unique<Quiet>()));
  ASSERT_TRUE(runtime->start());
  std::vector<std::vector<int>> seen(4);  // touched by the runtime's thread only
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&runtime, &seen, t] {
      for (int i = 0; i < 500; ++i) EXPECT_TRUE(runtime->post([&seen, t, i] { seen[t].push_back(i); }));
    });
  }
  for (auto& thread : threads) thread.join();
  runtime->shutdown();
  runtime->wait();
  for (const auto& one : seen) {
    EXPECT_EQ(one.size(), 500u);
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST(Runtime, LogsByComponent) {
  std::mutex mutex;
  std::vector<std::string> lines;
  LogOptions log{LogLevel::debug, {"protocol"}, LogOptions::Format::json, [&](std::string_view line) {
                   const std::scoped_lock lock(mutex);
                   lines.emplace_back(line);
                 }};
  auto runtime = runtime_at(any_port, std::move(log));
  ASSERT_TRUE(runtime->add(std::make_unique<Quiet>()));
  ASSERT_TRUE(runtime->start());
  runtime->shutdown();
  runtime->wait();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("\"initialised\""));
  EXPECT_THAT(lines[0], HasSubstr("\"quiet1\""));
}

class Crashing : public Protocol {
 public:
  ProtocolId id() const override { return 9; }
  std::string_view name() const override { return "crashing"; }
  void start(Context&) override {}
  void init(Context& ctx) override {
    ctx.start_timer(milliseconds(1), [] { throw std::runtime_error("out of luck"); });
  }
};

TEST(Runtime, AnEscalatedCrashIsItsReason) {
  auto runtime = runtime_at(any_port);
  ASSERT_TRUE(runtime->add(std::make_unique<Crashing>(), {.on_crash = Supervision::OnCrash::escalate}));
  const StopReason why = runtime->run();
  EXPECT_EQ(why.kind, StopReason::Kind::failed);
  EXPECT_EQ(why.detail, "crashing: out of luck");
  EXPECT_EQ(runtime->protocols().at(0).state, "failed");
  EXPECT_EQ(name(why.kind), "failed");
}

}  // namespace
}  // namespace myelin::protocol
