#include "protocol/log_format.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

namespace myelin::protocol {

namespace {

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 4> level_labels{"DEBUG", "INFO", "WARN", "ERROR"};
constexpr std::array<std::string_view, 4> components{"runtime", "session", "transport", "protocol"};

std::string time_text(std::int64_t wall_ns) {
  using namespace std::chrono;
  const sys_time<nanoseconds> instant{nanoseconds(wall_ns)};
  const auto day = floor<days>(instant);
  const year_month_day date{day};
  const hh_mm_ss time{floor<milliseconds>(instant - day)};
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text.data();
}

// Control characters, quotes and backslashes as JSON escapes them; bytes that are no UTF-8 of their own as \ufffd.
void append_escaped(std::string& line, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(byte));
      line += code.data();
    } else {
      line += c;
    }
  }
}

// The length of the UTF-8 sequence at the front of `text`; 0 if there is none that is valid.
std::size_t utf8_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xc2 ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  const auto second = size > 1 ? static_cast<unsigned char>(text[1]) : 0;
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool beyond = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : size;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const std::size_t size = utf8_length(text);
    valid += size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return valid;
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && static_cast<unsigned char>(c) < 0x7f && c != '"' && c != '=' && c != '\\';
  });
}

struct TextLine {
  std::string line;
  void add(std::string_view key, std::string_view value) {
    if (!line.empty()) line += ' ';
    line += key;
    line += '=';
    if (is_plain(value)) {
      line += value;
      return;
    }
    line += '"';
    append_escaped(line, valid_utf8(value));
    line += '"';
  }
  std::string end() { return std::move(line); }
};

struct JsonLine {
  std::string line = "{";
  void add(std::string_view key, std::string_view value) {
    if (line.size() > 1) line += ',';
    line += '"';
    append_escaped(line, valid_utf8(key));
    line += "\":\"";
    append_escaped(line, valid_utf8(value));
    line += '"';
  }
  std::string end() { return std::move(line += '}'); }
};

template <typename Line>
std::string format(std::int64_t wall_ns, std::string_view component, std::string_view protocol, LogLevel level,
                   std::string_view event, LogFields fields) {
  Line line;
  line.add("time", time_text(wall_ns));
  line.add("level", level_labels.at(static_cast<std::size_t>(level)));
  line.add("msg", event);
  line.add("component", component);
  if (!protocol.empty()) line.add("protocol", protocol);
  for (const LogField& field : fields) line.add(field.key, field.value);
  return line.end();
}

}  // namespace

std::string_view name(LogLevel level) { return level_names.at(static_cast<std::size_t>(level)); }

std::optional<LogLevel> log_level(std::string_view name) {
  const auto* const found = std::ranges::find(level_names, name);
  if (found == level_names.end()) return std::nullopt;
  return static_cast<LogLevel>(found - level_names.begin());
}

bool is_log_component(std::string_view name) { return std::ranges::find(components, name) != components.end(); }

RuntimeLog::RuntimeLog(LogOptions options, std::function<std::int64_t()> wall_ns)
    : options_(std::move(options)), wall_ns_(std::move(wall_ns)) {}

Result<void> RuntimeLog::check(const LogOptions& options) {
  for (const std::string& component : options.components) {
    if (!is_log_component(component)) {
      return fail(ErrorCode::bad_request,
                  "'" + component + "' is no component of the log: runtime, session, transport or protocol");
    }
  }
  return {};
}

bool RuntimeLog::enabled(std::string_view component, LogLevel level) const {
  return level >= options_.level && (options_.components.empty() ||
                                     std::ranges::find(options_.components, component) != options_.components.end());
}

void RuntimeLog::write(std::string_view component, std::string_view protocol, LogLevel level, std::string_view event,
                       LogFields fields) {
  std::string line =
      format_log_line(options_.format, wall_ns_ ? wall_ns_() : 0, component, protocol, level, event, fields);
  if (options_.sink) {
    options_.sink(line);
    return;
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string format_log_line(LogOptions::Format format_of_line, std::int64_t wall_ns, std::string_view component,
                            std::string_view protocol, LogLevel level, std::string_view event, LogFields fields) {
  return format_of_line == LogOptions::Format::json
             ? format<JsonLine>(wall_ns, component, protocol, level, event, fields)
             : format<TextLine>(wall_ns, component, protocol, level, event, fields);
}

std::string format_log_text(LogLevel level, std::string_view event, LogFields fields) {
  TextLine line;
  line.add("level", level_labels.at(static_cast<std::size_t>(level)));
  line.add("msg", event);
  for (const LogField& field : fields) line.add(field.key, field.value);
  return line.end();
}

}  // namespace myelin::protocol
