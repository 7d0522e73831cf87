#include "base/log.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace myelin::log {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void use(Config config) {
    config.sink = [this](std::string_view line) { lines.emplace_back(line); };
    config.wall_ns = [] { return std::int64_t{1'795'514'400'123'456'789}; };
    configure(std::move(config));
  }
  void TearDown() override { configure({}); }
  std::vector<std::string> lines;
};

TEST_F(LogTest, WritesTextLines) {
  use({});
  info("kernel", "spawned", {{"pid", "3xRb"}, {"count", std::uint64_t{7}}, {"name", "two words"}});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "2026-11-24T10:00:00.123Z INFO kernel spawned pid=3xRb count=7 name=\"two words\"");
}

TEST_F(LogTest, WritesJsonLines) {
  Config config;
  config.format = Format::json;
  use(std::move(config));
  warn("io", "odd", {{"text", "say \"hi\"\n\x01"}});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(
      lines[0],
      R"({"time":"2026-11-24T10:00:00.123Z","level":"WARN","component":"io","event":"odd","text":"say \"hi\"\n\u0001"})");
}

TEST_F(LogTest, AForeignValueCannotForgeALine) {
  use({});
  info("http", "request", {{"path", "/x\n2026 ERROR kernel forged=1"}});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].find('\n'), std::string::npos);
}

TEST_F(LogTest, ComponentsHaveTheirOwnLevel) {
  Config config;
  config.level = Level::warn;
  config.components["wasm"] = Level::debug;
  config.components["http"] = Level::off;
  use(std::move(config));
  info("kernel", "no");
  debug("wasm", "yes");
  error("http", "no");
  error("kernel", "yes");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(enabled("wasm", Level::debug));
  EXPECT_FALSE(enabled("kernel", Level::info));
}

}  // namespace
}  // namespace myelin::log
