// A node and peers that are not nodes: the reference's raw protocol in both directions, and peers that break the rules.
#include "glia/call_session.hpp"
#include "identity/multibase.hpp"
#include "node/node_testing.hpp"

#include <algorithm>

namespace myelin::node::testing {
namespace {

using glia::CallerSession;

using Opened = Result<std::unique_ptr<libp2p::Stream>>;

class Peers : public ::testing::Test {
 protected:
  Peers() : node(world.add_node()), peer(world.add_bare()) {
    world.introduce(node, peer);
    pid = world.spawn_open(node, "kernel_methods", "guest").pid;
  }
  Opened open(std::string protocol) { return world.run(peer, peer.bare->open(node.node->id(), {std::move(protocol)})); }
  std::string path(const std::string& method) {
    return "/ww/0.1.0/" + node.node->id().to_string() + "/" + pid.to_string() + "/" + method;
  }
  // As the reference's clients call: all of the input, half-close, all of the output.
  ReadEnd raw_call(const std::string& protocol, const std::string& input) {
    auto stream = open(protocol);
    // A reset may come before the dialler has read the end of the negotiation, or has written its input.
    if (!stream) return {{}, fail(stream.error())};
    if (auto written = world.run(peer, (*stream)->write(Rope(Buffer::copy_of(input)))); !written) return {{}, written};
    if (auto closed = world.run(peer, (*stream)->close_write()); !closed) return {{}, closed};
    return world.run(peer, read_to_end(stream->get()));
  }
  // Writes `frames` on a new stream of /myelin/glia/1; the error that comes back.
  Error framed(const Rope& frames, bool close = false) {
    auto stream = open(glia::call_protocol);
    if (!stream) return stream.error();
    const auto written = world.run(peer, (*stream)->write(frames));
    if (written && close) EXPECT_TRUE(world.run(peer, (*stream)->close_write()));
    CallerSession session;
    while (true) {
      auto event = session.next();
      if (!event) return event.error();
      if (*event) {
        if (auto* error = std::get_if<Error>(&**event)) return *error;
        continue;
      }
      auto bytes = world.run(peer, (*stream)->read(64 * 1024));
      if (!bytes) return bytes.error();
      if (bytes->empty()) return {ErrorCode::io, "the end without an error", 0};
      session.feed(std::move(*bytes));
    }
  }
  Rope request(const std::string& to) {
    glia::CallRequest call;
    call.path = to;
    return *glia::encode_request(call);
  }

  NodeWorld world;
  Machine& node;
  Machine& peer;
  Pid pid;
};

TEST_F(Peers, ARawClientCalls) {
  const auto end = raw_call(path("echo"), "Hello, Wetware!");
  EXPECT_TRUE(end.end);
  EXPECT_EQ(end.bytes, "Hello, Wetware!");
  const std::string large(1 << 20, 'r');
  EXPECT_TRUE(raw_call(path("drain"), large).bytes == std::to_string(large.size()) + " 0");
  EXPECT_EQ(raw_call("/ww/0.1.0/" + node.node->id().to_cid_string() + "/guest/echo", "any spelling").bytes,
            "any spelling");
}

TEST_F(Peers, BothSpellingsOfTheProtocolAreAdvertised) {
  EXPECT_EQ(raw_call(path("echo"), "x").bytes, "x");
  world.world->run_for(1s);
  const auto peers = peer.bare->peers();
  ASSERT_EQ(peers.size(), 1u);
  for (const char* wanted : {"ww/0.1.0", "/ww/0.1.0", "/myelin/glia/1", "/myelin/message/1"}) {
    EXPECT_EQ(std::ranges::count(peers[0].protocols, wanted), 1) << wanted;
  }
}

TEST_F(Peers, WhatIsNotThereIsRefusedInNegotiation) {
  const std::string own = node.node->id().to_string();
  for (const std::string& protocol :
       {path("nothing"), path("malloc"), path("_start"), "/ww/0.1.0/" + own + "/" + Pid{}.to_string() + "/echo",
        "/ww/0.1.0/" + own + "/stranger/echo", "/ww/0.1.0/" + peer.bare->id().to_string() + "/guest/echo",
        "/ww/0.1.0/" + own + "/guest", path("echo") + "/x", path("echo") + "/", "/ww/0.1.00/" + own + "/guest/echo",
        "ww/0.1.0/" + own + "/guest/echo", std::string("/ww/0.1.0"), std::string("ww/0.1.0"),
        std::string("/ww/0.1.0foo")}) {
    const auto stream = open(protocol);
    ASSERT_FALSE(stream) << protocol;
    EXPECT_EQ(stream.error().code, ErrorCode::unsupported) << protocol << to_string(stream.error());
  }
}

TEST_F(Peers, AProcessIsFoundWhenItsSpawnHasEndedAndNoLonger) {
  const Pid fresh = world.spawn_open(node, "kernel_methods").pid;
  const std::string to = "/ww/0.1.0/" + node.node->id().to_string() + "/" + fresh.to_string() + "/echo";
  EXPECT_EQ(raw_call(to, "new").bytes, "new");
  EXPECT_TRUE(world.run(node, node.node->kernel().remove(*node.loop, fresh)));
  EXPECT_FALSE(open(to));
}

TEST_F(Peers, ARawOutputThatIsNotWholeIsReset) {
  for (const char* method : {"half", "crash", "exit3"}) EXPECT_FALSE(raw_call(path(method), "").end) << method;
  EXPECT_TRUE(raw_call(path("exit0"), "").end);
  kernel::SpawnSpec hidden;
  hidden.name = "hidden";
  world.spawn(node, "kernel_methods", hidden);
  EXPECT_FALSE(raw_call("/ww/0.1.0/" + node.node->id().to_string() + "/hidden/echo", "").end);
}

TEST_F(Peers, ARawClientThatLeavesHarmsNobody) {
  for (const bool half_closed : {false, true}) {
    auto stream = open(path(half_closed ? "spin" : "echo"));
    ASSERT_TRUE(stream);
    EXPECT_TRUE(world.run(peer, (*stream)->write(Rope(Buffer::copy_of("begun")))));
    if (half_closed) EXPECT_TRUE(world.run(peer, (*stream)->close_write()));
    world.world->run_for(100ms);
    (*stream)->reset();
    const Instant left = world.world->now();
    EXPECT_EQ(raw_call(path("echo"), "next").bytes, "next");
    EXPECT_LT(world.world->now() - left, 10s);
  }
}

TEST_F(Peers, RawPeersAreCalledRaw) {
  const std::string prefix = "/ww/0.1.0/" + peer.bare->id().to_string() + "/theirs/";
  std::vector<std::unique_ptr<libp2p::Stream>> streams;
  peer.bare->handle_match(
      "ww/0.1.0", [&](std::string_view protocol) { return protocol.starts_with(prefix); },
      [&](std::unique_ptr<libp2p::Stream> stream) {
        streams.push_back(std::move(stream));
        peer.scope->spawn([](libp2p::Stream* s) -> io::Task<void> {
          if (s->protocol().ends_with("/reset")) {
            s->reset();
            co_return;
          }
          auto input = co_await read_to_end(s);
          (void)co_await s->write(Rope(Buffer::copy_of("raw " + input.bytes)));
          (void)co_await s->close_write();
        }(streams.back().get()));
      });
  const auto call = [&](const char* process, const char* method) {
    return world.finish(world.start(node, world.spec_for(peer.bare->id(), process, method), "hi"));
  };
  const auto end = call("theirs", "echo");
  EXPECT_TRUE(end.result) << to_string(end.result.error());
  EXPECT_EQ(end.output, "raw hi");
  EXPECT_EQ(error_of(call("others", "echo")), ErrorCode::no_such_process);
  EXPECT_EQ(error_of(call("theirs", "reset")), ErrorCode::link_lost);
}

TEST_F(Peers, NothingIsForwardedForThem) {
  Machine& third = world.add_node();
  world.introduce(node, third);
  world.spawn_open(third, "kernel_methods", "guest");
  const Error why = framed(request("/ww/0.1.0/" + third.node->id().to_string() + "/guest/echo"));
  EXPECT_EQ(why.code, ErrorCode::forbidden);
  EXPECT_EQ(third.node->glia().metrics().calls_in, 0u);
}

TEST_F(Peers, BrokenRequestsAreAnswered) {
  EXPECT_EQ(framed(request("/ww/0.1.0/x")).code, ErrorCode::bad_request);
  EXPECT_EQ(framed(request("")).code, ErrorCode::bad_request);
  EXPECT_EQ(framed(request("/ww/0.1.0/" + node.node->id().to_string() + "/guest/nothing")).code,
            ErrorCode::no_such_method);
  EXPECT_EQ(framed(glia::frame(glia::FrameType::cancel)).code, ErrorCode::protocol);
  EXPECT_EQ(framed(Rope(Buffer::copy_of("garbage that is no frame")), true).code, ErrorCode::protocol);
  EXPECT_EQ(framed(Rope(Buffer::copy_of(std::string(500, 'g')))).code, ErrorCode::protocol);
  for (const std::size_t ones : {4u, 8u, 9u}) {
    Bytes length(ones, 0xff);
    length.push_back(0x01);
    EXPECT_EQ(framed(Rope(Buffer::copy_of(View(length)))).code, ErrorCode::too_large);
  }
  Bytes overflow(10, 0xff);
  overflow.push_back(0x01);
  EXPECT_EQ(framed(Rope(Buffer::copy_of(View(overflow)))).code, ErrorCode::protocol);
  EXPECT_EQ(framed(Rope(Buffer::copy_of("\x80")), true).code, ErrorCode::protocol);
  EXPECT_EQ(framed(Rope(Buffer::copy_of("\x05\x01")), true).code, ErrorCode::protocol);
  EXPECT_EQ(raw_call(path("echo"), "still here").bytes, "still here");
}

TEST_F(Peers, ABrokenInputEndsTheCallNotTheProcess) {
  const std::string to = path("echo");
  Rope twice = request(to);
  twice.append(request(to));
  EXPECT_EQ(framed(twice).code, ErrorCode::protocol);
  EXPECT_EQ(framed(request(to), true).code, ErrorCode::protocol) << "a stream that ends before END";
  Rope huge = request(to);
  huge.append(Buffer::copy_of(View(Bytes{0xff, 0xff, 0xff, 0xff, 0x0f})));
  EXPECT_EQ(framed(huge).code, ErrorCode::too_large);
  EXPECT_GE(node.node->glia().metrics().protocol_errors, 3u);
  EXPECT_EQ(raw_call(to, "still here").bytes, "still here");
}

TEST_F(Peers, AStreamWithoutARequestIsClosedInTime) {
  auto stream = open(glia::call_protocol);
  ASSERT_TRUE(stream);
  ASSERT_TRUE(world.run(peer, (*stream)->write(Rope(Buffer::copy_of("\x05")))));
  const auto end = world.run(peer, read_to_end(stream->get()), 30s);
  EXPECT_FALSE(end.end && end.bytes.empty());
}

TEST_F(Peers, PathsOfAnyOtherShapeAreBadRequests) {
  const std::string own = "/ww/0.1.0/" + node.node->id().to_string();
  for (const std::string& bad :
       {std::string("/ww/0.1.0"), own, own + "/guest", own + "/guest/echo/x", own + "/guest/echo/", own + "//echo",
        own + "/0OIl/echo", own + "/" + std::string(41, '2') + "A/echo", own + "/guest/" + std::string(200, 'e'),
        own + "/guest/e%63ho", std::string("/ww/0.1.0/nopeer/guest/echo"),
        "ww/0.1.0/" + own.substr(10) + "/guest/echo"}) {
    EXPECT_EQ(framed(request(bad)).code, ErrorCode::bad_request) << bad;
    EXPECT_FALSE(open(bad)) << bad;
  }
  EXPECT_EQ(raw_call(path("count"), "").bytes, "1") << "none of them reached it";
}

TEST_F(Peers, EverySpellingOfThisNodeIsThisNode) {
  using identity::Base;
  const View id = node.node->id().bytes();
  Bytes cid{0x01, 0x72};
  cid.insert(cid.end(), id.begin(), id.end());
  int calls = 0;
  for (const Base base : {Base::base16, Base::base16_upper, Base::base32, Base::base32_upper, Base::base36,
                          Base::base36_upper, Base::base58btc}) {
    const std::string to = "/ww/0.1.0/" + identity::multibase_encode(base, cid) + "/guest/";
    EXPECT_EQ(raw_call(to + "count", "").bytes, std::to_string(++calls)) << to;
    EXPECT_EQ(framed(request(to + "nothing")).code, ErrorCode::no_such_method) << to;
  }
  cid[1] = 0x55;  // a CID of something that is no peer
  EXPECT_EQ(framed(request("/ww/0.1.0/" + identity::multibase_encode(Base::base36, cid) + "/guest/count")).code,
            ErrorCode::bad_request);
}

// However it leaves and whatever the policy, the next caller finds the process.
TEST_F(Peers, ACallerThatLeavesUnderEveryPolicy) {
  enum class Leaves { cancel, reset, raw_reset };
  for (const auto policy :
       {kernel::RestartPolicy::never, kernel::RestartPolicy::on_failure, kernel::RestartPolicy::always}) {
    kernel::SpawnSpec spec;
    spec.access.anyone = true;
    spec.restart = policy;
    const Pid target = world.spawn(node, "kernel_methods", spec).pid;
    const std::string base = "/ww/0.1.0/" + node.node->id().to_string() + "/" + target.to_string() + "/";
    for (const Leaves how : {Leaves::cancel, Leaves::reset, Leaves::raw_reset}) {
      for (const char* method : {"spin", "echo"}) {
        auto stream = open(how == Leaves::raw_reset ? base + method : std::string(glia::call_protocol));
        ASSERT_TRUE(stream);
        if (how != Leaves::raw_reset) EXPECT_TRUE(world.run(peer, (*stream)->write(request(base + method))));
        world.world->run_for(100ms);
        if (how == Leaves::cancel) EXPECT_TRUE(world.run(peer, (*stream)->write(glia::frame(glia::FrameType::cancel))));
        world.world->run_for(1ms);
        (*stream)->reset();
        EXPECT_EQ(raw_call(base + "echo", "next").bytes, "next")
            << kernel::name(policy) << " " << static_cast<int>(how) << " " << method;
      }
    }
    const auto info = world.run(node, node.node->kernel().inspect(*node.loop, target));
    ASSERT_TRUE(info);
    EXPECT_EQ(info->state, kernel::ProcessState::ready);
  }
}

// A peer that opens streams and never reads leaves the node answering.
TEST_F(Peers, PeersThatNeverRead) {
  Machine& friendly = world.add_node();
  world.introduce(node, friendly);
  const Pid other = world.spawn_open(node, "kernel_methods", "other").pid;
  std::vector<std::unique_ptr<libp2p::Stream>> streams;
  for (int i = 0; i < 50; ++i) {
    auto stream = open(glia::call_protocol);
    ASSERT_TRUE(stream);
    ASSERT_TRUE(world.run(peer, (*stream)->write(request(path("flood")))));
    streams.push_back(std::move(*stream));
  }
  world.world->run_for(5s);
  EXPECT_EQ(world.call(friendly, node, other, "echo", "hi").output, "hi");
  streams.clear();
  world.world->run_for(60s);
  EXPECT_EQ(world.call(friendly, node, pid, "echo", "hi").output, "hi");
}

}  // namespace
}  // namespace myelin::node::testing
