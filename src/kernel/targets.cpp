#include "kernel/targets.hpp"

#include "kernel/actor.hpp"
#include "kernel/message.hpp"
#include "kernel/shard.hpp"

#include <algorithm>
#include <cstring>

namespace myelin::kernel {

bool Targets::current(const Entry& entry, const Shard& shard) {
  if (entry.name && entry.names != shard.names.version()) return false;
  return entry.here.slot == nullptr || entry.here.find() != nullptr;
}

Target Targets::find(Shard& shard, std::string_view text) {
  const auto is = [text](const Entry& entry) {
    return entry.size == text.size() && std::memcmp(entry.text.data(), text.data(), text.size()) == 0;
  };
  if (latest_ >= entries_.size() || !is(entries_[latest_])) {
    const auto found = std::find_if(entries_.begin(), entries_.end(), is);
    if (found == entries_.end()) return look_up(shard, text);
    latest_ = static_cast<std::size_t>(found - entries_.begin());
  }
  Entry& entry = entries_[latest_];
  if (!current(entry, shard)) {
    entry.size = 0;
    return look_up(shard, text);
  }
  return {entry.here.find(), entry.here.shard, false, entry.pid};
}

Target Targets::look_up(Shard& shard, std::string_view text) {
  if (text.empty() || text.size() > most_text || text.find('/') != std::string_view::npos) return {};
  Entry entry;
  std::optional<Pid> pid = Pid::parse(text);
  if (!pid) {
    if (!valid_process_name(text)) return {};
    pid = shard.names.find(text);
    if (!pid) return {};
    entry.name = true;
    entry.names = shard.names.version();
  }
  entry.pid = *pid;
  entry.here.shard = shard.core.shard_of(*pid).index;
  if (entry.here.shard == shard.index) {
    Actor* actor = shard.find(*pid);
    if (actor == nullptr) return {};
    entry.here = actor->handle();
  }
  std::memcpy(entry.text.data(), text.data(), text.size());
  entry.size = static_cast<std::uint8_t>(text.size());
  if (entries_.size() < most) {
    latest_ = entries_.size();
    entries_.push_back(entry);
  } else {
    latest_ = next_;
    entries_[next_] = entry;
    next_ = (next_ + 1) % most;
  }
  return {entry.here.find(), entry.here.shard, false, entry.pid};
}

}  // namespace myelin::kernel
