// Shared<T>: a field of a message whose value is shared by the messages that it is forwarded with, so that forwarding
// copies no bytes. On the wire it is its T.
//
// Invariants: the value never changes. The pointer is shared because a payload lives as long as the last of its
// readers: caches, queued messages, subscribers. Thread: that of the runtime.
#pragma once

#include "myelin/protocol/codec.hpp"

#include <memory>
#include <utility>

namespace myelin::protocol {

template <typename T>
struct Shared {
  std::shared_ptr<const T> value;

  static Shared of(T made) { return {std::make_shared<const T>(std::move(made))}; }
};

template <typename T>
void encode(Writer& out, const Shared<T>& shared) {
  if (shared.value) {
    encode(out, *shared.value);
  } else {
    encode(out, T{});
  }
}
template <typename T>
void decode(Reader& in, Shared<T>& shared) {
  T made{};
  decode(in, made);
  shared.value = std::make_shared<const T>(std::move(made));
}

}  // namespace myelin::protocol
