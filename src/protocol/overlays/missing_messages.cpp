#include "protocol/overlays/missing_messages.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

std::size_t MissingMessages::find(const MessageUid& uid) const {
  std::size_t at = 0;
  while (at < size_ && places_[at].uid != uid) ++at;
  return at;
}

void MissingMessages::remove_at(std::size_t at) {
  places_[at].announcers.clear();
  --size_;
  if (at != size_) std::swap(places_[at], places_[size_]);
}

void MissingMessages::announce(const MessageUid& uid, const Host& host, std::uint32_t round, Duration due) {
  std::size_t at = find(uid);
  if (at == size_) {
    if (size_ == capacity_) {
      const auto last = std::max_element(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(size_),
                                         [](const Missing& a, const Missing& b) { return a.due < b.due; });
      remove_at(static_cast<std::size_t>(last - places_.begin()));
    }
    at = size_++;
    if (at == places_.size()) places_.emplace_back();
    places_[at].uid = uid;
    places_[at].due = due;
  }
  auto& announcers = places_[at].announcers;
  const bool known =
      std::any_of(announcers.begin(), announcers.end(), [&](const Announcer& each) { return each.host == host; });
  if (!known && announcers.size() < max_announcers) announcers.push_back({host, round});
}

void MissingMessages::erase(const MessageUid& uid) {
  if (const std::size_t at = find(uid); at != size_) remove_at(at);
}

void MissingMessages::forget(const Host& host) {
  for (std::size_t at = size_; at-- > 0;) {
    auto& announcers = places_[at].announcers;
    std::erase_if(announcers, [&](const Announcer& each) { return each.host == host; });
  }
}

const MissingMessages::Announcer* MissingMessages::shortest(const MessageUid& uid) const {
  const std::size_t at = find(uid);
  if (at == size_ || places_[at].announcers.empty()) return nullptr;
  const auto& announcers = places_[at].announcers;
  return &*std::min_element(announcers.begin(), announcers.end(),
                            [](const Announcer& a, const Announcer& b) { return a.round < b.round; });
}

std::optional<Duration> MissingMessages::due() const {
  if (size_ == 0) return std::nullopt;
  Duration earliest = places_[0].due;
  for (std::size_t at = 1; at < size_; ++at) earliest = std::min(earliest, places_[at].due);
  return earliest;
}

std::size_t MissingMessages::next_at(Duration now) {
  std::size_t at = 0;
  while (at < size_) {
    if (places_[at].due > now) {
      ++at;
    } else if (places_[at].announcers.empty()) {
      remove_at(at);
    } else {
      break;
    }
  }
  return at;
}

std::optional<MissingMessages::Announcer> MissingMessages::take_announcer(const MessageUid& uid) {
  const std::size_t at = find(uid);
  if (at == size_ || places_[at].announcers.empty()) return std::nullopt;
  auto& announcers = places_[at].announcers;
  Announcer first = std::move(announcers.front());
  announcers.erase(announcers.begin());
  return first;
}

}  // namespace myelin::protocol
