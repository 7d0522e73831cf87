// The protobuf message around a key, `{KeyType Type = 1; bytes Data = 2}`, public or private (specs/peer-ids).
//
// Only the deterministic encoding is read: both fields, in order, minimal varints, nothing else. A peer ID is a hash of
// these bytes, so two encodings of one key would be two peers. Thread: free functions.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/keys.hpp"

#include <cstddef>

namespace myelin::identity {

struct KeyMessage {
  KeyType type;
  View data;  // within the message it was decoded from
};

// Errors: bad_request (not canonical, unknown type, over `max_bytes` in all).
Result<KeyMessage> decode_key_message(View message, std::size_t max_bytes);
Bytes encode_key_message(KeyType type, View data);

}  // namespace myelin::identity
