// PassiveView: the spare nodes of HyParView, a bounded set in which each may have been tried as a neighbour since the
// last round of repairs.
//
// Invariants: no host twice, at most `capacity`. Who owns it keeps itself and its active view out. Thread: values.
#pragma once

#include "base/prefetch.hpp"
#include "myelin/protocol/host.hpp"
#include "protocol/overlays/host_tag.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace myelin::protocol {

class PassiveView {
 public:
  explicit PassiveView(std::size_t capacity) : capacity_(capacity) {}

  const std::vector<Host>& hosts() const { return hosts_; }
  std::size_t size() const { return hosts_.size(); }
  bool contains(const Host& host) const { return find(host) != hosts_.size(); }

  // In place of a random one if it is full.
  template <typename Random>
  void add(const Host& host, Random&& draw) {
    if (capacity_ == 0 || contains(host)) return;
    if (hosts_.size() == capacity_) remove_at(static_cast<std::size_t>(draw(hosts_.size())));
    hosts_.push_back(host);
    tags_.push_back(tag_of(host));
    tried_.push_back(false);
  }
  // Adds one that a peer sent: in place of one of `sent`, which that peer has now, if there is one left; else of a
  // random one. `sent` is used up from its end.
  template <typename Random>
  void exchange(const Host& host, std::vector<Host>& sent, Random&& draw) {
    if (capacity_ == 0 || contains(host)) return;
    while (hosts_.size() == capacity_ && !sent.empty()) {
      (void)remove(sent.back());
      sent.pop_back();
    }
    add(host, draw);
  }
  bool remove(const Host& host);

  // A random one that was not tried; marks it. Null if there is none. Good until the view changes.
  template <typename Random>
  const Host* try_next(Random&& draw) {
    std::size_t chosen = hosts_.size();
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      if (!tried_[i] && (++seen == 1 || draw(seen) == 0)) chosen = i;
    if (chosen == hosts_.size()) return nullptr;
    tried_[chosen] = true;
    return &hosts_[chosen];
  }
  void forget_tries() { tried_.assign(hosts_.size(), false); }
  // Asks the memory for what finding a host looks at.
  void prefetch() const { prefetch_lines(tags_.data(), 2); }

 private:
  // hosts_.size() if it is not there.
  std::size_t find(const Host& host) const;
  void remove_at(std::size_t index);

  std::size_t capacity_;
  std::vector<Host> hosts_;
  // As long as hosts_:
  std::vector<std::uint32_t> tags_;
  std::vector<bool> tried_;
};

}  // namespace myelin::protocol
