// MessageTable: what one protocol instance registered for its messages: handlers, codecs, and who wants to be told of
// those that were sent.
//
// Entries never move and end with the table, so that a handler may register others. Thread: values.
#pragma once

#include "base/error.hpp"
#include "base/prefetch.hpp"
#include "myelin/protocol/context.hpp"
#include "myelin/protocol/message.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace myelin::protocol {

struct MessageEntry {
  const MessageType* type;
  detail::MessageHandler handler;  // empty: none
  bool has_codec = false;
  std::unique_ptr<Codec> codec;  // null where messages travel whole and nobody asks for their size
  struct Told {
    detail::MessageHandler sent;
    detail::FailedHandler failed;
  };
  std::unique_ptr<Told> told;  // null: nobody
};

class MessageTable {
 public:
  MessageEntry* find(const MessageType& type) const {
    for (const Key& key : keys_)
      if (key.type == &type) return key.entry;
    return nullptr;
  }
  MessageEntry* find(MessageId id) const;
  MessageEntry* find_wire(WireId wire) const;
  // Makes it if it is new. Errors: conflict (another type has its id).
  Result<MessageEntry*> entry(const MessageType& type);
  void clear() {
    entries_.clear();
    keys_.clear();
  }
  // Asks the memory for what find() will look at, and then, when that is there, for what it will give.
  void prefetch() const { prefetch_lines(keys_.data(), 2); }
  void prefetch(const MessageType& type) const { prefetch_lines(find(type), 2); }
  const std::vector<std::unique_ptr<MessageEntry>>& entries() const { return entries_; }

 private:
  struct Key {
    const MessageType* type;
    MessageEntry* entry;
  };
  std::vector<std::unique_ptr<MessageEntry>> entries_;  // by id
  std::vector<Key> keys_;                               // of the same: few, and looked through without a step aside
};

}  // namespace myelin::protocol
