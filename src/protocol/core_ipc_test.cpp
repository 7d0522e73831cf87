#include "protocol/core_testing.hpp"
#include "protocol/log_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace myelin::protocol::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Double {
  int number;
};
struct Doubled {
  int number;
};
struct News {
  std::string text;
};

struct IpcTest : ::testing::Test {
  // `server` answers Double by `handler`.
  void begin(std::function<void(const Double&, Responder<Doubled>)> handler, Supervision supervision = {}) {
    client = &world.add(1, "client");
    server = &world.add(
        2, "server",
        [handler](Scripted&, Context& ctx) {
          if (handler) EXPECT_TRUE((ctx.register_request_handler<Double, Doubled>(handler)));
        },
        supervision);
    world.start();
  }
  void ask(int number, Duration timeout = Duration{0}) {
    client->ctx->request<Double, Doubled>(
        {number},
        [this](Result<Doubled> reply) {
          replies.push_back(reply ? std::to_string(reply->number) : to_string(reply.error()));
        },
        timeout);
  }
  World world;
  Scripted* client = nullptr;
  Scripted* server = nullptr;
  std::vector<std::string> replies;
};

TEST_F(IpcTest, AnswersAtOnce) {
  begin([](const Double& request, Responder<Doubled> responder) { responder.reply({request.number * 2}); });
  ask(21);
  EXPECT_THAT(replies, IsEmpty());
  world.run();
  EXPECT_THAT(replies, ElementsAre("42"));
  EXPECT_EQ(world.metric("ipc.request.sent"), 1);
  EXPECT_EQ(world.metric("ipc.request.completed"), 1);
  EXPECT_EQ(world.metric("ipc.request.latency_ms.count"), 1);
}

TEST_F(IpcTest, AnswersLater) {
  std::vector<std::pair<int, Responder<Doubled>>> open;
  begin([&open](const Double& request, Responder<Doubled> responder) {
    open.emplace_back(request.number, std::move(responder));
  });
  ask(1);
  ask(2);
  world.run();
  EXPECT_THAT(replies, IsEmpty());
  open[1].second.reply({open[1].first * 2});
  open[0].second.reply({open[0].first * 2});
  world.run();
  EXPECT_THAT(replies, ElementsAre("4", "2"));
  EXPECT_EQ(world.executor.alarm, Instant::max());  // no deadline is left behind
}

TEST_F(IpcTest, OnlyTheFirstAnswerCounts) {
  begin([](const Double&, Responder<Doubled> responder) {
    responder.reply({1});
    responder.reply({2});
    responder.fail({ErrorCode::io, ""});
  });
  ask(0);
  world.run();
  EXPECT_THAT(replies, ElementsAre("1"));
}

TEST_F(IpcTest, NobodyHandles) {
  begin({});
  ask(1);
  EXPECT_THAT(replies, IsEmpty());
  world.run();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_THAT(replies[0], HasSubstr("no_handler: nobody handles"));
  EXPECT_THAT(replies[0], HasSubstr("Double"));
}

TEST_F(IpcTest, TimesOutAndDropsTheLateAnswer) {
  std::optional<Responder<Doubled>> open;
  begin([&open](const Double&, Responder<Doubled> responder) { open.emplace(std::move(responder)); });
  ask(1, milliseconds(50));
  world.advance(milliseconds(49));
  EXPECT_THAT(replies, IsEmpty());
  world.advance(milliseconds(1));
  EXPECT_THAT(replies, ElementsAre("timeout: no answer in time"));
  open->reply({2});
  world.run();
  EXPECT_EQ(replies.size(), 1u);
  EXPECT_EQ(world.metric("ipc.reply.dropped_late"), 1);
  EXPECT_THAT(world.dead, ElementsAre("late_reply self:1"));
}

TEST_F(IpcTest, TheRuntimesTimeoutIsTheDefault) {
  std::optional<Responder<Doubled>> open;
  begin([&open](const Double&, Responder<Doubled> responder) { open.emplace(std::move(responder)); });
  ask(1);
  world.advance(milliseconds(29'999));
  EXPECT_THAT(replies, IsEmpty());
  world.advance(milliseconds(1));
  EXPECT_EQ(replies.size(), 1u);
}

TEST_F(IpcTest, FailsWithTheHandlersError) {
  begin([](const Double&, Responder<Doubled> responder) { responder.fail({ErrorCode::limit, "too busy"}); });
  ask(1);
  world.run();
  EXPECT_THAT(replies, ElementsAre("limit: too busy"));
}

TEST_F(IpcTest, AThrownHandlerIsTrapped) {
  begin([](const Double&, Responder<Doubled>) { throw std::runtime_error("bug"); });
  ask(1);
  world.run();
  EXPECT_THAT(replies, ElementsAre("trapped: bug"));
  EXPECT_EQ(world.metric("handler.panic"), 1);
  EXPECT_EQ(world.core->protocols()[1].crashes, 1u);
  EXPECT_EQ(world.core->protocols()[1].last_error, "bug");
}

TEST_F(IpcTest, AThrownHandlerThatKeptItsResponderIsTrappedAtOnce) {
  std::optional<Responder<Doubled>> open;
  begin([&open](const Double&, Responder<Doubled> responder) {
    open.emplace(std::move(responder));
    throw 7;
  });
  ask(1);
  world.run();
  EXPECT_THAT(replies, ElementsAre("trapped: the handler threw"));
  open->reply({1});
  EXPECT_EQ(world.metric("ipc.reply.dropped_late"), 1);
}

TEST_F(IpcTest, AnAnswerBeforeTheThrowStands) {
  begin([](const Double&, Responder<Doubled> responder) {
    responder.reply({5});
    throw std::runtime_error("afterwards");
  });
  ask(1);
  world.run();
  EXPECT_THAT(replies, ElementsAre("5"));
  EXPECT_EQ(world.metric("ipc.reply.dropped_late"), 0);
}

TEST_F(IpcTest, ADroppedResponderIsAnAnswer) {
  std::optional<Responder<Doubled>> open;
  begin([&open](const Double& request, Responder<Doubled> responder) {
    if (request.number == 2) open.emplace(std::move(responder));
  });
  ask(1);
  ask(2);
  world.run();
  EXPECT_THAT(replies, ElementsAre("guest_failed: the handler gave no answer"));
  open.reset();
  world.run();
  EXPECT_EQ(replies.size(), 2u);
}

TEST_F(IpcTest, AProtocolMayAskItself) {
  begin([](const Double& request, Responder<Doubled> responder) { responder.reply({request.number + 1}); });
  server->ctx->request<Double, Doubled>(
      {1}, [this](Result<Doubled> reply) { replies.push_back(std::to_string(reply->number)); });
  EXPECT_THAT(replies, IsEmpty());
  world.run();
  EXPECT_THAT(replies, ElementsAre("2"));
}

TEST_F(IpcTest, AFullMailboxRefusesRequests) {
  World small({.mailbox_capacity = 2});
  auto& asks = small.add(1, "asks");
  small.add(2, "answers", [](Scripted&, Context& ctx) {
    ctx.register_request_handler<Double, Doubled>(
        [](const Double& request, Responder<Doubled> responder) { responder.reply({request.number}); });
  });
  small.start();
  for (int i = 0; i < 4; ++i) {
    asks.ctx->request<Double, Doubled>({i}, [this](Result<Doubled> reply) {
      replies.push_back(reply ? std::to_string(reply->number) : to_string(reply.error()));
    });
  }
  small.run();
  EXPECT_THAT(replies, ElementsAre("mailbox_full: answers", "mailbox_full: answers", "0", "1"));
  EXPECT_EQ(small.metric("mailbox.dropped"), 2);
}

TEST_F(IpcTest, OneHandlerPerTypeInARuntime) {
  for (const char* name : {"first", "second"}) {
    world.add(name[0] == 'f' ? 1 : 2, name, [](Scripted&, Context& ctx) {
      ctx.register_request_handler<Double, Doubled>([](const Double&, Responder<Doubled>) {});
    });
  }
  world.start();
  EXPECT_THAT(world.journal, ElementsAre("start: conflict: second: first handles requests of that type"));
}

TEST_F(IpcTest, AResponderOutlivesItsRuntime) {
  std::optional<Responder<Doubled>> open;
  {
    World short_lived;
    auto& asks = short_lived.add(1, "asks", [&open](Scripted&, Context& ctx) {
      ctx.register_request_handler<Double, Doubled>(
          [&open](const Double&, Responder<Doubled> responder) { open.emplace(std::move(responder)); });
    });
    short_lived.start();
    asks.ctx->request<Double, Doubled>({1}, [this](Result<Doubled>) { replies.emplace_back("told"); });
    short_lived.run();
  }
  ASSERT_TRUE(open);
  open->reply({1});
  EXPECT_THAT(replies, IsEmpty());
}

// -- Notifications.

TEST_F(IpcTest, NotificationsFanOutInTheOrderOfSubscription) {
  std::vector<std::string> heard;
  const auto listen = [&heard](std::string name) {
    return [&heard, name](Scripted&, Context& ctx) {
      ctx.subscribe<News>([&heard, name](const News& news) { heard.push_back(name + " " + news.text); });
    };
  };
  auto& a = world.add(1, "a", listen("a"));
  world.add(2, "b", listen("b"));
  world.add(3, "c", listen("c"));
  world.add(4, "deaf");
  world.start();
  EXPECT_EQ(a.ctx->publish(News{"x"}), 3u);
  EXPECT_THAT(heard, IsEmpty());
  world.run();
  EXPECT_THAT(heard, ElementsAre("a x", "b x", "c x"));
  EXPECT_EQ(world.metric("notification.published"), 1);
  EXPECT_EQ(world.metric("notification.delivered"), 3);
}

TEST_F(IpcTest, NobodySubscribed) {
  begin({});
  EXPECT_EQ(client->ctx->publish(News{"x"}), 0u);
  client->ctx->unsubscribe<News>();
  world.run();
  EXPECT_EQ(world.metric("notification.delivered"), 0);
}

TEST_F(IpcTest, UnsubscribeTakesEffectAtOnce) {
  begin({});
  unsigned heard = 0;
  auto held = std::make_shared<int>(1);
  EXPECT_TRUE(server->ctx->subscribe<News>([&, held](const News&) {
    heard += static_cast<unsigned>(*held);
    server->ctx->unsubscribe<News>();  // in its own callback, which lives to its end
    EXPECT_EQ(*held, 1);
  }));
  client->ctx->publish(News{"1"});
  client->ctx->publish(News{"2"});  // queued, and yet not told
  world.run();
  EXPECT_EQ(heard, 1u);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(client->ctx->publish(News{"3"}), 0u);
  EXPECT_TRUE(server->ctx->subscribe<News>([&](const News&) { heard += 10; }));
  world.run();
  EXPECT_EQ(heard, 1u);
  client->ctx->publish(News{"4"});
  world.run();
  EXPECT_EQ(heard, 11u);
}

// -- Processes.

struct FakeProcesses final : ProcessPort {
  void call(std::string_view protocol, std::string address, std::string method, Bytes body, Duration timeout,
            detail::ProcessReply reply, std::move_only_function<void()> room) override {
    rooms.push_back(std::move(room));
    calls.push_back(std::string(protocol) + " " + address + " " + method + " " +
                    std::to_string(timeout / milliseconds(1)));
    bodies.push_back(std::move(body));
    replies.push_back(std::move(reply));
  }
  std::vector<std::string> calls;
  std::vector<Bytes> bodies;
  void log(std::string_view protocol, LogLevel level, std::string_view event, LogFields fields) override {
    lines.push_back(std::string(protocol) + " " + format_log_text(level, event, fields));
  }
  void ended(std::string_view protocol) override { ends.emplace_back(protocol); }
  std::vector<detail::ProcessReply> replies;
  std::vector<std::move_only_function<void()>> rooms;
  std::vector<std::string> lines, ends;
};

TEST(CoreProcesses, AsksAProcess) {
  FakeProcesses processes;
  World world({}, false, &processes);
  auto& a = world.add(1, "a");
  world.start();
  std::vector<std::string> answers;
  const auto take = [&answers](Result<Bytes> answer) {
    answers.push_back(answer ? std::string(answer->begin(), answer->end()) : to_string(answer.error()));
  };
  a.ctx->call_process("guest", "add", Bytes{1}, take);
  a.ctx->call_process("guest", "add", Bytes{2}, take, milliseconds(5));
  EXPECT_THAT(processes.calls, ElementsAre("a guest add 30000", "a guest add 5"));
  processes.replies[0](Bytes{'o', 'k'});
  EXPECT_THAT(answers, IsEmpty());
  processes.replies[1](fail(ErrorCode::timeout));
  world.run();
  EXPECT_THAT(answers, ElementsAre("ok", "timeout"));
}

TEST(CoreProcesses, IsToldWhenAFullProcessHasRoom) {
  FakeProcesses processes;
  World world({}, false, &processes);
  std::vector<Context*> contexts;
  ASSERT_TRUE(world.core->add(
      [&] {
        auto made =
            std::make_unique<Scripted>(1, "a", [&contexts](Scripted&, Context& ctx) { contexts.push_back(&ctx); });
        made->journal = &world.journal;
        return made;
      },
      {}));
  world.start();
  std::vector<std::uint32_t> details;
  const auto take = [&details](Result<Bytes> answer) { details.push_back(answer.error().detail); };
  contexts[0]->call_process("guest", "add", {}, take);
  processes.replies[0](fail(ErrorCode::mailbox_full, "full", room_follows));
  processes.rooms[0]();
  EXPECT_THAT(details, IsEmpty()) << "not inside a call";
  world.journal.clear();
  world.run();
  EXPECT_THAT(details, ElementsAre(room_follows));
  EXPECT_THAT(world.journal, ElementsAre("process writable guest"));
  contexts[0]->call_process("guest", "add", {}, take);
  ASSERT_TRUE(world.core->control("a", RuntimeCore::Control::restart));
  world.run();
  world.journal.clear();
  processes.rooms[1]();
  world.run();
  EXPECT_THAT(world.journal, IsEmpty()) << "another instance has called";
}

TEST(CoreProcesses, ProcessesHaveALogAndAnEnd) {
  FakeProcesses processes;
  CoreConfig config;
  config.log_enabled = [](LogLevel level) { return level >= LogLevel::info; };
  World world(std::move(config), false, &processes);
  auto& a = world.add(1, "a");
  world.add(2, "b");
  world.start();
  processes.lines.clear();
  a.ctx->logger().debug("too small");
  a.ctx->logger().warn("seen", {{"by", "no one else"}});
  EXPECT_THAT(processes.lines, ElementsAre("a level=WARN msg=seen by=\"no one else\""));
  EXPECT_THAT(processes.ends, IsEmpty());
  ASSERT_TRUE(world.core->control("b", RuntimeCore::Control::kill));
  world.run();
  EXPECT_THAT(processes.ends, ElementsAre("b"));
  world.core->cancel();
  EXPECT_THAT(processes.ends, ElementsAre("b", "a"));
  EXPECT_EQ(world.core->protocols()[0].last_error, "the runtime has ended");
}

TEST(CoreProcesses, WithoutANodeThereAreNone) {
  World world;
  auto& a = world.add(1, "a");
  world.start();
  ErrorCode code{};
  a.ctx->call_process("guest", "add", {}, [&code](Result<Bytes> answer) { code = answer.error().code; });
  world.run();
  EXPECT_EQ(code, ErrorCode::unsupported);
}

TEST(CoreProcesses, AnswersAProcess) {
  World world({.mailbox_capacity = 4});
  world.add(1, "a", [](Scripted&, Context& ctx) {
    ctx.register_process_handler("echo", [](std::string caller, View body, detail::ProcessReply reply) {
      if (caller == "thrower") throw std::runtime_error("bug");
      if (caller != "dropper") reply(Bytes(body.begin(), body.end()));
    });
  });
  world.start();
  std::vector<std::string> answers;
  const auto ask = [&](std::string protocol, std::string method, std::string caller) {
    world.core->process_message(protocol, method, caller, Bytes{'x'}, [&answers](Result<Bytes> answer) {
      answers.push_back(answer ? std::string(answer->begin(), answer->end())
                               : std::string(myelin::name(answer.error().code)));
    });
  };
  ask("a", "echo", "guest");
  ask("a", "none", "guest");
  ask("a", "echo", "dropper");
  ask("a", "echo", "thrower");
  ask("a", "echo", "one too many");
  ask("b", "echo", "guest");
  world.run();
  EXPECT_THAT(answers,
              ElementsAre("mailbox_full", "no_such_protocol", "x", "no_such_method", "guest_failed", "trapped"));
  ask("a", "echo", "queued");
  world.core->cancel();
  EXPECT_EQ(answers.back(), "stopping");
}

}  // namespace
}  // namespace myelin::protocol::testing
