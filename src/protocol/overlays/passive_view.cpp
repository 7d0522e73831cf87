#include "protocol/overlays/passive_view.hpp"

#include <algorithm>

namespace myelin::protocol {

bool PassiveView::remove(const Host& host) {
  const auto found = std::find(hosts_.begin(), hosts_.end(), host);
  if (found == hosts_.end()) return false;
  remove_at(static_cast<std::size_t>(found - hosts_.begin()));
  return true;
}

void PassiveView::remove_at(std::size_t index) {
  if (index + 1 != hosts_.size()) {
    hosts_[index] = std::move(hosts_.back());
    tried_[index] = tried_.back();
  }
  hosts_.pop_back();
  tried_.pop_back();
}

}  // namespace myelin::protocol
