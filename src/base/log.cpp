#include "base/log.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <memory>
#include <mutex>

namespace myelin::log {
namespace {

// The one piece of process-wide state in base: the log is where every component of one program writes its lines.
// `lowest` lets disabled levels cost one load.
struct Logger {
  std::mutex mutex;
  Config config;
  std::atomic<Level> lowest{Level::info};
};

Logger& logger() {
  static Logger instance;
  return instance;
}

std::string_view label(Level level) {
  switch (level) {
    case Level::debug:
      return "DEBUG";
    case Level::info:
      return "INFO";
    case Level::warn:
      return "WARN";
    case Level::error:
      return "ERROR";
    case Level::off:
      return "OFF";
  }
  return "?";
}

Level level_of(const Config& config, std::string_view component) {
  auto entry = config.components.find(component);
  return entry == config.components.end() ? config.level : entry->second;
}

// Escapes what could end a line or a quoted value: control characters, quotes, backslashes.
void append_escaped(std::string& out, std::string_view text) {
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append("\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
}

bool plain(std::string_view value) {
  if (value.empty()) return false;
  for (char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

std::int64_t now_ns(const Config& config) {
  if (config.wall_ns) return config.wall_ns();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string time_stamp(std::int64_t ns) {
  const std::time_t seconds = static_cast<std::time_t>(ns / 1'000'000'000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), ns / 1'000'000 % 1000);
}

std::string text_line(const Config& config, std::string_view component, Level level, std::string_view event,
                      std::initializer_list<Field> fields) {
  std::string line = fmt::format("{} {} {} ", time_stamp(now_ns(config)), label(level), component);
  append_escaped(line, event);
  for (const Field& field : fields) {
    line.append(" ").append(field.key).append("=");
    if (plain(field.value)) {
      line.append(field.value);
    } else {
      line.push_back('"');
      append_escaped(line, field.value);
      line.push_back('"');
    }
  }
  return line;
}

std::string json_line(const Config& config, std::string_view component, Level level, std::string_view event,
                      std::initializer_list<Field> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","component":"{}","event":")", time_stamp(now_ns(config)),
                                 label(level), component);
  append_escaped(line, event);
  line.push_back('"');
  for (const Field& field : fields) {
    line.append(",\"").append(field.key).append("\":\"");
    append_escaped(line, field.value);
    line.push_back('"');
  }
  line.push_back('}');
  return line;
}

}  // namespace

void configure(Config config) {
  Level lowest = config.level;
  for (const auto& [component, level] : config.components) lowest = std::min(lowest, level);
  Logger& log = logger();
  const std::lock_guard lock(log.mutex);
  log.config = std::move(config);
  log.lowest.store(lowest, std::memory_order_relaxed);
}

bool enabled(std::string_view component, Level level) {
  Logger& log = logger();
  if (level < log.lowest.load(std::memory_order_relaxed)) return false;
  const std::lock_guard lock(log.mutex);
  return level >= level_of(log.config, component) && level != Level::off;
}

void write(std::string_view component, Level level, std::string_view event, std::initializer_list<Field> fields) {
  Logger& log = logger();
  const std::lock_guard lock(log.mutex);
  std::string line = log.config.format == Format::json ? json_line(log.config, component, level, event, fields)
                                                       : text_line(log.config, component, level, event, fields);
  if (log.config.sink) {
    log.config.sink(line);
    return;
  }
  line.push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace myelin::log
