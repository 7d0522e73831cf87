// One node: its home, its start and its end.
#include "node/node.hpp"

#include "io/files.hpp"
#include "node/home.hpp"
#include "node/node_testing.hpp"

namespace myelin::node::testing {
namespace {

Result<std::unique_ptr<Node>> try_start(NodeWorld& world, Machine& machine, Config config) {
  return world.run(machine, Node::start(machine.loops, std::move(config), &kernel::testing::shared_engine()));
}

TEST(Node, KeepsItsIdentity) {
  NodeWorld world;
  Machine& machine = world.add_node();
  const identity::PeerId id = machine.node->id();
  const Pid root = machine.node->root_pid();
  const std::string token = machine.node->token();
  EXPECT_EQ(token.size(), 64u);
  EXPECT_TRUE(machine.node->ready());
  for (const auto& [file, mode] : {std::pair{"key", 0600u}, {"token", 0600u}, {"root", 0644u}}) {
    const auto info = world.run(machine, machine.loop->files().info(std::string("/home/myelin/") + file));
    ASSERT_TRUE(info) << file;
    EXPECT_EQ(info->mode, mode) << file;
  }
  EXPECT_EQ(world.run(machine, machine.loop->files().info("/home/myelin"))->mode, 0700u);
  world.run(machine, machine.node->stop());
  EXPECT_FALSE(machine.node->ready());
  machine.node.reset();
  world.add_node(machine, world.config_for(machine));
  EXPECT_EQ(machine.node->id(), id);
  EXPECT_EQ(machine.node->root_pid(), root);
  EXPECT_EQ(machine.node->token(), token);
}

TEST(Node, NodesDiffer) {
  NodeWorld world;
  Machine& a = world.add_node();
  Machine& b = world.add_node();
  EXPECT_NE(a.node->id(), b.node->id());
  EXPECT_NE(a.node->token(), b.node->token());
  EXPECT_NE(a.node->root_pid(), b.node->root_pid());
}

TEST(Node, RefusesSecretsThatOthersCanRead) {
  for (const char* file : {"key", "token"}) {
    for (const std::uint32_t mode : {0640u, 0604u, 0644u}) {
      NodeWorld world;
      Machine& machine = world.add_machine();
      const std::string path = std::string("/home/myelin/") + file;
      ASSERT_TRUE(world.run(machine, machine.loop->files().make_directories("/home/myelin", 0700)));
      ASSERT_TRUE(world.run(machine, machine.loop->files().write_atomic(path, Buffer::copy_of("x"), mode)));
      const auto started = try_start(world, machine, world.config_for(machine));
      ASSERT_FALSE(started);
      EXPECT_EQ(started.error().code, ErrorCode::forbidden);
      EXPECT_TRUE(started.error().message.starts_with("home: " + path)) << started.error().message;
    }
  }
}

TEST(Node, RefusesAHomeThatOthersCanChange) {
  for (const std::uint32_t mode : {0770u, 0702u, 0777u}) {
    NodeWorld world;
    Machine& machine = world.add_machine();
    ASSERT_TRUE(world.run(machine, machine.loop->files().make_directories("/home/myelin", mode)));
    const auto started = try_start(world, machine, world.config_for(machine));
    ASSERT_FALSE(started) << mode;
    EXPECT_EQ(started.error().code, ErrorCode::forbidden);
    EXPECT_TRUE(started.error().message.starts_with("home: /home/myelin")) << started.error().message;
  }
}

TEST(Node, RefusesFilesThatHoldSomethingElse) {
  for (const char* file : {"key", "token", "root"}) {
    for (const char* content : {"", "\n", "not base58 0OIl", "1111"}) {
      NodeWorld world;
      Machine& machine = world.add_machine();
      const std::string path = std::string("/home/myelin/") + file;
      ASSERT_TRUE(world.run(machine, machine.loop->files().make_directories("/home/myelin", 0700)));
      ASSERT_TRUE(world.run(machine, machine.loop->files().write_atomic(path, Buffer::copy_of(content), 0600)));
      const auto started = try_start(world, machine, world.config_for(machine));
      ASSERT_FALSE(started) << file << content;
      EXPECT_EQ(started.error().code, ErrorCode::bad_request);
    }
  }
}

TEST(Node, AKeyIsTextThatOthersWriteToo) {
  std::array<std::uint8_t, 32> seed{};
  seed[5] = 7;
  const auto pair = identity::KeyPair::ed25519(seed);
  const std::string text = write_key(pair);
  const auto bytes = base58_decode(text, 1024);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(to_hex(View(*bytes).first(4)), "08011240");
  EXPECT_EQ(bytes->size(), 68u);
  const auto again = read_key(text + "\n");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->peer_id(), pair.peer_id());
}

TEST(Node, EveryStepNamesItself) {
  NodeWorld world;
  Machine& machine = world.add_machine();
  Config config = world.config_for(machine);
  config.listen = {"/ip4/10.9.9.9/udp/1"};
  auto started = try_start(world, machine, config);
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().message.starts_with("listen: /ip4/10.9.9.9/udp/1: ")) << started.error().message;
  config = world.config_for(machine);
  config.static_peers = {"/ip4/10.0.0.9/tcp/1"};
  started = try_start(world, machine, config);
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().message.starts_with("static peers: ")) << started.error().message;
  config = world.config_for(machine);
  config.processes.resize(1);
  config.processes[0].file = "missing.wasm";
  started = try_start(world, machine, config);
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().message.starts_with("processes: /home/myelin/missing.wasm: ")) << started.error().message;
  // What failed has left nothing behind: the same address is free.
  EXPECT_TRUE(world.add_node(machine, world.config_for(machine)).node->ready());
}

TEST(Node, StartsWithItsProcesses) {
  NodeWorld world;
  Machine& machine = world.add_machine();
  ASSERT_TRUE(world.run(machine, machine.loop->files().make_directories("/home/myelin", 0700)));
  ASSERT_TRUE(world.run(machine, machine.loop->files().write_atomic("/home/myelin/echo.wasm",
                                                                    kernel::testing::guest("kernel_methods"), 0644)));
  Config config = world.config_for(machine);
  config.processes.resize(1);
  config.processes[0].file = "echo.wasm";
  config.processes[0].spec.name = "echo";
  world.add_node(machine, config);
  EXPECT_EQ(world.call(machine, machine, "echo", "echo", "hi").output, "hi");
}

TEST(Node, DrainsThenStops) {
  NodeWorld world;
  Machine& machine = world.add_node();
  world.spawn_open(machine, "kernel_methods", "echo");
  auto& under_way = world.start(machine, world.spec_for(machine.node->id(), "echo", "echo"), "begun", false);
  world.world->run_for(1s);
  bool drained = false;
  machine.scope->spawn([](Node* node, bool* done) -> io::Task<void> {
    co_await node->drain(30s);
    *done = true;
  }(machine.node.get(), &drained));
  world.world->run_for(1s);
  EXPECT_FALSE(machine.node->ready());
  EXPECT_FALSE(drained);
  EXPECT_EQ(error_of(world.call(machine, machine, "echo", "echo", "new")), ErrorCode::stopping);
  under_way.call->input().close();
  EXPECT_EQ(world.finish(under_way).output, "begun");
  world.world->run_for(1s);
  EXPECT_TRUE(drained);
}

TEST(Node, StopEndsWhatIsUnderWay) {
  NodeWorld world;
  Machine& a = world.add_node();
  Machine& b = world.add_node();
  world.introduce(a, b);
  world.spawn_open(b, "kernel_methods", "echo");
  auto& out = world.start(a, world.spec_for(b.node->id(), "echo", "echo"), "begun", false);
  auto& in = world.start(b, world.spec_for(b.node->id(), "echo", "echo"), "begun", false);
  world.world->run_for(1s);
  EXPECT_FALSE(out.ended() || in.ended());
  world.run(a, a.node->stop());
  EXPECT_EQ(error_of(world.finish(out)), ErrorCode::stopping);
  world.run(b, b.node->stop());
  EXPECT_EQ(error_of(world.finish(in)), ErrorCode::stopping);
  world.run(b, b.node->stop());
}

}  // namespace
}  // namespace myelin::node::testing
