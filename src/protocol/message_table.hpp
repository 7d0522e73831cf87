// MessageTable: what one protocol instance registered for its messages: handlers, codecs, and who wants to be told of
// those that were sent.
//
// Entries never move and end with the table, so that a handler may register others. Thread: values.
#pragma once

#include "base/error.hpp"
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
  std::unique_ptr<Codec> codec;  // null where messages travel whole
  struct Told {
    detail::MessageHandler sent;
    detail::FailedHandler failed;
  };
  std::unique_ptr<Told> told;  // null: nobody
};

class MessageTable {
 public:
  MessageEntry* find(const MessageType& type) const {
    if (last_ != nullptr && last_->type == &type) return last_;
    MessageEntry* entry = find(type.id);
    if (entry == nullptr || entry->type != &type) return nullptr;
    return last_ = entry;
  }
  MessageEntry* find(MessageId id) const;
  MessageEntry* find_wire(WireId wire) const;
  // Makes it if it is new. Errors: conflict (another type has its id).
  Result<MessageEntry*> entry(const MessageType& type);
  void clear() {
    last_ = nullptr;
    entries_.clear();
  }
  const std::vector<std::unique_ptr<MessageEntry>>& entries() const { return entries_; }

 private:
  std::vector<std::unique_ptr<MessageEntry>> entries_;  // by id
  mutable MessageEntry* last_ = nullptr;  // the type that was looked for last, as the next is often the same
};

}  // namespace myelin::protocol
