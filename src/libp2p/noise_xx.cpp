#include "libp2p/noise_xx.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"

#include <algorithm>
#include <memory>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string_view>

namespace myelin::libp2p::noise {
namespace {

// 32 characters: as long as the hash, so that it is the first hash itself (§5.2).
constexpr std::string_view protocol_name = "Noise_XX_25519_ChaChaPoly_SHA256";
static_assert(protocol_name.size() == SHA256_DIGEST_LENGTH);
constexpr std::size_t dh_bytes = 32;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using DhKey = std::unique_ptr<EVP_PKEY, Free>;

DhKey private_key(const Key& secret) {
  DhKey key(EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, secret.data(), secret.size()));
  MYELIN_CHECK(key != nullptr, "any 32 bytes are an X25519 secret");
  return key;
}

void hmac_sha256(View key, View data, std::uint8_t* out) {
  unsigned size = 0;
  const void* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out, &size);
  MYELIN_CHECK(made != nullptr && size == SHA256_DIGEST_LENGTH, "HMAC-SHA256 is there");
}

struct Pair {
  Key first;
  Key second;
};

// HKDF with two outputs (§4.3).
Pair hkdf(const Key& chaining_key, View input) {
  Pair out;
  Key temporary;
  hmac_sha256(chaining_key.view(), input, temporary.data());
  identity::SecretArray<key_bytes + 1> block;
  block.data()[0] = 1;
  hmac_sha256(temporary.view(), block.view().first(1), out.first.data());
  std::copy(out.first.data(), out.first.data() + key_bytes, block.data());
  block.data()[key_bytes] = 2;
  hmac_sha256(temporary.view(), block.view(), out.second.data());
  return out;
}

}  // namespace

DhPublic dh_public(const Key& secret) {
  DhPublic point{};
  std::size_t size = point.size();
  const int ok = EVP_PKEY_get_raw_public_key(private_key(secret).get(), point.data(), &size);
  MYELIN_CHECK(ok == 1 && size == point.size(), "an X25519 secret has a public key");
  return point;
}

XX::XX(Role role, const Key& static_secret, const Key& ephemeral_secret, View prologue)
    : role_(role),
      static_secret_(static_secret),
      ephemeral_secret_(ephemeral_secret),
      static_public_(dh_public(static_secret)),
      ephemeral_public_(dh_public(ephemeral_secret)) {
  std::copy(protocol_name.begin(), protocol_name.end(), hash_.begin());
  std::copy(hash_.begin(), hash_.end(), chaining_key_.data());
  mix_hash(prologue);
}

bool XX::my_turn() const { return !finished() && (messages_ % 2 == 0) == (role_ == Role::initiator); }

Result<Bytes> XX::write(View payload) {
  MYELIN_CHECK(my_turn(), "messages of a handshake alternate");
  Bytes out;
  if (messages_ < 2) {  // e
    out.assign(ephemeral_public_.begin(), ephemeral_public_.end());
    mix_hash(ephemeral_public_);
  }
  if (messages_ > 0) {
    if (messages_ == 1) {  // ee
      if (Result<void> mixed = mix_dh(ephemeral_secret_, remote_ephemeral_); !mixed) return fail(mixed.error());
    }
    if (Result<void> done = encrypt_and_hash(static_public_, out); !done) return fail(done.error());
    // es for the responder, se for the initiator: our static secret with their ephemeral key in both.
    if (Result<void> mixed = mix_dh(static_secret_, remote_ephemeral_); !mixed) return fail(mixed.error());
  }
  if (Result<void> done = encrypt_and_hash(payload, out); !done) return fail(done.error());
  if (out.size() > limits::noise_frame_bytes) return fail(ErrorCode::too_large, "Noise handshake payload is too large");
  ++messages_;
  return out;
}

Result<Bytes> XX::read(View message) {
  MYELIN_CHECK(!finished() && !my_turn(), "messages of a handshake alternate");
  if (messages_ < 2) {  // e
    if (message.size() < dh_bytes) return fail(ErrorCode::protocol, "Noise handshake message is too short");
    std::copy_n(message.begin(), dh_bytes, remote_ephemeral_.begin());
    mix_hash(remote_ephemeral_);
    message = message.subspan(dh_bytes);
  }
  if (messages_ > 0) {
    if (messages_ == 1) {  // ee
      if (Result<void> mixed = mix_dh(ephemeral_secret_, remote_ephemeral_); !mixed) return fail(mixed.error());
    }
    constexpr std::size_t sealed_bytes = dh_bytes + tag_bytes;
    if (message.size() < sealed_bytes) return fail(ErrorCode::protocol, "Noise handshake message is too short");
    const Result<Bytes> point = decrypt_and_hash(message.first(sealed_bytes));
    if (!point) return point;
    remote_static_.emplace();
    std::copy(point->begin(), point->end(), remote_static_->begin());
    message = message.subspan(sealed_bytes);
    // es for the initiator, se for the responder: our ephemeral secret with their static key in both.
    if (Result<void> mixed = mix_dh(ephemeral_secret_, *remote_static_); !mixed) return fail(mixed.error());
  }
  Result<Bytes> payload = decrypt_and_hash(message);
  if (payload) ++messages_;
  return payload;
}

const DhPublic& XX::remote_static() const {
  MYELIN_CHECK(remote_static_.has_value(), "the peer's static key has arrived");
  return *remote_static_;
}

const std::array<std::uint8_t, 32>& XX::hash() const {
  MYELIN_CHECK(finished(), "the handshake is over");
  return hash_;
}

XX::Keys XX::split() const {
  MYELIN_CHECK(finished(), "the handshake is over");
  const Pair pair = hkdf(chaining_key_, {});
  if (role_ == Role::initiator) return {pair.first, pair.second};
  return {pair.second, pair.first};
}

void XX::mix_hash(View data) {
  Bytes joined(hash_.begin(), hash_.end());
  joined.insert(joined.end(), data.begin(), data.end());
  SHA256(joined.data(), joined.size(), hash_.data());
}

void XX::mix_key(View input) {
  Pair pair = hkdf(chaining_key_, input);
  chaining_key_ = pair.first;
  key_ = pair.second;
  nonce_ = 0;
}

Result<void> XX::mix_dh(const Key& secret, const DhPublic& remote) {
  const std::unique_ptr<EVP_PKEY, Free> own = private_key(secret);
  const std::unique_ptr<EVP_PKEY, Free> peer(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, remote.data(), remote.size()));
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new(own.get(), nullptr));
  MYELIN_CHECK(peer != nullptr && context != nullptr && EVP_PKEY_derive_init(context.get()) == 1, "X25519 is there");
  Key shared;
  std::size_t size = shared.size();
  const bool derived = EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                       EVP_PKEY_derive(context.get(), shared.data(), &size) == 1;
  if (!derived) ERR_clear_error();
  // OpenSSL refuses an all-zero result itself; it is checked again, as RFC 7748 §6.1 leaves it to each implementation.
  if (!derived || std::ranges::all_of(shared.view(), [](std::uint8_t byte) { return byte == 0; })) {
    return fail(ErrorCode::protocol, "the peer's Noise key is of low order");
  }
  mix_key(shared.view());
  return {};
}

Result<void> XX::encrypt_and_hash(View plaintext, Bytes& out) {
  const std::size_t at = out.size();
  if (!key_) {
    out.insert(out.end(), plaintext.begin(), plaintext.end());
  } else {
    out.resize(at + plaintext.size() + tag_bytes);
    CipherState cipher(CipherState::Direction::seal, *key_, nonce_++);
    if (Result<void> sealed = cipher.seal(hash_, {&plaintext, 1}, out.data() + at); !sealed) return sealed;
  }
  mix_hash(View(out).subspan(at));
  return {};
}

Result<Bytes> XX::decrypt_and_hash(View ciphertext) {
  if (!key_) {
    mix_hash(ciphertext);
    return Bytes(ciphertext.begin(), ciphertext.end());
  }
  if (ciphertext.size() < tag_bytes) return fail(ErrorCode::protocol, "Noise handshake message is too short");
  const View body = ciphertext.first(ciphertext.size() - tag_bytes);
  Bytes plaintext(body.size());
  CipherState cipher(CipherState::Direction::open, *key_, nonce_);
  const Result<void> opened = cipher.open(hash_, {&body, 1}, ciphertext.last(tag_bytes), plaintext.data());
  if (!opened) return fail(opened.error());
  ++nonce_;
  mix_hash(ciphertext);
  return plaintext;
}

}  // namespace myelin::libp2p::noise
