#include "kernel/mailbox.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "kernel/delivery.hpp"

#include <algorithm>

namespace myelin::kernel {

std::size_t delivery_bytes(const Delivery& delivery) {
  const Message& message = delivery.message;
  std::size_t bytes = message_overhead_bytes + message.body.size() + message.metadata.size() + message.method.size() +
                      message.path.size() + message.correlation.size() + message.payload.mime.size();
  if (const auto* rope = std::get_if<Rope>(&message.payload.bytes)) return bytes + rope->size();
  // A stream brings at most what its pipe holds before it is read.
  if (delivery.call)
    bytes += static_cast<std::size_t>(std::min<std::uint64_t>(message.payload.size.value_or(0), limits::pipe_bytes));
  return bytes;
}

Ending refusal(Delivery& delivery, Error why, RoomList& refused, const Pid& by) {
  Ending ending{fail(std::move(why)), std::nullopt};
  Error& error = ending.outcome.error();
  if (error.code != ErrorCode::mailbox_full) return ending;
  const Message& message = delivery.message;
  // Native processes bring a callback of their own.
  if (message.principal.kind == Principal::Kind::process && !delivery.room) {
    if (refused.want(message.principal.pid)) ending.room_from = by;
  } else if (refused.want(message.source, message.target, std::move(delivery.room))) {
    error.detail = room_follows;
  }
  return ending;
}

Result<void> Mailbox::check(std::size_t bytes) const {
  if (bytes > max_bytes_) return fail(ErrorCode::too_large, "the message is larger than the mailbox");
  if (messages_ >= max_messages_) return fail(ErrorCode::mailbox_full, "the mailbox holds its most messages");
  if (bytes > max_bytes_ - bytes_) return fail(ErrorCode::mailbox_full, "the mailbox holds its most bytes");
  return {};
}

void Delivery::end(Ending ending) {
  if (auto* input = std::get_if<io::PipeReader>(&message.payload.bytes); input != nullptr && *input)
    input->leave(Error{ErrorCode::cancelled, "the call has ended"});
  if (output) {
    if (ending.outcome)
      output.close();
    else
      output.fail(ending.outcome.error());
  }
  auto callback = std::exchange(reply, nullptr);
  if (callback) callback(std::move(ending));
}

ParcelPtr Mailbox::take(std::uint64_t ticket) {
  ParcelPtr parcel = queue_.take(ticket);
  if (parcel) release(parcel->bytes);
  return parcel;
}

ParcelQueue Mailbox::take_all() {
  ParcelQueue all = std::move(queue_);
  for (const Parcel* each = all.front(); each != nullptr; each = each->next) release(each->bytes);
  return all;
}

void Mailbox::release(std::size_t bytes) {
  MYELIN_CHECK(messages_ > 0 && bytes_ >= bytes, "only what counts is released");
  --messages_;
  bytes_ -= bytes;
}

}  // namespace myelin::kernel
