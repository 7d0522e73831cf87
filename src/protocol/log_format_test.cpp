// Lines of the log: text and JSON, levels, components, nothing forged.
#include "protocol/log_format.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace myelin::protocol {
namespace {

constexpr std::int64_t wall = 1'764'065'400'123'456'789;  // 2025-11-25T10:10:00.123Z

std::string line(LogOptions::Format format, std::string_view event, LogFields fields,
                 std::string_view protocol = "pingpong") {
  return format_log_line(format, wall, "protocol", protocol, LogLevel::info, event, fields);
}

TEST(LogFormat, TextIsInTheMannerOfSlog) {
  EXPECT_EQ(line(LogOptions::Format::text, "Ping received", {{"from", Host{"127.0.0.1", 5002}}, {"seq", 7}}),
            "time=2025-11-25T10:10:00.123Z level=INFO msg=\"Ping received\" component=protocol protocol=pingpong "
            "from=127.0.0.1:5002 seq=7");
  EXPECT_EQ(line(LogOptions::Format::text, "up", {}, ""),
            "time=2025-11-25T10:10:00.123Z level=INFO msg=up component=protocol");
}

TEST(LogFormat, JsonHasTheSameKeys) {
  EXPECT_EQ(line(LogOptions::Format::json, "Ping received", {{"seq", 7}}),
            R"({"time":"2025-11-25T10:10:00.123Z","level":"INFO","msg":"Ping received","component":"protocol",)"
            R"("protocol":"pingpong","seq":"7"})");
}

TEST(LogFormat, NothingForeignForgesALine) {
  const std::string_view bad = "a\nlevel=ERROR \"x\" \\ \x01\x7f\xff";
  EXPECT_TRUE(line(LogOptions::Format::text, "x", {{"peer", bad}})
                  .ends_with("peer=\"a\\nlevel=ERROR \\\"x\\\" \\\\ \\u0001\\u007f\xef\xbf\xbd\""));
  EXPECT_TRUE(line(LogOptions::Format::json, "x", {{"peer", bad}})
                  .ends_with("\"peer\":\"a\\nlevel=ERROR \\\"x\\\" \\\\ \\u0001\\u007f\xef\xbf\xbd\"}"));
  EXPECT_TRUE(line(LogOptions::Format::text, "x", {{"empty", ""}, {"sum", "a=b"}}).ends_with("empty=\"\" sum=\"a=b\""));
  EXPECT_TRUE(line(LogOptions::Format::json, "x", {{"k", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8d \xed\xa0\x80 \xc0\xaf"}})
                  .ends_with("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8d \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
                             "\xef\xbf\xbd\xef\xbf\xbd\"}"));
}

struct Sink {
  std::vector<std::string> lines;
  LogOptions options(LogLevel level, std::vector<std::string> components = {}) {
    LogOptions made;
    made.level = level;
    made.components = std::move(components);
    made.sink = [this](std::string_view text) { lines.emplace_back(text); };
    return made;
  }
};

TEST(RuntimeLog, LevelsAndComponentsChoose) {
  Sink sink;
  const RuntimeLog all(sink.options(LogLevel::info), nullptr);
  EXPECT_TRUE(all.enabled("session", LogLevel::info));
  EXPECT_TRUE(all.enabled("transport", LogLevel::error));
  EXPECT_FALSE(all.enabled("session", LogLevel::debug));
  const RuntimeLog some(sink.options(LogLevel::debug, {"protocol", "runtime"}), nullptr);
  EXPECT_TRUE(some.enabled("protocol", LogLevel::debug));
  EXPECT_TRUE(some.enabled("runtime", LogLevel::debug));
  EXPECT_FALSE(some.enabled("session", LogLevel::error));
  EXPECT_FALSE(some.enabled("transport", LogLevel::error));
}

TEST(RuntimeLog, WritesWholeLinesToItsSink) {
  Sink sink;
  RuntimeLog log(sink.options(LogLevel::debug), [] { return wall; });
  log.write("session", "", LogLevel::warn, "failed", {{"peer", "x"}});
  EXPECT_EQ(sink.lines,
            std::vector<std::string>{"time=2025-11-25T10:10:00.123Z level=WARN msg=failed component=session peer=x"});
}

TEST(RuntimeLog, AComponentThatThereIsNotIsAnError) {
  LogOptions options;
  options.components = {"protocol", "sessions"};
  const auto checked = RuntimeLog::check(options);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::bad_request);
  EXPECT_NE(checked.error().message.find("sessions"), std::string::npos);
  EXPECT_EQ(log_level("warn"), LogLevel::warn);
  EXPECT_FALSE(log_level("warning"));
}

}  // namespace
}  // namespace myelin::protocol
