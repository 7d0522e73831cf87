#include "protocol/overlays/cyclon_view.hpp"

#include <algorithm>
#include <limits>

namespace myelin::protocol {

std::size_t CyclonView::find(const Host& host) const {
  std::size_t i = 0;
  while (i < entries_.size() && entries_[i].host != host) ++i;
  return i;
}

void CyclonView::grow_older() {
  for (CyclonEntry& each : entries_)
    if (each.age < std::numeric_limits<std::uint32_t>::max()) ++each.age;
}

std::optional<Host> CyclonView::take_oldest() {
  if (entries_.empty()) return std::nullopt;
  const auto oldest = std::max_element(entries_.begin(), entries_.end(),
                                       [](const CyclonEntry& a, const CyclonEntry& b) { return a.age < b.age; });
  Host host = std::move(oldest->host);
  entries_.erase(oldest);
  return host;
}

bool CyclonView::remove(const Host& host) {
  const std::size_t at = find(host);
  if (at == entries_.size()) return false;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

bool CyclonView::add(CyclonEntry entry) {
  if (full() || entry.host.empty() || entry.host == self_ || contains(entry.host)) return false;
  entries_.push_back(std::move(entry));
  return true;
}

void CyclonView::merge(const std::vector<CyclonEntry>& received, std::vector<CyclonEntry> sent) {
  for (const CyclonEntry& each : received) {
    if (each.host.empty() || each.host == self_ || contains(each.host)) continue;
    while (full() && !sent.empty()) {
      (void)remove(sent.back().host);
      sent.pop_back();
    }
    if (!add(each)) return;
  }
}

}  // namespace myelin::protocol
