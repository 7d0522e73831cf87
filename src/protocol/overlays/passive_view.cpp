#include "protocol/overlays/passive_view.hpp"

#include <utility>

namespace myelin::protocol {

std::size_t PassiveView::find(const Host& host) const {
  const std::uint32_t wanted = tag_of(host);
  for (std::size_t i = 0; i < tags_.size(); ++i)
    if (tags_[i] == wanted && hosts_[i] == host) return i;
  return hosts_.size();
}

bool PassiveView::remove(const Host& host) {
  const std::size_t found = find(host);
  if (found == hosts_.size()) return false;
  remove_at(found);
  return true;
}

void PassiveView::remove_at(std::size_t index) {
  if (index + 1 != hosts_.size()) {
    hosts_[index] = std::move(hosts_.back());
    tags_[index] = tags_.back();
    tried_[index] = tried_.back();
  }
  hosts_.pop_back();
  tags_.pop_back();
  tried_.pop_back();
}

}  // namespace myelin::protocol
