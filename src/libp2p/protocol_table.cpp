#include "libp2p/protocol_table.hpp"

#include <algorithm>
#include <utility>

namespace myelin::libp2p {

void ProtocolTable::add(std::string protocol, Handler handler) {
  exact_[std::move(protocol)] = std::make_shared<const Handler>(std::move(handler));
}

void ProtocolTable::add_match(std::string advertised, std::function<bool(std::string_view)> matches, Handler handler) {
  Match match{std::move(advertised), std::move(matches), std::make_shared<const Handler>(std::move(handler))};
  const auto same = std::ranges::find(matches_, match.advertised, &Match::advertised);
  if (same != matches_.end()) {
    *same = std::move(match);
  } else {
    matches_.push_back(std::move(match));
  }
}

const std::shared_ptr<const ProtocolTable::Handler>* ProtocolTable::find(std::string_view protocol) const {
  if (const auto found = exact_.find(protocol); found != exact_.end()) return &found->second;
  for (const Match& match : matches_) {
    if (match.matches(protocol)) return &match.handler;
  }
  return nullptr;
}

void ProtocolTable::accept(std::unique_ptr<Stream> stream) const {
  const auto* found = find(stream->protocol());
  if (found == nullptr) return;
  const std::shared_ptr<const Handler> handler = *found;
  (*handler)(std::move(stream));
}

std::vector<std::string> ProtocolTable::advertised() const {
  std::vector<std::string> names;
  for (const auto& [name, handler] : exact_) names.push_back(name);
  for (const Match& match : matches_) names.push_back(match.advertised);
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

}  // namespace myelin::libp2p
