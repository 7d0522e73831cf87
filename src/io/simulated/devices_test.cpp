// Files and child processes of the simulated world.
#include "io/simulated/testing.hpp"

#include <cctype>
#include <cerrno>
#include <csignal>
#include <gtest/gtest.h>

namespace myelin::io::simulated {
namespace {

using namespace testing;

struct Device {
  Device() : world(SimulatedWorld::create(1)), loop(world->add_host("h", ip("10.0.0.1")).add_loop()) {
    world->add_program("/bin/upper", 2s, [](const ChildSpec& spec) {
      std::string output = to_text(spec.input.view());
      for (char& c : output) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      for (const auto& argument : spec.arguments) output += " " + argument;
      return ChildEnd{
          .timed_out = false, .exit_code = 3, .signal = 0, .output = text(output), .errors = text("warned")};
    });
  }
  template <typename T>
  T run(Task<T> task) {
    return complete(*world, loop, std::move(task));
  }
  Duration elapsed() const { return world->now().time_since_epoch(); }
  std::unique_ptr<SimulatedWorld> world;
  Loop& loop;
};

ChildSpec upper() {
  ChildSpec spec;
  spec.program = "/bin/upper";
  spec.arguments = {"-x"};
  spec.input = text("quiet");
  return spec;
}

TEST(SimulatedFiles, DoWhatFilesDoAndTakeTime) {
  Device device;
  auto& files = device.loop.files();
  ASSERT_TRUE(device.run(files.make_directories("/home/keys", 0700)));
  EXPECT_GE(device.elapsed(), 50us);
  ASSERT_TRUE(device.run(files.write_atomic("/home/keys/id", text("secret"), 0600)));
  EXPECT_EQ(to_text(device.run(files.read("/home/keys/id", 100))->view()), "secret");
  EXPECT_EQ(device.run(files.read("/home/keys/id", 3)).error().code, ErrorCode::too_large);
  EXPECT_EQ(device.run(files.info("/home/keys/id"))->mode, 0600U);
  EXPECT_TRUE(device.run(files.info("/home/keys"))->directory);
  EXPECT_EQ(*device.run(files.list("/home/keys")), std::vector<std::string>{"id"});
  ASSERT_TRUE(device.run(files.remove("/home/keys/id")));
  const auto missing = device.run(files.read("/home/keys/id", 100));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::io);
  EXPECT_EQ(missing.error().detail, static_cast<std::uint32_t>(ENOENT));
}

TEST(SimulatedFiles, AWriteIsSeenAtItsEnd) {
  Device device;
  ASSERT_TRUE(device.run(device.loop.files().write_atomic("/f", text("old"), 0600)));
  Pending<Result<void>> writing(device.loop, device.loop.files().write_atomic("/f", text("new"), 0600));
  device.world->step();
  EXPECT_FALSE(writing.done());
  device.world->run_for(1s);
  ASSERT_TRUE(writing.done());
  EXPECT_EQ(to_text(device.run(device.loop.files().read("/f", 100))->view()), "new");
}

TEST(SimulatedChildren, EndAfterTheirDuration) {
  Device device;
  const auto end = device.run(device.loop.children().run(upper()));
  ASSERT_TRUE(end);
  EXPECT_EQ(device.elapsed(), 2s);
  EXPECT_EQ(to_text(end->output.view()), "QUIET -x");
  EXPECT_EQ(to_text(end->errors.view()), "warned");
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_FALSE(end->timed_out);
}

TEST(SimulatedChildren, OutputIsBounded) {
  Device device;
  auto spec = upper();
  spec.max_output_bytes = 4;
  const auto end = device.run(device.loop.children().run(std::move(spec)));
  ASSERT_TRUE(end);
  EXPECT_EQ(to_text(end->output.view()), "QUIE");
  EXPECT_EQ(to_text(end->errors.view()), "warn");
}

TEST(SimulatedChildren, AreKilledAtTheirLimits) {
  Device device;
  auto spec = upper();
  spec.wall_limit = 500ms;
  auto end = device.run(device.loop.children().run(spec));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->exit_code, -1);
  EXPECT_EQ(end->signal, SIGKILL);
  EXPECT_TRUE(end->output.empty());
  EXPECT_EQ(device.elapsed(), 500ms);

  spec.wall_limit = 10s;
  spec.cpu_limit_s = 1;
  end = device.run(device.loop.children().run(spec));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->signal, SIGXCPU);
  EXPECT_EQ(device.elapsed(), 1500ms);

  spec.cpu_limit_s = UINT64_MAX;
  EXPECT_FALSE(device.run(device.loop.children().run(spec))->timed_out);
}

TEST(SimulatedChildren, CanBeCancelled) {
  Device device;
  CancelSource source;
  Pending<Result<ChildEnd>> running(device.loop, device.loop.children().run(upper(), source.token()));
  device.world->run_for(1s);
  source.fire();
  device.world->run_for(1ms);
  ASSERT_TRUE(running.done());
  EXPECT_EQ(running.result().error().code, ErrorCode::cancelled);
}

TEST(SimulatedChildren, WhatIsNotRegisteredCannotBeStarted) {
  Device device;
  auto spec = upper();
  spec.program = "/bin/other";
  const auto end = device.run(device.loop.children().run(std::move(spec)));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::io);
  EXPECT_EQ(end.error().detail, static_cast<std::uint32_t>(ENOENT));
}

}  // namespace
}  // namespace myelin::io::simulated
