// CyclonView: the view of Cyclon, hosts with ages, and the two halves of its enhanced shuffle. Pure.
//
// Invariants: no host twice, never oneself, at most `capacity`. Thread: values.
#pragma once

#include "myelin/protocol/codec.hpp"
#include "myelin/protocol/host.hpp"
#include "protocol/overlays/sample.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace myelin::protocol {

struct CyclonEntry {
  Host host;
  std::uint32_t age = 0;  // in cycles
  auto fields(this auto& self) { return std::tie(self.host, self.age); }
  friend bool operator==(const CyclonEntry&, const CyclonEntry&) = default;
};

class CyclonView {
 public:
  explicit CyclonView(std::size_t capacity) : capacity_(capacity) {}

  void set_self(Host self) { self_ = std::move(self); }
  const std::vector<CyclonEntry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  bool full() const { return entries_.size() >= capacity_; }
  bool contains(const Host& host) const { return find(host) != entries_.size(); }

  void grow_older();
  // Takes out the oldest; of equally old ones the first.
  std::optional<Host> take_oldest();
  bool remove(const Host& host);
  // False if it is full, oneself, or there.
  bool add(CyclonEntry entry);
  // Puts `entry` in the place of a random one, which it gives. Nothing if it is oneself or there, or the view is empty.
  template <typename Random>
  std::optional<CyclonEntry> replace_random(CyclonEntry entry, Random&& draw) {
    if (entries_.empty() || entry.host == self_ || contains(entry.host)) return std::nullopt;
    return std::exchange(entries_[static_cast<std::size_t>(draw(entries_.size()))], std::move(entry));
  }
  // `count` random ones.
  template <typename Random>
  std::vector<CyclonEntry> sample(std::size_t count, Random&& draw) const {
    std::vector<CyclonEntry> chosen = entries_;
    keep_random(chosen, count, draw);
    return chosen;
  }
  // Takes in what a peer sent, but oneself and what is there: first into free places, then in place of what was `sent`
  // to that peer, from the end of it.
  void merge(const std::vector<CyclonEntry>& received, std::vector<CyclonEntry> sent);

 private:
  std::size_t find(const Host& host) const;

  std::size_t capacity_;
  Host self_;
  std::vector<CyclonEntry> entries_;
};

}  // namespace myelin::protocol
