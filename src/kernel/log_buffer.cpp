#include "kernel/log_buffer.hpp"

#include "kernel/record.hpp"

#include <algorithm>
#include <cstring>

namespace myelin::kernel {

namespace {
constexpr std::size_t line_overhead_bytes = 64;
}

std::size_t LogBuffer::write(View bytes, WallTime now) {
  std::size_t finished = 0;
  while (!bytes.empty()) {
    const void* found = std::memchr(bytes.data(), '\n', bytes.size());
    std::size_t length =
        found ? static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data()) : bytes.size();
    std::size_t room = limits::log_line_bytes - partial_.size();
    std::size_t take = std::min(length, room);
    partial_.append(as_text(bytes.first(take)));
    bool at_feed = found && take == length;
    bytes = bytes.subspan(take + (at_feed ? 1 : 0));
    if (!at_feed && partial_.size() < limits::log_line_bytes) break;
    if (!at_feed && bytes.empty()) break;
    add(std::exchange(partial_, {}), now);
    ++finished;
  }
  return finished;
}

bool LogBuffer::flush(WallTime now) {
  if (partial_.empty()) return false;
  add(std::exchange(partial_, {}), now);
  return true;
}

void LogBuffer::note(std::string text, WallTime now) {
  flush(now);
  add(std::move(text), now);
}

std::vector<LogLine> LogBuffer::after(std::uint64_t after, std::size_t max) const {
  std::vector<LogLine> found;
  auto first = std::find_if(lines_.begin(), lines_.end(), [&](const LogLine& line) { return line.sequence > after; });
  for (auto line = first; line != lines_.end() && found.size() < max; ++line) found.push_back(*line);
  return found;
}

void LogBuffer::add(std::string text, WallTime now) {
  if (!text.empty() && text.back() == '\r') text.pop_back();
  LogLine line{next_++, now, abi::one_line(text)};
  bytes_ += line.text.size() + line_overhead_bytes;
  lines_.push_back(std::move(line));
  while (bytes_ > max_bytes_ && lines_.size() > 1) {
    bytes_ -= lines_.front().text.size() + line_overhead_bytes;
    lines_.pop_front();
  }
}

}  // namespace myelin::kernel
