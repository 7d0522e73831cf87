// The configuration file: the seed's schema, defaults, and errors that name the place.
#include "protocol/config.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace myelin::protocol {
namespace {

FileConfig good(std::string_view text) {
  auto config = parse_config(text, "node.yaml");
  EXPECT_TRUE(config) << to_string(config.error());
  return config.value_or(FileConfig{});
}

std::string bad(std::string_view text) {
  const auto config = parse_config(text, "node.yaml");
  if (config) return "no error";
  EXPECT_EQ(config.error().code, ErrorCode::bad_request);
  return config.error().message;
}

TEST(ProtocolConfig, TheReadmesExampleIsRead) {
  const FileConfig config = good(R"(
logging:
  level: debug          # debug, info, warn, error
  components: ["protocol"] # runtime, session, transport, protocol
  format: text          # text or json

runtime:
  self:
    ip: 127.0.0.1
    port: 5001
  peer:
    ip: 127.0.0.1
    port: 5002
)");
  EXPECT_EQ(config.log.level, LogLevel::debug);
  EXPECT_EQ(config.log.components, std::vector<std::string>{"protocol"});
  EXPECT_EQ(config.log.format, LogOptions::Format::text);
  EXPECT_EQ(config.self_ip, "127.0.0.1");
  EXPECT_EQ(config.self_port, 5001);
  EXPECT_EQ(config.peer_ip, "127.0.0.1");
  EXPECT_EQ(config.peer_port, 5002);
  EXPECT_EQ(config.wire, Wire::w0);
}

TEST(ProtocolConfig, WhatIsLeftOutHasItsDefault) {
  for (const std::string_view text : {"", "{}", "logging:\nruntime:\n", "# nothing\n"}) {
    const FileConfig config = good(text);
    EXPECT_EQ(config.log.level, LogLevel::info);
    EXPECT_TRUE(config.log.components.empty());
    EXPECT_FALSE(config.self_port);
    EXPECT_EQ(config.mailbox_capacity, 1024u);
  }
}

TEST(ProtocolConfig, TheRestOfTheKeys) {
  const FileConfig config =
      good("logging: {format: json}\nruntime: {wire: w3, mailboxCapacity: 7, queueBytes: 65536, self: {port: 0}}\n");
  EXPECT_EQ(config.log.format, LogOptions::Format::json);
  EXPECT_EQ(config.wire, Wire::w3);
  EXPECT_EQ(config.mailbox_capacity, 7u);
  EXPECT_EQ(config.queue_bytes, 65536u);
  EXPECT_EQ(config.self_port, 0);
  EXPECT_EQ(good("runtime:\n  channelBuffer: 10\n").mailbox_capacity, 10u);
}

TEST(ProtocolConfig, ErrorsNameThePlace) {
  EXPECT_EQ(bad("logging:\n  levl: debug\n"),
            "node.yaml:2:3: unknown key 'levl' in logging: there are level, components or format");
  EXPECT_EQ(bad("looging: 1\n"), "node.yaml:1:1: unknown key 'looging' in the file: there are logging or runtime");
  EXPECT_EQ(bad("logging:\n  level: loud\n"),
            "node.yaml:2:10: logging.level is debug, info, warn or error, not 'loud'");
  EXPECT_EQ(bad("logging:\n  components: protocol\n"), "node.yaml:2:15: logging.components is a list");
  EXPECT_EQ(bad("logging:\n  components: [protocol, sessions]\n"),
            "node.yaml:2:26: a component is runtime, session, transport or protocol, not 'sessions'");
  EXPECT_EQ(bad("runtime:\n  self:\n    port: many\n"),
            "node.yaml:3:11: runtime.self.port is a number from 0 to 65535, not 'many'");
  EXPECT_EQ(bad("runtime:\n  peer: {port: 0}\n"),
            "node.yaml:2:16: runtime.peer.port is a number from 1 to 65535, not '0'");
  EXPECT_EQ(bad("runtime:\n  self: {port: 70000}\n"),
            "node.yaml:2:16: runtime.self.port is a number from 0 to 65535, not '70000'");
  EXPECT_EQ(bad("runtime:\n  self: {ip: here}\n"), "node.yaml:2:14: runtime.self.ip is an IP address, not 'here'");
  EXPECT_EQ(bad("runtime:\n  self: 5\n"), "node.yaml:2:9: runtime.self is a map of keys");
  EXPECT_EQ(bad("runtime: [1]\n"), "node.yaml:1:10: runtime is a map of keys");
  EXPECT_EQ(bad("logging:\n  level: info\n  level: debug\n"), "node.yaml:3:3: key 'level' stands twice");
  EXPECT_EQ(bad("logging: {level: [a]}\n"), "node.yaml:1:18: logging.level is a single value");
  EXPECT_TRUE(bad("logging: {level: \n").starts_with("node.yaml:"));
  EXPECT_TRUE(bad(std::string(2'000'000, ' ')).starts_with("node.yaml:"));
}

TEST(ProtocolConfig, AFileThatIsMissingIsNamed) {
  const auto missing = load_config("/nonexistent/node.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::io);
  EXPECT_NE(missing.error().message.find("/nonexistent/node.yaml"), std::string::npos);
  const auto folder = load_config(std::filesystem::temp_directory_path().string());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::io);
}

TEST(ProtocolConfig, AFileIsRead) {
  const auto path = std::filesystem::temp_directory_path() / ("myelin-config-" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(path) << "runtime: {self: {port: 9}}\n";
  const auto config = load_config(path.string());
  std::filesystem::remove(path);
  ASSERT_TRUE(config) << to_string(config.error());
  EXPECT_EQ(config->self_port, 9);
}

}  // namespace
}  // namespace myelin::protocol
