#include "sim/log_line.hpp"

#include "sim/trace.hpp"

#include <array>
#include <cstddef>

namespace myelin::sim {

std::string log_line(Duration now, std::string_view component, std::string_view protocol, protocol::LogLevel level,
                     std::string_view event, protocol::LogFields fields) {
  constexpr std::array<std::string_view, 4> names{"DEBUG", "INFO", "WARN", "ERROR"};
  std::string line = seconds_text(now);
  for (const std::string_view part : {names[static_cast<std::size_t>(level)], component, protocol, event}) {
    if (part.empty()) continue;
    line += ' ';
    line += part;
  }
  for (const protocol::LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (field.value.find_first_of(" \"=\n\r\t") == std::string::npos && !field.value.empty()) {
      line += field.value;
    } else {
      append_json(line, field.value);
    }
  }
  return line;
}

}  // namespace myelin::sim
