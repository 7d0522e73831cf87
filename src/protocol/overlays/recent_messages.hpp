// RecentMessages: which broadcasts a node had, and the payloads of the newest of them.
//
// Invariants: remembers the last `history` ids, and of the last `cache` of these the payload; memory grows with use up
// to that. Ids are spread by a salt, so that peers who choose ids cannot make it slow. Thread: values.
#pragma once

#include "myelin/protocol/codec.hpp"
#include "protocol/overlays/message_uid.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace myelin::protocol {

class RecentMessages {
 public:
  struct Entry {
    MessageUid uid;
    std::shared_ptr<const Bytes> payload;  // null: it is too old
    std::uint32_t round = 0;
  };

  // REQUIRES: history > 0. `cache` counts as at most `history`.
  RecentMessages(std::size_t history, std::size_t cache);
  // Before the first add.
  void set_salt(std::uint64_t salt) { salt_ = salt; }

  std::size_t size() const { return ring_.size(); }
  bool contains(const MessageUid& uid) const { return (!ring_.empty() && uid == newest_) || find(uid) != nullptr; }
  // Null if it was never there, or is forgotten. Good until the next add.
  const Entry* find(const MessageUid& uid) const;
  // Asks the memory for what finding that one, and adding it, looks at.
  void prefetch(const MessageUid& uid) const;
  // False if it is there.
  bool add(const MessageUid& uid, std::shared_ptr<const Bytes> payload, std::uint32_t round);

 private:
  std::size_t home(const MessageUid& uid) const;
  void index(std::uint32_t at);
  void unindex(const MessageUid& uid);
  void grow();

  std::size_t history_;
  std::size_t cache_;
  std::uint64_t salt_ = 0;
  MessageUid newest_;     // what most questions are about
  std::size_t next_ = 0;  // where the next entry goes, once the ring is full
  std::vector<Entry> ring_;
  std::vector<std::uint32_t> table_;  // linear probing; place in the ring + 1; 0: empty. A power of two
};

}  // namespace myelin::protocol
