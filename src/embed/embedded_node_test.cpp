// The node inside a program: processes by the thousand. (What a program sees when it is installed:
// tests/e2e/embed_test.py.)
#include "myelin/node.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <iterator>
#include <unistd.h>

namespace myelin {
namespace {

std::vector<std::uint8_t> guest(const std::string& stem) {
  std::ifstream file(MYELIN_BINARY_DIR "/guests/" + stem + ".wasm", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class EmbeddedNode : public ::testing::Test {
 protected:
  EmbeddedNode() : home_(std::filesystem::temp_directory_path() / ("myelin-embed-test-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(home_);
    NodeOptions options;
    options.home = home_.string();
    options.shards = 2;
    options.compiler = MYELIN_BINARY_DIR "/bin/myelin-compile";
    auto started = Node::start(std::move(options));
    EXPECT_TRUE(started) << to_string(started.error());
    node = std::move(*started);
  }
  ~EmbeddedNode() override {
    node.reset();
    std::error_code ignored;
    std::filesystem::remove_all(home_, ignored);
  }
  Module load(const std::string& stem) {
    auto loaded = node->load(guest(stem));
    EXPECT_TRUE(loaded) << to_string(loaded.error());
    return *loaded;
  }
  std::unique_ptr<Node> node;

 private:
  std::filesystem::path home_;
};

TEST_F(EmbeddedNode, AnswersInTheOrderOfTheInputs) {
  const Module module = load("kernel_methods");
  std::vector<std::string> inputs;
  for (int i = 0; i < 500; ++i) inputs.push_back("input " + std::to_string(i));
  const auto answers = node->spawn_calls(module, "echo", inputs);
  ASSERT_EQ(answers.size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_TRUE(answers[i]) << to_string(answers[i].error());
    EXPECT_EQ(*answers[i], inputs[i]);
  }
  EXPECT_TRUE(node->processes().empty());
  EXPECT_TRUE(node->spawn_calls(module, "echo", {}).empty());
}

TEST_F(EmbeddedNode, EachFailureIsItsOwn) {
  const Module module = load("kernel_methods");
  const std::vector<std::string> inputs(3);
  for (const auto& answer : node->spawn_calls(module, "crash", inputs)) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::trapped);
  }
  SpawnOptions tiny;
  tiny.memory_bytes = 1;
  for (const auto& answer : node->spawn_calls(module, "echo", inputs, tiny))
    EXPECT_EQ(answer.error().code, ErrorCode::bad_request);
  const std::vector<std::string> long_input(1, std::string(1000, 'x'));
  CallOptions limits;
  limits.max_answer_bytes = 999;
  EXPECT_EQ(node->spawn_calls(module, "echo", long_input, {}, limits)[0].error().code, ErrorCode::too_large);
  EXPECT_TRUE(node->processes().empty());
}

TEST_F(EmbeddedNode, CallsBackWithoutBlocking) {
  const Module module = load("kernel_mailbox");
  constexpr int count = 50;
  std::atomic<int> left = count;
  std::promise<void> all;
  for (int i = 0; i < count; ++i) {
    const std::string input = std::to_string(i);
    node->spawn_call(module, "echo", input, [&left, &all, input](Result<std::string> answer) {
      EXPECT_TRUE(answer && *answer == input);
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().get();
  EXPECT_TRUE(node->processes().empty());
}

TEST_F(EmbeddedNode, SpawnsFromALoadedModule) {
  const Module module = load("kernel_methods");
  SpawnOptions named;
  named.name = "echo";
  auto pid = node->spawn(module, named);
  ASSERT_TRUE(pid) << to_string(pid.error());
  EXPECT_EQ(*node->call("echo", "echo", "Hello!"), "Hello!");
  EXPECT_EQ(*node->call(*node->spawn(guest("kernel_methods")), "echo", "again"), "again");
  EXPECT_TRUE(node->remove(*pid));
  EXPECT_EQ(node->load(std::vector<std::uint8_t>{1, 2, 3}).error().code, ErrorCode::invalid_module);
}

}  // namespace
}  // namespace myelin
