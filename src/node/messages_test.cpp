// Kernel messages between two nodes: guest to guest, in order, at most once.
#include "node/node_testing.hpp"

namespace myelin::node::testing {
namespace {

class Messages : public ::testing::Test {
 protected:
  Messages() : a(world.add_node()), b(world.add_node()) {
    world.introduce(a, b);
    world.spawn_open(a, "kernel_mailbox", "near");
    far = world.spawn_open(b, "kernel_mailbox", "far").pid;
  }
  std::string at_b(const std::string& rest) { return b.node->id().to_string() + "/" + rest; }
  kernel::Message message(const std::string& method, const std::string& body = {}, std::size_t payload_bytes = 0) {
    kernel::Message made;
    made.id = ++last_id;
    made.source = {a.node->id(), std::string("near")};
    made.target = {b.node->id(), std::string("far")};
    made.method = method;
    made.body = Buffer::copy_of(body);
    if (payload_bytes > 0) made.payload.bytes = Rope(Buffer::copy_of(View(Bytes(payload_bytes, 'p'))));
    return made;
  }
  // Straight into A's route, as its kernel does.
  void send(kernel::Message made, std::optional<kernel::Outcome>* out) {
    a.node->glia().request(std::move(made),
                           [this, out](kernel::Outcome outcome) {
                             ++ended;
                             out->emplace(std::move(outcome));
                           },
                           {});
  }
  kernel::Outcome request(kernel::Message made) {
    std::optional<kernel::Outcome> out;
    send(std::move(made), &out);
    EXPECT_TRUE(world.world->run_until([&] { return out.has_value(); }, 600s));
    return out ? std::move(*out) : kernel::Outcome(fail(ErrorCode::io, "no outcome"));
  }

  NodeWorld world;
  Machine& a;
  Machine& b;
  Pid far;
  std::uint64_t last_id = 0;
  int ended = 0;
};

TEST_F(Messages, GuestToGuestAndBack) {
  EXPECT_EQ(world.ask(a, "near", "forward", at_b("far echo hello")), "response hello");
  EXPECT_EQ(world.ask(a, "near", "forward", at_b(far.to_string() + " echo by-pid")), "response by-pid");
  EXPECT_EQ(world.ask(a, "near", "one_way", at_b("far hold x")), "response ");
  EXPECT_TRUE(world.ask(a, "near", "forward", at_b("far refuse")).starts_with("error 3 0 "));
  EXPECT_TRUE(world.ask(a, "near", "forward", at_b("far refuse7")).starts_with("error 11 7 "));
}

TEST_F(Messages, TheSourceIsTheAuthenticatedPeer) {
  const std::string seen = world.ask(a, "near", "forward", at_b("far describe"));
  EXPECT_NE(seen.find("caller=peer " + a.node->id().to_string()), std::string::npos) << seen;
  EXPECT_NE(seen.find("source=" + a.node->id().to_string() + "/"), std::string::npos) << seen;
  kernel::Message forged = message("describe");
  forged.source.node = b.node->id();
  const auto outcome = request(std::move(forged));
  ASSERT_TRUE(outcome);
  EXPECT_NE(to_text(outcome->body.view()).find("source=" + a.node->id().to_string() + "/near"), std::string::npos);
}

TEST_F(Messages, WhatIsNotThereIsTold) {
  EXPECT_TRUE(world.ask(a, "near", "forward", at_b("nobody echo")).starts_with("error 4 "));
  EXPECT_TRUE(
      world.ask(a, "near", "forward", kernel::testing::peer(9).to_string() + "/far echo").starts_with("error 12 "));
  kernel::SpawnSpec hidden;
  hidden.name = "hidden";
  world.spawn(b, "kernel_mailbox", hidden);
  EXPECT_TRUE(world.ask(a, "near", "forward", at_b("hidden echo")).starts_with("error 3 "));
}

TEST_F(Messages, PayloadsTravelBothWays) {
  const auto outcome = request(message("double", "", 1'000'000));
  ASSERT_TRUE(outcome) << to_string(outcome.error());
  EXPECT_EQ(outcome->payload.mime, "text/doubled");
  EXPECT_EQ(std::get<Rope>(outcome->payload.bytes).size(), 2'000'000u);
}

TEST_F(Messages, ArriveInOrderUnderLoss) {
  io::LinkModel link;
  link.loss = 0.05;
  link.jitter = 3ms;
  world.world->set_default_link(link);
  std::vector<std::optional<kernel::Outcome>> outcomes(60);
  std::vector<int> order;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    // Sizes differ, so that only the channel keeps the order.
    a.node->glia().request(message("seen", "", i % 7 == 0 ? 100'000 : 0),
                           [&, i](kernel::Outcome outcome) {
                             order.push_back(outcome ? std::stoi(to_text(outcome->body.view())) : -1);
                             outcomes[i].emplace(std::move(outcome));
                           },
                           {});
  }
  ASSERT_TRUE(world.world->run_until([&] { return order.size() == outcomes.size(); }, 600s));
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    ASSERT_TRUE(*outcomes[i]) << to_string(outcomes[i]->error());
    EXPECT_EQ(to_text((*outcomes[i])->body.view()), std::to_string(i + 1)) << "message " << i;
  }
}

TEST_F(Messages, TheDeadlineTravelsAndHolds) {
  kernel::Message held = message("hold");
  const Instant begun = world.world->now();
  held.deadline = begun + 400ms;
  EXPECT_EQ(request(std::move(held)).error().code, ErrorCode::timeout);
  EXPECT_LT(world.world->now() - begun, 450ms);
  world.world->run_for(1s);
  EXPECT_EQ(to_text(request(message("echo", "after")).value().body.view()), "after");
}

TEST_F(Messages, ALostLinkEndsEachOnceAndSendsNoneAgain) {
  std::vector<std::optional<kernel::Outcome>> outcomes(5);
  for (auto& outcome : outcomes) send(message("hold"), &outcome);
  world.world->run_for(1s);
  EXPECT_EQ(ended, 0);
  world.world->set_partitioned(a.host->address(), b.host->address(), true);
  world.world->set_partitioned(b.host->address(), a.host->address(), true);
  ASSERT_TRUE(world.world->run_until([&] { return ended == 5; }, 300s));
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome->error().code, ErrorCode::link_lost);
  world.world->set_partitioned(a.host->address(), b.host->address(), false);
  world.world->set_partitioned(b.host->address(), a.host->address(), false);
  world.world->run_for(120s);
  const auto seen = request(message("seen"));
  ASSERT_TRUE(seen) << to_string(seen.error());
  EXPECT_EQ(to_text(seen->body.view()), "6") << "five held, and this one";
  EXPECT_EQ(ended, 6);
}

class RoomBetweenNodes : public Messages {
 protected:
  // A process on B whose mailbox holds `messages`, and is full.
  void fill(std::uint32_t messages) {
    kernel::SpawnSpec small;
    small.name = "small";
    small.limits.queue_messages = messages;
    small.access.anyone = true;
    full = world.spawn(b, "kernel_mailbox", small).pid;
    held.resize(messages);
    for (auto& outcome : held) send(to_small("hold"), &outcome);
    world.world->run_for(1s);
    EXPECT_EQ(ended, 0);
  }
  kernel::Message to_small(const std::string& method) {
    kernel::Message made = message(method);
    made.target.process = std::string("small");
    return made;
  }
  void release() { EXPECT_TRUE(world.run(b, b.node->kernel().signal(*b.loop, full, kernel::Signal::restart))); }
  Pid full;
  std::vector<std::optional<kernel::Outcome>> held;
};

TEST_F(RoomBetweenNodes, AGuestIsToldOnce) {
  fill(4);
  const std::uint64_t asked = 1'000'001;
  kernel::Message forward = message("forward", at_b("small echo x"));
  forward.id = asked;
  forward.target = {a.node->id(), std::string("near")};
  forward.principal.kind = kernel::Principal::Kind::operator_;
  std::optional<kernel::Outcome> forwarded;
  a.node->kernel().request(*a.loop, std::move(forward),
                           [&forwarded](kernel::Outcome outcome) { forwarded.emplace(std::move(outcome)); });
  world.world->run_for(2s);
  EXPECT_FALSE(forwarded) << "it was told that room will follow, and waits";
  release();
  world.world->run_for(1s);
  ASSERT_TRUE(forwarded);
  ASSERT_TRUE(*forwarded) << to_string(forwarded->error());
  EXPECT_EQ(to_text((*forwarded)->body.view()), "room at " + at_b("small"));
}

TEST_F(RoomBetweenNodes, OneOfEachPairHasThePromise) {
  fill(4);
  int told = 0;
  std::vector<kernel::Outcome> outcomes;
  for (int i = 0; i < 3; ++i)
    a.node->glia().request(
        to_small("echo"), [&outcomes](kernel::Outcome outcome) { outcomes.push_back(std::move(outcome)); },
        [&told] { ++told; });
  world.world->run_for(2s);
  ASSERT_EQ(outcomes.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(outcomes[i].error().detail, i == 0 ? kernel::room_follows : 0u) << i;
  EXPECT_EQ(told, 0);
  release();
  world.world->run_for(1s);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(request(to_small("echo")));
}

TEST_F(RoomBetweenNodes, ALostLinkTellsThemToTryAgain) {
  fill(4);
  int told = 0;
  std::optional<kernel::Outcome> refused;
  a.node->glia().request(
      to_small("echo"), [&refused](kernel::Outcome outcome) { refused.emplace(std::move(outcome)); },
      [&told] { ++told; });
  world.world->run_for(1s);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error().code, ErrorCode::mailbox_full);
  world.world->run_for(300s);
  EXPECT_EQ(told, 0) << "a channel with an open promise is not quiet";
  world.world->set_partitioned(a.host->address(), b.host->address(), true);
  world.world->set_partitioned(b.host->address(), a.host->address(), true);
  ASSERT_TRUE(world.world->run_until([&] { return told == 1; }, 300s));
  EXPECT_EQ(ended, 4) << "those that were held are lost";
}

TEST_F(Messages, AQuietChannelIsClosedAndOpenedAgain) {
  EXPECT_TRUE(request(message("echo", "1")));
  world.world->run_for(180s);
  EXPECT_EQ(b.node->host().peers().at(0).streams, 0u);
  EXPECT_TRUE(request(message("echo", "2")));
}

TEST_F(Messages, BothDirectionsAtOnce) {
  EXPECT_EQ(world.ask(b, "far", "forward", a.node->id().to_string() + "/near echo back"), "response back");
  EXPECT_EQ(world.ask(a, "near", "forward", at_b("far echo forth")), "response forth");
}

TEST_F(Messages, APeerThatDoesNotSpeakIt) {
  Machine& bare = world.add_bare();
  world.introduce(a, bare);
  kernel::Message made = message("echo");
  made.target.node = bare.bare->id();
  EXPECT_EQ(request(std::move(made)).error().code, ErrorCode::unsupported);
}

TEST_F(Messages, StoppingEndsThem) {
  std::optional<kernel::Outcome> held;
  send(message("hold"), &held);
  world.world->run_for(1s);
  world.run(a, a.node->stop());
  ASSERT_TRUE(held);
  EXPECT_EQ(held->error().code, ErrorCode::stopping);
}

}  // namespace
}  // namespace myelin::node::testing
