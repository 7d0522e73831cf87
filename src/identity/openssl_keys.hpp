// RSA and ECDSA keys, by OpenSSL: PKCS #1 v1.5 and ECDSA signatures over SHA-256 (specs/peer-ids).
//
// A foreign key is measured and held against its canonical DER form by our own reader before OpenSSL sees it: RSA
// modulus 2048 to 8192 bits, exponent odd and 3 to 2^31-1; ECDSA on a named curve, P-256, P-384 or P-521, point
// uncompressed. Part of keys.hpp; used by nothing else. Thread: free functions, any.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "identity/keys.hpp"

namespace myelin::identity::openssl_keys {

// `type` is rsa or ecdsa in all of these; `spki` a DER SubjectPublicKeyInfo, `der` a PKCS #1 RSAPrivateKey or an RFC
// 5915 ECPrivateKey.

// Errors: bad_request.
Result<void> check_public(KeyType type, View spki);
// REQUIRES: check_public said yes.
bool verify(KeyType type, View spki, View data, View signature);

// The public half of a private key, after one signature was made with it and verified, so that its parts belong
// together. Errors: bad_request.
Result<Bytes> public_of_private(KeyType type, View der);
// REQUIRES: public_of_private said yes.
Bytes sign(KeyType type, View der, View data);

}  // namespace myelin::identity::openssl_keys
