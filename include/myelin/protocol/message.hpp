// Messages: what protocols send to each other, within a node as values and between nodes as bytes.
//
//   struct Ping {
//     static constexpr MessageId id = 1;                                     // unique within its protocol (wire W0)
//     static constexpr std::string_view wire_name = "*protocol.PingMessage";  // unique in the system (wire W3)
//     std::uint64_t sequence = 0;
//     auto fields(this auto& self) { return std::tie(self.sequence); }       // the payload, by codec.hpp
//   };
//
// A type without fields() registers a Serializer of its own.
//
// Invariants: a message never changes once it is in a MessageBox; the count of a box is not atomic: boxes stay on the
// thread of their runtime. Thread: that of the runtime.
#pragma once

#include "myelin/protocol/codec.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

namespace myelin::protocol {

using ProtocolId = std::uint16_t;
using MessageId = std::uint16_t;
using WireId = std::uint64_t;

// FNV-1a, 64 bits, of a wire name: how W3 names a message.
constexpr WireId wire_id(std::string_view name) {
  WireId hash = 0xcbf29ce484222325ull;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

template <typename M>
concept Message = std::move_constructible<M> && requires {
  { M::id } -> std::convertible_to<MessageId>;
  { M::wire_name } -> std::convertible_to<std::string_view>;
};

// What is known of a message's type at run time. One object per type and program: compared by address.
struct MessageType {
  std::string_view name;
  MessageId id;
  WireId wire;
  void (*destroy)(void* box);
  void* (*keep)(void* lent);  // moves a message that was lent into a box of its own
};

namespace detail {

struct BoxHead {
  const MessageType* type;
  std::uint32_t count;
};

template <Message M>
struct Box : BoxHead {
  M message;
};

template <Message M>
inline constexpr MessageType message_type{M::wire_name, M::id, wire_id(M::wire_name),
                                          [](void* box) { delete static_cast<Box<M>*>(static_cast<BoxHead*>(box)); },
                                          [](void* lent) -> void* {
                                            auto* box = static_cast<Box<M>*>(static_cast<BoxHead*>(lent));
                                            BoxHead* kept = new Box<M>{{box->type, 1}, std::move(box->message)};
                                            return kept;
                                          }};

}  // namespace detail

template <Message M>
constexpr const MessageType& type_of() {
  return detail::message_type<M>;
}

// One immutable message of any type. Copying shares it.
class MessageBox {
 public:
  MessageBox() = default;
  template <Message M>
  static MessageBox make(M message) {
    MessageBox made;
    made.head_ = new detail::Box<M>{{&type_of<M>(), 1}, std::move(message)};
    return made;
  }
  // A message that stands elsewhere, in a Box of its lender's, which outlives this and all copies of it.
  static MessageBox lent(detail::BoxHead& head) {
    MessageBox made;
    made.head_ = &head;
    ++head.count;
    return made;
  }
  // Its message, taken from the lender, in a box of its own.
  static MessageBox kept(detail::BoxHead& lent) {
    MessageBox made;
    made.head_ = static_cast<detail::BoxHead*>(lent.type->keep(&lent));
    return made;
  }
  MessageBox(const MessageBox& other) noexcept : head_(other.head_) {
    if (head_ != nullptr) ++head_->count;
  }
  MessageBox(MessageBox&& other) noexcept : head_(std::exchange(other.head_, nullptr)) {}
  MessageBox& operator=(MessageBox other) noexcept {
    std::swap(head_, other.head_);
    return *this;
  }
  ~MessageBox() {
    if (head_ != nullptr && --head_->count == 0) head_->type->destroy(head_);
  }

  explicit operator bool() const { return head_ != nullptr; }
  // Asks the memory for it, before somebody looks.
  void prefetch() const { __builtin_prefetch(head_); }
  // REQUIRES: not empty.
  const MessageType& type() const { return *head_->type; }
  // REQUIRES: it holds an M.
  template <Message M>
  const M& as() const {
    return static_cast<const detail::Box<M>*>(head_)->message;
  }
  template <Message M>
  bool is() const {
    return head_ != nullptr && head_->type == &type_of<M>();
  }

 private:
  detail::BoxHead* head_ = nullptr;
};

// How an M becomes bytes, where fields() is not enough. Both may fail: bad_request or too_large when serializing,
// protocol when deserializing. `deserialize` must take all bytes.
template <Message M>
struct Serializer {
  std::function<Result<void>(const M&, Writer&)> serialize;
  std::function<Result<M>(Reader&)> deserialize;
};

// The serializer of a type with fields().
template <Message M>
  requires HasFields<M>
Serializer<M> serializer_of() {
  return {[](const M& message, Writer& out) -> Result<void> {
            encode(out, message);
            return {};
          },
          [](Reader& in) -> Result<M> {
            M message{};
            decode(in, message);
            if (in.failed()) return fail(ErrorCode::protocol, "truncated message");
            return message;
          }};
}

namespace detail {
// Looks at a message where it was decoded. It neither keeps a copy of the box nor throws.
class MessageSink {
 public:
  virtual void take(const MessageBox& box) = 0;

 protected:
  ~MessageSink() = default;
};
}  // namespace detail

// A serializer with its type erased, as the runtime keeps it.
struct Codec {
  const MessageType* type = nullptr;
  std::function<Result<void>(const MessageBox&, Writer&)> encode;
  std::function<Result<MessageBox>(View)> decode;  // protocol: malformed, or bytes left over
  // As decode, but the message goes to the sink, once, if there is no error, and ends with the call: it takes no
  // memory.
  std::function<Result<void>(View, detail::MessageSink&)> show;
};

template <Message M>
Codec codec_of(Serializer<M> serializer) {
  return {&type_of<M>(),
          [serialize = std::move(serializer.serialize)](const MessageBox& box, Writer& out) {
            return serialize(box.as<M>(), out);
          },
          [deserialize = serializer.deserialize](View bytes) -> Result<MessageBox> {
            Reader in(bytes);
            auto message = deserialize(in);
            if (!message) return std::unexpected(std::move(message.error()));
            if (in.failed() || in.size() != 0) return fail(ErrorCode::protocol, "bytes after the message");
            return MessageBox::make<M>(std::move(*message));
          },
          [deserialize = serializer.deserialize](View bytes, detail::MessageSink& sink) -> Result<void> {
            Reader in(bytes);
            auto message = deserialize(in);
            if (!message) return std::unexpected(std::move(message.error()));
            if (in.failed() || in.size() != 0) return fail(ErrorCode::protocol, "bytes after the message");
            detail::Box<M> box{{&type_of<M>(), 1}, std::move(*message)};
            sink.take(MessageBox::lent(box));
            return {};
          }};
}

// The codec of a type with fields(), made of plain functions.
template <Message M>
  requires HasFields<M>
Codec codec_of() {
  return {&type_of<M>(),
          [](const MessageBox& box, Writer& out) -> Result<void> {
            encode(out, box.as<M>());
            return {};
          },
          [](View bytes) -> Result<MessageBox> {
            Reader in(bytes);
            M message{};
            decode(in, message);
            if (in.failed()) return fail(ErrorCode::protocol, "truncated message");
            if (in.size() != 0) return fail(ErrorCode::protocol, "bytes after the message");
            return MessageBox::make<M>(std::move(message));
          },
          [](View bytes, detail::MessageSink& sink) -> Result<void> {
            Reader in(bytes);
            detail::Box<M> box{{&type_of<M>(), 1}, M{}};
            decode(in, box.message);
            if (in.failed()) return fail(ErrorCode::protocol, "truncated message");
            if (in.size() != 0) return fail(ErrorCode::protocol, "bytes after the message");
            sink.take(MessageBox::lent(box));
            return {};
          }};
}

}  // namespace myelin::protocol
