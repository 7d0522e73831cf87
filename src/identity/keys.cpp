#include "identity/keys.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "identity/key_message.hpp"
#include "identity/openssl_keys.hpp"
#include "identity/secp256k1_keys.hpp"

#include <algorithm>
#include <sodium.h>
#include <utility>

namespace myelin::identity {
namespace {

constexpr std::size_t seed_bytes = crypto_sign_SEEDBYTES;
constexpr std::size_t point_bytes = crypto_sign_PUBLICKEYBYTES;
constexpr std::size_t secret_bytes = crypto_sign_SECRETKEYBYTES;  // seed, then public key
constexpr std::size_t legacy_secret_bytes = secret_bytes + point_bytes;
static_assert(secret_bytes == seed_bytes + point_bytes);

// An RSA private key holds about 4.6 times its modulus.
constexpr std::size_t max_private_message = 8 * limits::kib;

// Chooses the fastest implementations for this machine; until then libsodium takes the portable ones.
void ready() {
  static const int result = sodium_init();
  MYELIN_CHECK(result >= 0, "libsodium starts");
}

Result<void> check_public(KeyType type, View data) {
  switch (type) {
    case KeyType::ed25519:
      if (data.size() != point_bytes) return fail(ErrorCode::bad_request, "an Ed25519 public key has 32 bytes");
      return {};
    case KeyType::secp256k1:
      return secp256k1_keys::check_public(data);
    case KeyType::rsa:
    case KeyType::ecdsa:
      return openssl_keys::check_public(type, data);
  }
  return fail(ErrorCode::bad_request, "unknown key type");
}

SecretBytes ed25519_secret(View seed) {
  ready();
  std::array<std::uint8_t, point_bytes> point{};
  SecretArray<secret_bytes> secret;
  crypto_sign_seed_keypair(point.data(), secret.data(), seed.data());
  return SecretBytes(secret.view());
}

// Both forms end as seed and public key. A public half that is not the seed's would make signatures that leak the seed.
Result<SecretBytes> read_ed25519_secret(View data) {
  if (data.size() != secret_bytes && data.size() != legacy_secret_bytes) {
    return fail(ErrorCode::bad_request, "an Ed25519 private key has 64 or 96 bytes");
  }
  SecretBytes secret = ed25519_secret(data.first(seed_bytes));
  const View point = secret.view().subspan(seed_bytes);
  for (std::size_t at = seed_bytes; at < data.size(); at += point_bytes) {
    if (!std::ranges::equal(point, data.subspan(at, point_bytes))) {
      return fail(ErrorCode::bad_request, "the Ed25519 public half is not that of the private key");
    }
  }
  return secret;
}

}  // namespace

PublicKey::PublicKey(KeyType type, View data)
    : type_(type), data_(data.begin(), data.end()), message_(encode_key_message(type, data)) {}

Result<PublicKey> PublicKey::decode(View message) {
  const Result<KeyMessage> key = decode_key_message(message, limits::protobuf_key_bytes);
  if (!key) return fail(key.error());
  if (const Result<void> good = check_public(key->type, key->data); !good) return fail(good.error());
  return PublicKey(key->type, key->data);
}

bool PublicKey::verify(View data, View signature) const {
  if (data_.empty()) return false;  // default-made
  switch (type_) {
    case KeyType::ed25519:
      ready();
      return signature.size() == crypto_sign_BYTES &&
             crypto_sign_verify_detached(signature.data(), data.data(), data.size(), data_.data()) == 0;
    case KeyType::secp256k1:
      return secp256k1_keys::verify(data_, data, signature);
    case KeyType::rsa:
    case KeyType::ecdsa:
      return openssl_keys::verify(type_, data_, data, signature);
  }
  return false;
}

KeyPair::KeyPair(KeyType type, View secret, PublicKey public_key)
    : type_(type), secret_(secret), public_(std::move(public_key)) {}

KeyPair KeyPair::ed25519(const std::array<std::uint8_t, 32>& seed) {
  const SecretBytes secret = ed25519_secret(seed);
  return KeyPair(KeyType::ed25519, secret.view(), PublicKey(KeyType::ed25519, secret.view().subspan(seed_bytes)));
}

Result<KeyPair> KeyPair::decode(View message) {
  const Result<KeyMessage> key = decode_key_message(message, max_private_message);
  if (!key) return fail(key.error());
  if (key->type == KeyType::ed25519) {
    const Result<SecretBytes> secret = read_ed25519_secret(key->data);
    if (!secret) return fail(secret.error());
    return KeyPair(key->type, secret->view(), PublicKey(key->type, secret->view().subspan(seed_bytes)));
  }
  const Result<Bytes> public_data = key->type == KeyType::secp256k1
                                        ? secp256k1_keys::public_of_private(key->data)
                                        : openssl_keys::public_of_private(key->type, key->data);
  if (!public_data) return fail(public_data.error());
  return KeyPair(key->type, key->data, PublicKey(key->type, *public_data));
}

Bytes KeyPair::encode() const {
  if (secret_.empty()) return {};
  return encode_key_message(type_, secret_.view());
}

Bytes KeyPair::sign(View data) const {
  MYELIN_CHECK(!secret_.empty(), "only a key signs");
  switch (type_) {
    case KeyType::ed25519: {
      Bytes signature(crypto_sign_BYTES);
      crypto_sign_detached(signature.data(), nullptr, data.data(), data.size(), secret_.view().data());
      return signature;
    }
    case KeyType::secp256k1:
      return secp256k1_keys::sign(secret_.view(), data);
    case KeyType::rsa:
    case KeyType::ecdsa:
      return openssl_keys::sign(type_, secret_.view(), data);
  }
  return {};
}

}  // namespace myelin::identity
