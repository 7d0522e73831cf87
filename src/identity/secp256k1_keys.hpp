// secp256k1 keys, by libsecp256k1: DER signatures over SHA-256 (specs/peer-ids).
//
// Signatures are made with low S (RFC 6979 nonces) and verified after normalising S, as some peers do not. Part of
// keys.hpp; used by nothing else. Thread: free functions, any.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace myelin::identity::secp256k1_keys {

// A compressed point, 33 bytes, on the curve. Errors: bad_request.
Result<void> check_public(View point);
bool verify(View point, View data, View signature);
// The compressed point of a scalar of 32 bytes. Errors: bad_request (length, zero, not under the group's order).
Result<Bytes> public_of_private(View scalar);
// REQUIRES: public_of_private said yes.
Bytes sign(View scalar, View data);

}  // namespace myelin::identity::secp256k1_keys
