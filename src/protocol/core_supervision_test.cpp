#include "protocol/core_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace myelin::protocol::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Question {};
struct AnswerIs {
  int instance;
};

// A protocol that counts its instances and crashes on the note 13.
struct SupervisionTest : ::testing::Test {
  void begin(Supervision supervision) {
    const ProtocolFactory factory = [this] {
      const int instance = ++instances;
      auto made = std::make_unique<Scripted>(1, "a", [this, instance](Scripted& self, Context& ctx) {
        if (instance == fails_to_start) throw std::runtime_error("cannot start");
        current = &self;
        ctx.register_message_handler<Note>([this, instance](const Note& note, const Host&) {
          if (note.number == 13) throw std::runtime_error("thirteen");
          world.journal.push_back(std::to_string(instance) + ": " + std::to_string(note.number));
        });
        ctx.register_request_handler<Question, AnswerIs>(
            [this, instance](const Question&, Responder<AnswerIs> responder) {
              if (keep) return kept.push_back(std::move(responder));
              responder.reply({instance});
            });
        ctx.start_periodic_timer(seconds(1), seconds(1), [this, instance] { ticks.push_back(instance); });
      });
      made->journal = &world.journal;
      made->on_init = [this, instance] { world.journal.push_back(std::to_string(instance) + ": init"); };
      return made;
    };
    ASSERT_TRUE(world.core->add(factory, supervision));
    watcher = &world.add(2, "watcher", [this](Scripted&, Context& ctx) {
      ctx.subscribe<ProtocolFailed>([this](const ProtocolFailed& failed) {
        failures.push_back(failed.name + ": " + failed.what + (failed.ended ? " (ended)" : ""));
      });
    });
    watcher->journal = nullptr;
    world.start();
    EXPECT_THAT(world.take_journal(), ElementsAre("1: init"));
  }
  void note(std::uint32_t number) {
    if (!world.core->message(peer, 1, 1, encoded(Note{number}))) refused.push_back(number);
  }
  void ask() {
    watcher->ctx->request<Question, AnswerIs>({}, [this](Result<AnswerIs> reply) {
      answers.push_back(reply ? std::to_string(reply->instance) : std::string(myelin::name(reply.error().code)));
    });
  }
  std::string state() const { return world.core->protocols()[0].state; }

  World world;
  int instances = 0, fails_to_start = 0;
  bool keep = false;
  std::vector<Responder<AnswerIs>> kept;
  Scripted* current = nullptr;
  Scripted* watcher = nullptr;
  std::vector<int> ticks;
  std::vector<std::uint32_t> refused;
  std::vector<std::string> failures, answers;
};

TEST_F(SupervisionTest, ResumeLosesTheEventOnly) {
  begin({});
  note(1);
  note(13);
  note(2);
  world.run();
  EXPECT_THAT(world.journal, ElementsAre("1: 1", "1: 2"));
  EXPECT_THAT(failures, ElementsAre("a: thirteen"));
  EXPECT_EQ(instances, 1);
  EXPECT_EQ(world.metric("handler.panic"), 1);
}

TEST_F(SupervisionTest, RestartReplaysTheSessionsAndKeepsTheMailbox) {
  begin({.on_crash = Supervision::OnCrash::restart});
  const Host other{"10.0.0.2", 1};
  world.core->session_connected(peer);
  world.core->session_connected(other);
  world.run();
  world.take_journal();
  note(13);
  note(7);                                                              // behind the crash: the new instance's
  world.core->session_disconnected(other, {ErrorCode::link_lost, ""});  // behind it too: it was up at the crash
  world.run();
  EXPECT_EQ(state(), "backoff");
  EXPECT_EQ(world.core->find("a"), nullptr);
  note(8);  // nobody can decode it now: it waits outside
  EXPECT_THAT(refused, ElementsAre(8u));
  ask();  // waits inside
  world.core->session_connected(other);
  EXPECT_THAT(world.journal, IsEmpty());
  world.channel.on_resume = [this] { note(8); };
  world.advance(milliseconds(100));
  EXPECT_EQ(state(), "running");
  EXPECT_THAT(world.journal, ElementsAre("restart 1", "2: init", "connected 10.0.0.1:5001", "connected 10.0.0.2:1",
                                         "2: 7", "disconnected 10.0.0.2:1 link_lost", "connected 10.0.0.2:1", "2: 8"));
  EXPECT_THAT(answers, ElementsAre("2"));
  EXPECT_EQ(world.core->protocols()[0].restarts, 1u);
  EXPECT_EQ(world.metric("protocol.restart"), 1);
}

TEST_F(SupervisionTest, WhatTheOldInstanceHadUnderWayIsGone) {
  begin({.on_crash = Supervision::OnCrash::restart});
  bool told = false;
  current->ctx->defer([] { throw std::runtime_error("crash"); });
  current->ctx->defer([&told] { told = true; });
  current->ctx->request<Question, AnswerIs>({}, [&told](Result<AnswerIs>) { told = true; });
  current->ctx->call_process("x", "y", {}, [&told](Result<Bytes>) { told = true; });
  world.advance(seconds(3));
  EXPECT_FALSE(told);
  EXPECT_THAT(ticks, ElementsAre(2, 2));  // only the new one's timer beats
}

TEST_F(SupervisionTest, RespondersOfTheOldInstanceGiveUp) {
  begin({.on_crash = Supervision::OnCrash::restart});
  keep = true;
  ask();
  world.run();
  note(13);
  world.run();
  EXPECT_THAT(answers, IsEmpty());  // the test holds the responder, not the instance
  kept.clear();
  world.run();
  EXPECT_THAT(answers, ElementsAre("guest_failed"));
}

TEST_F(SupervisionTest, BacksOffAndStopsAfterTooManyInTheWindow) {
  begin({.on_crash = Supervision::OnCrash::restart, .max_restarts = 3, .backoff = milliseconds(100)});
  std::vector<std::int64_t> waits;
  for (int crash = 0; crash < 4; ++crash) {
    const Instant before = world.executor.now_;
    note(13);
    world.run();
    if (state() != "backoff") break;
    while (state() == "backoff") world.advance(milliseconds(10));
    waits.push_back((world.executor.now_ - before) / milliseconds(1));
  }
  EXPECT_THAT(waits, ElementsAre(100, 200, 400));
  EXPECT_EQ(state(), "failed");
  EXPECT_EQ(failures.back(), "a: thirteen (ended)");
  EXPECT_EQ(world.core->protocols()[0].crashes, 4u);
}

TEST_F(SupervisionTest, TheWindowMovesOn) {
  begin({.on_crash = Supervision::OnCrash::restart, .max_restarts = 1, .window = seconds(10)});
  for (int crash = 0; crash < 3; ++crash) {
    note(13);
    world.advance(seconds(11));
    EXPECT_EQ(state(), "running");
  }
  EXPECT_EQ(instances, 4);
}

TEST_F(SupervisionTest, AStartThatFailsIsACrashToo) {
  fails_to_start = 2;
  begin({.on_crash = Supervision::OnCrash::restart});
  note(13);
  world.advance(seconds(1));
  EXPECT_EQ(instances, 3);
  EXPECT_EQ(state(), "running");
  EXPECT_EQ(world.core->protocols()[0].crashes, 2u);
  EXPECT_THAT(failures, ElementsAre("a: thirteen", "a: trapped: a: cannot start"));
}

TEST_F(SupervisionTest, StopEndsTheProtocolAlone) {
  begin({.on_crash = Supervision::OnCrash::stop});
  note(13);
  note(1);
  ask();
  world.run();
  EXPECT_EQ(state(), "failed");
  EXPECT_EQ(world.core->protocols()[0].last_error, "thirteen");
  EXPECT_EQ(world.core->protocols()[1].state, "running");
  EXPECT_THAT(world.journal, IsEmpty());
  EXPECT_THAT(answers, ElementsAre("stopping"));
  ask();
  note(2);
  world.core->session_connected(peer);
  world.run();
  EXPECT_THAT(answers, ElementsAre("stopping", "no_handler"));
  EXPECT_THAT(world.dead, ElementsAre("unknown_protocol 10.0.0.1:5001"));
  EXPECT_THAT(failures, ElementsAre("a: thirteen (ended)"));
}

TEST_F(SupervisionTest, EscalateEndsTheRuntime) {
  begin({.on_crash = Supervision::OnCrash::escalate});
  note(13);
  world.run();
  ASSERT_EQ(world.stops.size(), 1u);
  EXPECT_EQ(world.stops[0].kind, StopReason::Kind::failed);
  EXPECT_EQ(world.stops[0].detail, "a: thirteen");
}

// -- By an operator.

TEST_F(SupervisionTest, KillEndsOneProtocol) {
  begin({});
  note(1);
  ask();
  EXPECT_TRUE(world.core->control("a", RuntimeCore::Control::kill));
  world.run();
  EXPECT_EQ(state(), "stopped");
  EXPECT_TRUE(world.core->ended("a"));
  EXPECT_FALSE(world.core->ended("watcher"));
  EXPECT_THAT(world.journal, IsEmpty());
  EXPECT_THAT(answers, ElementsAre("stopping"));
  EXPECT_THAT(failures, IsEmpty());  // it did not crash
  EXPECT_EQ(world.core->control("a", RuntimeCore::Control::kill).error().code, ErrorCode::conflict);
  EXPECT_EQ(world.core->control("b", RuntimeCore::Control::kill).error().code, ErrorCode::no_such_protocol);
}

TEST_F(SupervisionTest, PauseKeepsTheMailbox) {
  begin({});
  note(1);
  EXPECT_TRUE(world.core->control("a", RuntimeCore::Control::pause));
  note(2);
  world.run();
  EXPECT_EQ(state(), "paused");
  EXPECT_THAT(world.journal, IsEmpty());
  EXPECT_TRUE(world.core->control("a", RuntimeCore::Control::resume));
  world.run();
  EXPECT_EQ(state(), "running");
  EXPECT_THAT(world.journal, ElementsAre("1: 1", "1: 2"));
}

TEST_F(SupervisionTest, RestartAfresh) {
  begin({});
  world.core->session_connected(peer);
  note(1);
  EXPECT_TRUE(world.core->control("a", RuntimeCore::Control::restart));
  world.run();
  EXPECT_THAT(world.journal, ElementsAre("restart 1", "2: init", "connected 10.0.0.1:5001", "2: 1"));
  EXPECT_EQ(world.core->control("watcher", RuntimeCore::Control::restart).error().code, ErrorCode::unsupported);
}

TEST_F(SupervisionTest, NobodyWaitsForARestartWhenTheRuntimeCloses) {
  begin({.on_crash = Supervision::OnCrash::restart});
  note(13);
  world.run();
  EXPECT_EQ(state(), "backoff");
  ask();
  world.core->close();
  EXPECT_EQ(state(), "failed");
  world.run();
  EXPECT_THAT(answers, ElementsAre("stopping"));
  EXPECT_TRUE(world.core->idle());
}

}  // namespace
}  // namespace myelin::protocol::testing
