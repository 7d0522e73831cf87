#include "protocol/message_table.hpp"

#include <algorithm>
#include <string>

namespace myelin::protocol {
namespace {
constexpr auto by_id = [](const std::unique_ptr<MessageEntry>& entry) { return entry->type->id; };
}  // namespace

MessageEntry* MessageTable::find(MessageId id) const {
  const auto at = std::ranges::lower_bound(entries_, id, {}, by_id);
  return at != entries_.end() && (*at)->type->id == id ? at->get() : nullptr;
}

MessageEntry* MessageTable::find_wire(WireId wire) const {
  for (const auto& entry : entries_) {
    if (entry->type->wire == wire) return entry.get();
  }
  return nullptr;
}

Result<MessageEntry*> MessageTable::entry(const MessageType& type) {
  const auto at = std::ranges::lower_bound(entries_, type.id, {}, by_id);
  if (at != entries_.end() && (*at)->type->id == type.id) {
    if ((*at)->type == &type) return at->get();
    return fail(ErrorCode::conflict, "message id " + std::to_string(type.id) + " of " + std::string(type.name) +
                                         " is that of " + std::string((*at)->type->name));
  }
  auto made = std::make_unique<MessageEntry>();
  made->type = &type;
  keys_.push_back({&type, made.get()});
  return entries_.insert(at, std::move(made))->get();
}

}  // namespace myelin::protocol
