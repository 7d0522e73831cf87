// The core's mailboxes, registrations, timers and ends.
#include "protocol/core_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace myelin::protocol::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Core, StartsAllBeforeItInitialisesAny) {
  World world;
  for (const char* name : {"a", "b"}) {
    const ProtocolId id = name[0] == 'a' ? 1 : 2;
    auto& protocol = world.add(id, name, [&world, name](Scripted&, Context& ctx) {
      EXPECT_EQ(ctx.self().to_string(), "self:1");
      world.journal.push_back(std::string("start ") + name);
    });
    protocol.on_init = [&world, name] { world.journal.push_back(std::string("init ") + name); };
  }
  world.start();
  EXPECT_THAT(world.journal, ElementsAre("start a", "start b", "init a", "init b"));
}

TEST(Core, NeedsAProtocol) {
  World world;
  world.start();
  EXPECT_THAT(world.journal, ElementsAre("start: no_such_protocol: the runtime has no protocol"));
}

TEST(Core, RefusesWhatIsThereOrBadlyNamed) {
  World world;
  world.add(1, "a");
  world.add(1, "b");
  world.add(2, "a");
  world.add(3, "Not a name");
  EXPECT_THAT(world.journal,
              ElementsAre("add: conflict: protocol id 1 is that of a", "add: conflict: there is a protocol named a",
                          "add: bad_request: 'Not a name' is no name for a protocol"));
  EXPECT_FALSE(world.core->add(std::make_unique<Scripted>(4, "d", nullptr), {Supervision::OnCrash::restart}));
  world.take_journal();
  world.start();
  world.add(5, "late");
  EXPECT_THAT(world.journal, ElementsAre("add: conflict: the runtime has been started"));
}

struct NoteTwin {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "testing.NoteTwin";
  auto fields(this auto&) { return std::tie(); }
};
struct NoteDouble {
  static constexpr MessageId id = 9;
  static constexpr std::string_view wire_name = "testing.Note";
  auto fields(this auto&) { return std::tie(); }
};

TEST(Core, RegistrationsAreUnique) {
  World world;
  world.add(1, "a", [](Scripted&, Context& ctx) {
    EXPECT_TRUE(ctx.register_message_handler<Note>([](const Note&, const Host&) {}));
    const auto again = ctx.register_message_handler<Note>([](const Note&, const Host&) {});
    ASSERT_FALSE(again);
    EXPECT_EQ(to_string(again.error()), "conflict: testing.Note has a handler");
    EXPECT_EQ(ctx.register_message_serializer<Note>().error().code, ErrorCode::conflict);
    EXPECT_EQ(ctx.register_message_handler<NoteTwin>([](const NoteTwin&, const Host&) {}).error().code,
              ErrorCode::conflict);
    EXPECT_EQ(ctx.register_message_handler<NoteDouble>([](const NoteDouble&, const Host&) {}).error().code,
              ErrorCode::conflict);
    EXPECT_TRUE(ctx.register_message_sent_handler<Note>([](const Note&, const Host&) {}));
    EXPECT_FALSE(ctx.register_message_sent_handler<Note>([](const Note&, const Host&) {}));
    EXPECT_TRUE(ctx.register_message_failed_handler<Note>([](const Note&, const Host&, const Error&) {}));
    EXPECT_FALSE(ctx.register_message_failed_handler<Note>([](const Note&, const Host&, const Error&) {}));
    EXPECT_TRUE(ctx.subscribe<Text>([](const Text&) {}));
    EXPECT_FALSE(ctx.subscribe<Text>([](const Text&) {}));
    EXPECT_TRUE(ctx.register_process_handler("m", [](std::string, View, detail::ProcessReply) {}));
    EXPECT_FALSE(ctx.register_process_handler("m", [](std::string, View, detail::ProcessReply) {}));
  });
  world.start();
  // A registration that failed during the start fails the start, heeded or not.
  EXPECT_THAT(world.journal, ElementsAre("start: conflict: a: testing.Note has a handler"));
}

TEST(Core, OneHandlerPerWireNameInARuntime) {
  World world;
  const auto handler = [](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([](const Note&, const Host&) {});
  };
  world.add(1, "a", handler);
  world.add(2, "b", handler);
  world.start();
  EXPECT_THAT(world.journal, ElementsAre("start: conflict: b: a handles testing.Note"));
}

// Whoever gives a serializer of his own gives it before the handler, which would bring the usual one.
TEST(Core, ASecondSerializerIsTheRuntimesErrorAndAHandlerYieldsToTheFirst) {
  World yields;
  yields.add(1, "a", [](Scripted&, Context& ctx) {
    ctx.register_message_serializer<Note>();
    ctx.register_message_handler<Note>([](const Note&, const Host&) {});
  });
  yields.start();
  EXPECT_THAT(yields.journal, Not(Contains(StartsWith("start:"))));
  World twice;
  twice.add(1, "a", [](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([](const Note&, const Host&) {});
    ctx.register_message_serializer<Note>();
  });
  twice.start();
  EXPECT_THAT(twice.journal, ElementsAre("start: conflict: a: testing.Note has a serializer"));
}

TEST(Core, AStartThatThrowsIsTheRuntimesError) {
  World world;
  world.add(1, "a", [](Scripted&, Context&) { throw std::runtime_error("no disk"); });
  world.start();
  EXPECT_THAT(world.journal, ElementsAre("start: trapped: a: no disk"));
}

// Whatever its kind, what came first is handled first.
TEST(Core, KeepsTheOrderOfArrivalAcrossKinds) {
  World world;
  auto& a = world.add(1, "a", [&world](Scripted& self, Context& ctx) {
    EXPECT_TRUE(ctx.register_message_handler<Note>([&world](const Note& note, const Host& from) {
      world.journal.push_back("note " + std::to_string(note.number) + " of " + from.to_string());
    }));
    ctx.subscribe<Text>([&world](const Text& text) { world.journal.push_back("told " + text.text); });
    ctx.register_request_handler<int, int>([&world](const int& number, Responder<int> responder) {
      world.journal.push_back("asked " + std::to_string(number));
      responder.reply(number);
    });
    self.ctx->start_timer(milliseconds(5), [&world] { world.journal.push_back("timer"); });
  });
  world.start();
  world.core->message(peer, 1, 1, encoded(Note{1}));
  world.core->session_connected(peer);
  a.ctx->publish(Text{"b"});
  a.ctx->defer([&world] { world.journal.push_back("deferred"); });
  a.ctx->request<int, int>(7,
                           [&world](Result<int> reply) { world.journal.push_back("reply " + std::to_string(*reply)); });
  world.core->message(peer, wire_id("testing.Note"), encoded(Note{2}));
  world.core->session_disconnected(peer, {ErrorCode::link_lost, ""});
  world.executor.now_ += milliseconds(5);  // due before the next turn, after what is there
  world.core->turn();
  world.run();
  EXPECT_THAT(world.journal,
              ElementsAre("note 1 of 10.0.0.1:5001", "connected 10.0.0.1:5001", "told b", "deferred", "asked 7",
                          "note 2 of 10.0.0.1:5001", "disconnected 10.0.0.1:5001 link_lost", "timer", "reply 7"));
}

TEST(Core, ProtocolsTakeTurns) {
  World world;
  std::vector<std::unique_ptr<int>> counts;
  for (const ProtocolId id : {1, 2, 3}) world.add(id, "p" + std::to_string(id));
  world.start();
  for (int round = 0; round < 2; ++round) {
    for (const ProtocolId id : {1, 2, 3}) {
      auto& protocol = static_cast<Scripted&>(*world.core->find(id));
      protocol.ctx->defer([&world, id] { world.journal.push_back(std::to_string(id)); });
    }
  }
  world.run();
  EXPECT_THAT(world.journal, ElementsAre("1", "2", "3", "1", "2", "3"));
}

TEST(Core, ATurnIsBoundedAndWakesItself) {
  World world({.turn_events = 10});
  auto& a = world.add(1, "a");
  world.start();
  for (int i = 0; i < 25; ++i) a.ctx->defer([] {});
  const unsigned wakes = world.executor.wakes;
  EXPECT_EQ(world.core->turn(), 10u);
  EXPECT_EQ(world.core->turn(), 10u);
  EXPECT_EQ(world.core->turn(), 5u);
  EXPECT_EQ(world.executor.wakes, wakes + 2);
  EXPECT_FALSE(world.core->ready());
}

TEST(Core, AllSessionEventsAreTold) {
  World world;
  world.add(1, "a");
  world.start();
  world.core->session_failed(peer, {ErrorCode::offline, ""});
  world.core->session_given_up(peer, 3);
  world.core->session_connected(peer);
  world.core->session_blocked(peer);
  world.core->session_writable(peer);
  world.core->transport_event({TransportEvent::Kind::connected, peer, true, {ErrorCode::io, ""}});
  EXPECT_THAT(world.journal, IsEmpty());  // never inside the call
  world.run();
  EXPECT_THAT(world.journal,
              ElementsAre("failed 10.0.0.1:5001 offline", "given up 10.0.0.1:5001 3", "connected 10.0.0.1:5001",
                          "blocked 10.0.0.1:5001", "writable 10.0.0.1:5001", "transport 10.0.0.1:5001 in"));
  EXPECT_EQ(world.metric("session.given_up"), 1);
  EXPECT_EQ(world.metric("session.connected"), 1);
}

TEST(Core, AFullMailboxRefusesAndResumes) {
  World world({.mailbox_capacity = 4});
  unsigned handled = 0;
  world.add(1, "a", [&handled](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([&handled](const Note&, const Host&) { ++handled; });
  });
  world.start();
  const Bytes bytes = encoded(Note{1});
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(world.core->message(peer, 1, 1, bytes));
  EXPECT_FALSE(world.core->message(peer, 1, 1, bytes));
  EXPECT_FALSE(world.core->message(peer, wire_id("testing.Note"), bytes));
  EXPECT_EQ(world.channel.resumes, 0u);
  world.channel.on_resume = [&] { EXPECT_TRUE(world.core->message(peer, 1, 1, bytes)); };
  world.run();
  EXPECT_EQ(world.channel.resumes, 1u);
  EXPECT_EQ(handled, 5u);
  EXPECT_THAT(world.dead, IsEmpty());
}

TEST(Core, AMessageOfABatchThatFindsAllMailboxesEmptyIsHandledAtOnce) {
  World world;
  std::vector<std::string>& journal = world.journal;
  auto& a = world.add(1, "a", [&journal](Scripted& self, Context& ctx) {
    ctx.register_message_handler<Note>([&journal, &self](const Note& note, const Host&) {
      journal.push_back(std::to_string(note.number));
      if (note.number == 2) self.ctx->defer([&journal] { journal.emplace_back("deferred"); });
    });
  });
  world.start();
  const auto message = [&world](std::uint32_t number) {
    EXPECT_TRUE(world.core->message(peer, wire_id("testing.Note"), encoded(Note{number})));
  };
  message(0);
  EXPECT_THAT(journal, IsEmpty()) << "no batch";
  world.run();
  world.core->batch_begins();
  message(1);
  EXPECT_THAT(journal, ElementsAre("0", "1"));
  message(2);
  message(3);  // behind what its handler deferred
  EXPECT_THAT(journal, ElementsAre("0", "1", "2"));
  EXPECT_TRUE(world.core->message(peer, wire_id("testing.Note"), Bytes{1}));
  const unsigned wakes = world.executor.wakes;
  world.core->batch_ends();
  EXPECT_EQ(world.executor.wakes, wakes + 1);
  world.run();
  EXPECT_THAT(world.take_journal(), ElementsAre("0", "1", "2", "deferred", "3"));
  world.core->session_connected(peer);
  world.core->batch_begins();
  message(4);  // behind the session event
  world.core->batch_ends();
  EXPECT_THAT(journal, IsEmpty());
  a.ctx->start_timer(Duration{0}, [&journal] { journal.emplace_back("timer"); });
  world.run();
  EXPECT_THAT(journal, ElementsAre("connected 10.0.0.1:5001", "4", "timer"));
  EXPECT_EQ(world.metric("message.dispatched"), 5);
  EXPECT_THAT(world.dead, ElementsAre("malformed 10.0.0.1:5001"));
}

TEST(Core, ABatchHasItsShareOfATurn) {
  World world({.turn_events = 3});
  unsigned handled = 0;
  world.add(1, "a", [&handled](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([&handled](const Note&, const Host&) { ++handled; });
  });
  world.start();
  const auto offer = [&world] { return world.core->message(peer, wire_id("testing.Note"), encoded(Note{1})); };
  world.core->batch_begins();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(offer());
  EXPECT_FALSE(offer());
  world.core->batch_ends();
  EXPECT_EQ(handled, 3u);
  EXPECT_EQ(world.channel.resumes, 0u) << "not before it can wait for it";
  world.core->turn();
  EXPECT_EQ(world.channel.resumes, 1u);
  world.core->batch_begins();
  EXPECT_TRUE(offer());
  world.core->batch_ends();
  EXPECT_EQ(handled, 4u);
}

TEST(Core, WhatIsHandledAtOnceMayThrowStartTimersAndEndItsProtocol) {
  World world;
  world.add(1, "a",
            [&world](Scripted& self, Context& ctx) {
              ctx.register_message_handler<Text>([&world, &self](const Text& text, const Host&) {
                self.ctx->start_timer(std::chrono::seconds(1), [&world] { world.journal.emplace_back("timer"); });
                if (text.text == "throw") throw std::runtime_error("at once");
              });
            },
            {.on_crash = Supervision::OnCrash::stop});
  world.start();
  const auto text = [&world](std::string what) {
    EXPECT_TRUE(world.core->message(peer, wire_id("testing.Text"), encoded(Text{std::move(what)})));
  };
  world.core->batch_begins();
  text("a text that is too long to stand inside a string");
  world.core->batch_ends();
  world.advance(std::chrono::seconds(1));
  EXPECT_THAT(world.take_journal(), ElementsAre("timer")) << "the alarm is set when the batch ends";
  world.core->batch_begins();
  text("throw");
  text("afterwards");
  world.core->batch_ends();
  EXPECT_TRUE(world.core->ended("a"));
  EXPECT_EQ(world.metric("handler.panic"), 1);
  world.advance(std::chrono::seconds(2));
  EXPECT_THAT(world.journal, IsEmpty());
  EXPECT_EQ(world.dead.size(), 1u);
}

TEST(Core, CountsAndTellsWhatItDrops) {
  World world;
  world.add(1, "a", [](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([](const Note&, const Host&) {});
    ctx.register_message_serializer<Text>();
  });
  world.start();
  EXPECT_TRUE(world.core->message(peer, 9, 1, encoded(Note{})));
  EXPECT_TRUE(world.core->message(peer, 1, 7, encoded(Note{})));
  EXPECT_TRUE(world.core->message(peer, 1, 2, encoded(Text{})));  // a serializer, no handler
  EXPECT_TRUE(world.core->message(peer, wire_id("nobody"), encoded(Note{})));
  EXPECT_TRUE(world.core->message(peer, 1, 1, Bytes{1, 2}));
  EXPECT_TRUE(world.core->message(peer, 1, 1, Bytes{1, 2, 3, 4, 5}));
  world.core->dropped("truncated_header", peer);
  world.core->dropped("unknown_layer", peer);
  world.core->dropped("version_mismatch", peer);
  world.run();
  const std::string at = " 10.0.0.1:5001";
  EXPECT_THAT(world.dead, ElementsAre("unknown_protocol" + at, "unknown_message" + at, "unknown_message" + at,
                                      "unknown_message" + at, "malformed" + at, "malformed" + at,
                                      "truncated_header" + at, "unknown_layer" + at, "version_mismatch" + at));
  EXPECT_EQ(world.metric("message.dropped_unknown_id"), 4);
  EXPECT_EQ(world.metric("message.dropped_decode_error"), 2);
  EXPECT_EQ(world.metric("message.dropped_header"), 2);
  EXPECT_EQ(world.metric("session.version_mismatch"), 1);
  EXPECT_EQ(world.metric("message.dispatched"), 0);
}

TEST(Core, SendsThroughTheCodecOfTheSender) {
  World world;
  auto& a = world.add(1, "a", [](Scripted&, Context& ctx) { ctx.register_message_serializer<Note>(); });
  auto& b = world.add(2, "b");
  world.start();
  EXPECT_TRUE(a.ctx->send(Note{258}, peer));
  EXPECT_TRUE(b.ctx->send(Note{259}, peer, 1));  // by the serializer of another protocol of the runtime
  ASSERT_EQ(world.channel.sent.size(), 2u);
  EXPECT_EQ(world.channel.sent[0].protocol, 1);
  EXPECT_THAT(world.channel.sent[0].bytes, ElementsAre(2, 1, 0, 0));
  EXPECT_EQ(world.channel.sent[1].protocol, 1);
  EXPECT_EQ(world.channel.sent[0].id, 0u);  // nobody wants to know
  EXPECT_EQ(a.ctx->send(Text{"x"}, peer).error().code, ErrorCode::no_serializer);
  EXPECT_EQ(a.ctx->send(MessageBox(), peer).error().code, ErrorCode::bad_request);
  world.channel.refuse = Error{ErrorCode::offline, ""};
  EXPECT_EQ(a.ctx->send(Note{1}, peer).error().code, ErrorCode::offline);
  a.ctx->connect(peer);
  a.ctx->disconnect(peer);
  EXPECT_THAT(world.channel.connects, ElementsAre(peer));
  EXPECT_THAT(world.channel.disconnects, ElementsAre(peer));
}

TEST(Core, TellsTheEndOfSends) {
  World world;
  auto& a = world.add(1, "a", [&world](Scripted&, Context& ctx) {
    ctx.register_message_serializer<Note>();
    ctx.register_message_sent_handler<Note>([&world](const Note& note, const Host& to) {
      world.journal.push_back("sent " + std::to_string(note.number) + " to " + to.to_string());
    });
    ctx.register_message_failed_handler<Note>([&world](const Note& note, const Host&, const Error& error) {
      world.journal.push_back("lost " + std::to_string(note.number) + " " + std::string(myelin::name(error.code)));
    });
  });
  world.start();
  EXPECT_TRUE(a.ctx->send(Note{1}, peer));
  EXPECT_TRUE(a.ctx->send(Note{2}, peer));
  world.channel.refuse = Error{ErrorCode::mailbox_full, ""};
  EXPECT_FALSE(a.ctx->send(Note{3}, peer));  // never accepted, so never told
  world.core->failed(world.channel.sent[1].id, {ErrorCode::link_lost, ""});
  world.core->sent(world.channel.sent[0].id);
  world.core->sent(world.channel.sent[0].id);  // a channel that errs is not believed twice
  world.run();
  EXPECT_THAT(world.journal, ElementsAre("lost 2 link_lost", "sent 1 to 10.0.0.1:5001"));
}

// Through its serializer, so that what would not survive the wire does not survive this either.
struct Lossy {
  static constexpr MessageId id = 5;
  static constexpr std::string_view wire_name = "testing.Lossy";
  std::uint32_t kept = 0, lost = 0;
};

TEST(Core, SendsToItselfAsBytesWould) {
  World world({.mailbox_capacity = 2});
  auto& a = world.add(1, "a", [&world](Scripted&, Context& ctx) {
    ctx.register_message_serializer<Lossy>(
        Serializer<Lossy>{[](const Lossy& message, Writer& out) -> Result<void> {
                            if (message.kept == 99) return fail(ErrorCode::too_large);
                            out.scalar(message.kept);
                            return {};
                          },
                          [](Reader& in) -> Result<Lossy> { return Lossy{in.scalar<std::uint32_t>(), 0}; }});
    ctx.register_message_handler<Lossy>([&world](const Lossy& message, const Host& from) {
      world.journal.push_back(from.to_string() + " " + std::to_string(message.kept) + " " +
                              std::to_string(message.lost));
    });
    ctx.register_message_sent_handler<Lossy>([&world](const Lossy& message, const Host&) {
      world.journal.push_back("sent " + std::to_string(message.lost));
    });
  });
  world.start();
  EXPECT_TRUE(a.ctx->send(Lossy{1, 2}, a.ctx->self()));
  EXPECT_EQ(a.ctx->send(Lossy{99, 0}, a.ctx->self()).error().code, ErrorCode::mailbox_full);
  world.run();
  EXPECT_EQ(a.ctx->send(Lossy{99, 0}, a.ctx->self()).error().code, ErrorCode::too_large);
  EXPECT_EQ(a.ctx->send(Lossy{}, a.ctx->self(), 8).error().code, ErrorCode::no_such_protocol);
  EXPECT_THAT(world.journal, ElementsAre("self:1 1 0", "sent 2"));
  EXPECT_THAT(world.channel.sent, IsEmpty());
}

TEST(Core, WholeMessagesNeedTheirSerializerAllTheSame) {
  World world({}, true);
  unsigned handled = 0;
  auto& a = world.add(1, "a", [&handled](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([&handled](const Note& note, const Host&) { handled += note.number; });
  });
  world.start();
  EXPECT_EQ(a.ctx->send(Text{"x"}, peer).error().code, ErrorCode::no_serializer);
  EXPECT_TRUE(a.ctx->send(Note{3}, peer));
  EXPECT_THAT(world.channel.sent[0].bytes, IsEmpty());
  EXPECT_TRUE(world.core->message(peer, 1, world.channel.sent[0].box));
  EXPECT_TRUE(world.core->message(peer, 1, MessageBox::make(Text{"no handler"})));
  EXPECT_TRUE(world.core->message(peer, 6, MessageBox::make(Note{})));
  world.run();
  EXPECT_EQ(handled, 3u);
  EXPECT_THAT(world.dead, ElementsAre("unknown_protocol 10.0.0.1:5001", "unknown_message 10.0.0.1:5001"));
}

TEST(Core, PostsRunBeforeTheMailboxesInTheirOrder) {
  World world;
  auto& a = world.add(1, "a");
  world.start();
  a.ctx->defer([&world] { world.journal.push_back("event"); });
  world.core->post([&world] {
    world.journal.push_back("first");
    world.core->post([&world] { world.journal.push_back("third"); });
  });
  world.core->post([] { throw std::runtime_error("caught"); });
  world.core->post([&world] { world.journal.push_back("second"); });
  world.run();
  EXPECT_THAT(world.journal, ElementsAre("first", "second", "event", "third"));
}

TEST(Core, AnExperimentStopsItsRuntime) {
  World world;
  auto& a = world.add(1, "a");
  world.start();
  a.ctx->stop_runtime("converged");
  EXPECT_THAT(world.stops, IsEmpty());
  world.run();
  ASSERT_EQ(world.stops.size(), 1u);
  EXPECT_EQ(world.stops[0].kind, StopReason::Kind::experiment);
  EXPECT_EQ(world.stops[0].detail, "converged");
}

TEST(Core, ClosesAndDrainsItsMailboxes) {
  World world;
  unsigned handled = 0, timers = 0;
  auto& a = world.add(1, "a", [&](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([&handled](const Note&, const Host&) { ++handled; });
    ctx.start_timer(milliseconds(1), [&timers] { ++timers; });
  });
  world.start();
  for (unsigned i = 0; i < 1000; ++i) EXPECT_TRUE(world.core->message(peer, 1, 1, encoded(Note{i})));
  a.ctx->send(Note{7}, a.ctx->self()).value();
  world.core->close();
  EXPECT_FALSE(world.core->idle());
  EXPECT_TRUE(world.core->message(peer, 1, 1, encoded(Note{})));  // taken, and dropped
  world.core->session_connected(peer);
  world.advance(seconds(10));
  EXPECT_TRUE(world.core->idle());
  EXPECT_EQ(handled, 1001u);
  EXPECT_EQ(timers, 0u);
  EXPECT_THAT(world.journal, IsEmpty());
  EXPECT_THAT(world.dead, ElementsAre("stopping 10.0.0.1:5001"));
  EXPECT_EQ(world.executor.alarm, Instant::max());
}

TEST(Core, CancelsWithTenThousandMessagesQueued) {
  World world({.mailbox_capacity = 20000, .turn_events = 100});
  unsigned handled = 0;
  auto& a = world.add(1, "a", [&](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([&](const Note&, const Host&) {
      if (++handled == 50) world.core->cancel();  // from within
    });
  });
  world.start();
  for (unsigned i = 0; i < 10000; ++i) EXPECT_TRUE(world.core->message(peer, 1, 1, encoded(Note{i})));
  bool replied = false;
  a.ctx->request<int, int>(1, [&](const Result<int>&) { replied = true; });
  world.run();
  world.advance(seconds(100));
  EXPECT_EQ(handled, 50u);
  EXPECT_FALSE(replied);
  EXPECT_FALSE(world.core->ready());
  EXPECT_EQ(world.core->protocols()[0].queued, 0u);
  EXPECT_EQ(world.core->protocols()[0].state, "stopped");
  a.ctx->defer([&] { ++handled; });
  EXPECT_EQ(a.ctx->send(Note{}, peer).error().code, ErrorCode::stopping);
  world.run();
  EXPECT_EQ(handled, 50u);
}

TEST(Core, MetersItsProtocols) {
  std::int64_t clock = 0;
  World world({.stopwatch_ns = [&clock] { return clock; }});
  auto& a = world.add(1, "a", [&](Scripted&, Context& ctx) {
    ctx.register_message_handler<Note>([&clock](const Note&, const Host&) { clock += 7; });
  });
  world.start();
  a.ctx->metrics().add("rounds", 2);
  a.ctx->metrics().add("rounds");
  a.ctx->metrics().set("view", 4.5);
  a.ctx->metrics().observe("hops", 3);
  a.ctx->metrics().observe("hops", 5);
  for (int i = 0; i < 3; ++i) world.core->message(peer, 1, 1, encoded(Note{}));
  EXPECT_EQ(world.metric("mailbox.depth"), 3);
  world.run();
  const ProtocolStatus status = world.core->protocols()[0];
  EXPECT_EQ(status.name, "a");
  EXPECT_EQ(status.id, 1);
  EXPECT_EQ(status.state, "running");
  EXPECT_EQ(status.events, 4u);
  EXPECT_EQ(status.busy.count(), 21);
  EXPECT_EQ(world.metric("a.rounds"), 3);
  EXPECT_EQ(world.metric("a.view"), 4.5);
  EXPECT_EQ(world.metric("a.hops.count"), 2);
  EXPECT_EQ(world.metric("a.hops.sum"), 8);
  EXPECT_EQ(world.metric("a.hops.max"), 5);
  EXPECT_EQ(world.metric("message.dispatched"), 3);
  const auto metrics = world.core->metrics();
  EXPECT_TRUE(std::ranges::is_sorted(metrics));
}

TEST(Core, ASlowHandlerIsCounted) {
  std::int64_t clock = 0;
  World world({.stopwatch_ns = [&clock] { return clock; }});
  auto& a = world.add(1, "a");
  world.start();
  a.ctx->defer([&clock] { clock += 200'000'000; });
  a.ctx->defer([&clock] { clock += 1'000; });
  world.run();
  EXPECT_EQ(world.metric("strict.slow_handler"), 1);
}

TEST(Core, LogsUnderItsProtocolsName) {
  std::vector<std::string> lines;
  CoreConfig config;
  config.log_enabled = [](LogLevel level) { return level >= LogLevel::info; };
  config.log = [&lines](std::string_view component, std::string_view protocol, LogLevel, std::string_view event,
                        LogFields fields) {
    std::string line = std::string(component) + " " + std::string(protocol) + " " + std::string(event);
    for (const LogField& field : fields) line += " " + std::string(field.key) + "=" + field.value;
    lines.push_back(line);
  };
  World world(std::move(config));
  auto& a = world.add(1, "a");
  world.start();
  a.ctx->logger().info("hello", {{"count", 3}, {"host", peer}});
  a.ctx->logger().debug("unheard");
  EXPECT_FALSE(a.ctx->logger().enabled(LogLevel::debug));
  EXPECT_THAT(lines, ElementsAre("protocol a hello count=3 host=10.0.0.1:5001"));
}

TEST(Core, TheSimulatorSeesEachEvent) {
  unsigned events = 0, timers = 0;
  World world({.after_event = [&events] { ++events; }, .timer_fires = [&timers] { ++timers; }});
  auto& a = world.add(1, "a");
  world.add(2, "b");
  world.start();
  EXPECT_EQ(events, 2u);
  a.ctx->start_timer(milliseconds(1), [] {});
  const TimerId cancelled = a.ctx->start_timer(milliseconds(1), [] {});
  a.ctx->cancel_timer(cancelled);
  world.advance(milliseconds(1));
  EXPECT_EQ(timers, 1u);
  EXPECT_EQ(events, 3u);
  a.ctx->defer([] { throw std::runtime_error("crash"); });
  world.run();
  EXPECT_EQ(events, 4u);
}

struct Opaque {
  static constexpr MessageId id = 3;
  static constexpr std::string_view wire_name = "testing.Opaque";
};

TEST(Core, WatchersAreToldOfTypesAndSizes) {
  for (const bool whole : {false, true}) {
    World world({.keep_codecs = true}, whole);
    world.add(1, "a", [](Scripted&, Context& ctx) {
      ctx.register_message_handler<Text>([](const Text&, const Host&) {});
      ctx.register_message_serializer<Opaque>(
          Serializer<Opaque>{[](const Opaque&, Writer&) -> Result<void> { throw std::runtime_error("no"); }, {}});
    });
    world.start();
    EXPECT_THAT(world.journal, IsEmpty());
    EXPECT_EQ(world.core->message_type(wire_id("testing.Text")), &type_of<Text>());
    EXPECT_EQ(world.core->message_type(wire_id("testing.Note")), nullptr);
    EXPECT_EQ(world.core->encoded_size(MessageBox::make<Text>({"four"})), 5u);
    EXPECT_EQ(world.core->encoded_size(MessageBox::make<Note>({})), std::nullopt);
    EXPECT_EQ(world.core->encoded_size(MessageBox::make<Opaque>({})), std::nullopt);
  }
  World whole({}, true);
  whole.add(1, "a",
            [](Scripted&, Context& ctx) { ctx.register_message_handler<Text>([](const Text&, const Host&) {}); });
  whole.start();
  EXPECT_EQ(whole.core->encoded_size(MessageBox::make<Text>({"four"})), std::nullopt) << "kept without being asked for";
}

}  // namespace
}  // namespace myelin::protocol::testing
