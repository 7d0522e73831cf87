// Structured logging by component: `log::info("kernel", "spawned", {{"pid", text}, {"name", name}});`
//
// One line per event, as text (`2026-11-24T10:00:00.000Z INFO kernel spawned pid=… name=…`) or JSON. A level per
// component over a default. Values are escaped, so that nothing foreign can forge a line. The default sink is stderr;
// a test or an embedding program may set its own.
// Thread: any; a line is written whole.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace myelin::log {

enum class Level : std::uint8_t { debug, info, warn, error, off };
enum class Format : std::uint8_t { text, json };

struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, std::int64_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, std::uint64_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, std::int32_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, std::uint32_t v) : key(k), value(std::to_string(v)) {}
};

struct Config {
  Level level = Level::info;
  std::map<std::string, Level, std::less<>> components;
  Format format = Format::text;
  // Takes each finished line, without its line feed. Empty: stderr. Called under the logger's lock.
  std::function<void(std::string_view line)> sink;
  // Nanoseconds since 1970 for the time stamp. Empty: the system clock (the simulated world sets its own).
  std::function<std::int64_t()> wall_ns;
};

// Replaces the whole configuration.
void configure(Config config);
bool enabled(std::string_view component, Level level);
void write(std::string_view component, Level level, std::string_view event, std::initializer_list<Field> fields);

inline void debug(std::string_view component, std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(component, Level::debug)) write(component, Level::debug, event, fields);
}
inline void info(std::string_view component, std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(component, Level::info)) write(component, Level::info, event, fields);
}
inline void warn(std::string_view component, std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(component, Level::warn)) write(component, Level::warn, event, fields);
}
inline void error(std::string_view component, std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(component, Level::error)) write(component, Level::error, event, fields);
}

}  // namespace myelin::log
