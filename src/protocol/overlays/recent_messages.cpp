#include "protocol/overlays/recent_messages.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

RecentMessages::RecentMessages(std::size_t history, std::size_t cache)
    : history_(history), cache_(std::min(history, cache)) {
  MYELIN_CHECK(history > 0 && history < UINT32_MAX, "a history of no message, or too many");
}

std::size_t RecentMessages::home(const MessageUid& uid) const {
  std::uint64_t mixed = (uid.low ^ salt_) * 0x9e3779b97f4a7c15ull;
  mixed = (mixed ^ (mixed >> 32) ^ uid.high) * 0xd6e8feb86659fd93ull;
  return static_cast<std::size_t>(mixed ^ (mixed >> 32)) & (table_.size() - 1);
}

const RecentMessages::Entry* RecentMessages::find(const MessageUid& uid) const {
  if (table_.empty()) return nullptr;
  for (std::size_t slot = home(uid); table_[slot] != 0; slot = (slot + 1) & (table_.size() - 1))
    if (const Entry& entry = ring_[table_[slot] - 1]; entry.uid == uid) return &entry;
  return nullptr;
}

void RecentMessages::prefetch(const MessageUid& uid) const {
  if (ring_.empty() || uid == newest_) return;
  __builtin_prefetch(table_.data() + home(uid));
  __builtin_prefetch(ring_.data() + (ring_.size() < history_ ? ring_.size() : next_));
}

bool RecentMessages::add(const MessageUid& uid, std::shared_ptr<const Bytes> payload, std::uint32_t round) {
  if (contains(uid)) return false;
  newest_ = uid;
  if (cache_ == 0) payload.reset();
  std::size_t at = next_;
  if (ring_.size() < history_) {
    at = ring_.size();
    ring_.push_back({uid, std::move(payload), round});
    if (ring_.size() * 2 > table_.size()) {
      grow();
    } else {
      index(static_cast<std::uint32_t>(at));
    }
  } else {
    unindex(ring_[at].uid);
    ring_[at] = {uid, std::move(payload), round};
    index(static_cast<std::uint32_t>(at));
  }
  next_ = at + 1 == history_ ? 0 : at + 1;
  if (cache_ < history_ && ring_.size() > cache_) ring_[(at + history_ - cache_) % history_].payload.reset();
  return true;
}

void RecentMessages::index(std::uint32_t at) {
  std::size_t slot = home(ring_[at].uid);
  while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
  table_[slot] = at + 1;
}

// Takes it out and moves up those behind it that were pushed from their home.
void RecentMessages::unindex(const MessageUid& uid) {
  const std::size_t mask = table_.size() - 1;
  std::size_t hole = home(uid);
  while (table_[hole] == 0 || ring_[table_[hole] - 1].uid != uid) hole = (hole + 1) & mask;
  for (std::size_t slot = (hole + 1) & mask; table_[slot] != 0; slot = (slot + 1) & mask) {
    const std::size_t wanted = home(ring_[table_[slot] - 1].uid);
    if (((slot - wanted) & mask) < ((slot - hole) & mask)) continue;
    table_[hole] = table_[slot];
    hole = slot;
  }
  table_[hole] = 0;
}

void RecentMessages::grow() {
  table_.assign(std::max<std::size_t>(16, table_.size() * 2), 0);
  for (std::uint32_t i = 0; i < ring_.size(); ++i) index(i);
}

}  // namespace myelin::protocol
