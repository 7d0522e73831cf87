#include "identity/secp256k1_keys.hpp"

#include "base/check.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <secp256k1.h>
#include <sodium.h>

namespace myelin::identity::secp256k1_keys {
namespace {

constexpr std::size_t point_bytes = 33;
constexpr std::size_t scalar_bytes = 32;
constexpr std::size_t max_signature_bytes = 72;

struct Free {
  void operator()(secp256k1_context* context) const { secp256k1_context_destroy(context); }
};

// One per use, as blinding it would need randomness and sharing it a lock; the tables are static.
std::unique_ptr<secp256k1_context, Free> make_context() {
  return std::unique_ptr<secp256k1_context, Free>(secp256k1_context_create(SECP256K1_CONTEXT_SIGN));
}

std::array<std::uint8_t, crypto_hash_sha256_BYTES> sha256(View data) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), data.data(), data.size());
  return digest;
}

bool read_point(View point, secp256k1_pubkey& key) {
  return point.size() == point_bytes &&
         secp256k1_ec_pubkey_parse(secp256k1_context_static, &key, point.data(), point.size()) == 1;
}

}  // namespace

Result<void> check_public(View point) {
  secp256k1_pubkey key;
  if (!read_point(point, key)) return fail(ErrorCode::bad_request, "not a compressed secp256k1 point");
  return {};
}

bool verify(View point, View data, View signature) {
  secp256k1_pubkey key;
  secp256k1_ecdsa_signature parsed;
  const secp256k1_context* context = secp256k1_context_static;
  // An empty view may have no address, which the library takes for a mistake of ours and aborts.
  if (signature.empty() || !read_point(point, key)) return false;
  if (secp256k1_ecdsa_signature_parse_der(context, &parsed, signature.data(), signature.size()) != 1) return false;
  secp256k1_ecdsa_signature_normalize(context, &parsed, &parsed);
  return secp256k1_ecdsa_verify(context, &parsed, sha256(data).data(), &key) == 1;
}

Result<Bytes> public_of_private(View scalar) {
  const auto context = make_context();
  secp256k1_pubkey key;
  if (scalar.size() != scalar_bytes || secp256k1_ec_pubkey_create(context.get(), &key, scalar.data()) != 1) {
    return fail(ErrorCode::bad_request, "not a secp256k1 private key");
  }
  Bytes point(point_bytes);
  std::size_t size = point.size();
  secp256k1_ec_pubkey_serialize(context.get(), point.data(), &size, &key, SECP256K1_EC_COMPRESSED);
  return point;
}

Bytes sign(View scalar, View data) {
  const auto context = make_context();
  secp256k1_ecdsa_signature signature;
  const int made =
      secp256k1_ecdsa_sign(context.get(), &signature, sha256(data).data(), scalar.data(), nullptr, nullptr);
  MYELIN_CHECK(made == 1, "a checked private key signs");
  Bytes der(max_signature_bytes);
  std::size_t size = der.size();
  const int written = secp256k1_ecdsa_signature_serialize_der(context.get(), der.data(), &size, &signature);
  MYELIN_CHECK(written == 1, "a signature fits its longest form");
  der.resize(size);
  return der;
}

}  // namespace myelin::identity::secp256k1_keys
