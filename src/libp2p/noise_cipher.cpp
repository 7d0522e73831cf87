#include "libp2p/noise_cipher.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <openssl/err.h>
#include <openssl/evp.h>

namespace myelin::libp2p::noise {
namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::uint64_t reserved_nonce = std::numeric_limits<std::uint64_t>::max();

// Looked up once per program, as the look-up costs more than sealing a small frame; it is immutable and lives until the
// program ends.
const EVP_CIPHER* chacha20_poly1305() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  MYELIN_CHECK(cipher != nullptr, "OpenSSL has ChaCha20-Poly1305");
  return cipher;
}

// The cipher passes over what one call gives it twice, once to encrypt and once to authenticate: as much as stays in
// the first-level cache between the two, source and result. A multiple of both block sizes, so that no block is split.
constexpr std::size_t cached_bytes = 8 * limits::kib;

// Passes a piece that begins `position` bytes into its message through the cipher, in parts that end on multiples of
// cached_bytes.
void update(evp_cipher_ctx_st* context, View piece, std::size_t position, std::uint8_t* out) {
  while (!piece.empty()) {
    const View part = piece.first(std::min(piece.size(), cached_bytes - position % cached_bytes));
    int written = 0;
    const int ok = EVP_CipherUpdate(context, out, &written, part.data(), static_cast<int>(part.size()));
    MYELIN_CHECK(ok == 1 && written == static_cast<int>(part.size()), "a stream cipher gives as much as it takes");
    piece = piece.subspan(part.size());
    position += part.size();
    out += part.size();
  }
}

int encrypting(CipherState::Direction direction) { return direction == CipherState::Direction::seal ? 1 : 0; }

}  // namespace

void CipherState::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

CipherState::CipherState(Direction direction, const Key& key, std::uint64_t nonce)
    : context_(EVP_CIPHER_CTX_new()), nonce_(nonce), direction_(direction) {
  MYELIN_CHECK(context_ != nullptr, "there is memory for a cipher");
  const int ok =
      EVP_CipherInit_ex2(context_.get(), chacha20_poly1305(), key.data(), nullptr, encrypting(direction), nullptr);
  MYELIN_CHECK(ok == 1, "a cipher takes its key");
}

Result<void> CipherState::begin(View associated) {
  if (nonce_ == reserved_nonce) return fail(ErrorCode::limit, "all nonces of the Noise session are used");
  std::array<std::uint8_t, nonce_bytes> nonce{};  // 32 zero bits, then the counter, little-endian
  for (std::size_t i = 0; i < sizeof(nonce_); ++i) nonce[4 + i] = static_cast<std::uint8_t>(nonce_ >> (8 * i));
  int ok = EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nonce.data(), encrypting(direction_), nullptr);
  int written = 0;
  if (ok == 1 && !associated.empty()) {
    ok = EVP_CipherUpdate(context_.get(), nullptr, &written, associated.data(), static_cast<int>(associated.size()));
  }
  MYELIN_CHECK(ok == 1, "a cipher takes its nonce and associated data");
  return {};
}

Result<void> CipherState::seal(View associated, std::span<const View> pieces, std::uint8_t* out) {
  MYELIN_CHECK(direction_ == Direction::seal, "this end seals");
  if (Result<void> begun = begin(associated); !begun) return begun;
  std::size_t position = 0;
  for (const View piece : pieces) {
    update(context_.get(), piece, position, out + position);
    position += piece.size();
  }
  std::array<std::uint8_t, tag_bytes> none{};  // the stream cipher has nothing left to give
  int written = 0;
  int ok = EVP_EncryptFinal_ex(context_.get(), none.data(), &written);
  if (ok == 1) {
    ok = EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes), out + position);
  }
  MYELIN_CHECK(ok == 1, "a sealed message has a tag");
  ++nonce_;
  return {};
}

Result<void> CipherState::open(View associated, std::span<const View> pieces, View tag, std::uint8_t* out) {
  MYELIN_CHECK(direction_ == Direction::open && tag.size() == tag_bytes, "this end opens");
  if (Result<void> begun = begin(associated); !begun) return begun;
  std::size_t position = 0;
  for (const View piece : pieces) {
    update(context_.get(), piece, position, out + position);
    position += piece.size();
  }
  std::array<std::uint8_t, tag_bytes> expected{};
  std::copy(tag.begin(), tag.end(), expected.begin());
  const int ok =
      EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes), expected.data());
  MYELIN_CHECK(ok == 1, "a cipher takes a tag");
  std::array<std::uint8_t, tag_bytes> none{};
  int written = 0;
  if (EVP_DecryptFinal_ex(context_.get(), none.data(), &written) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::protocol, "Noise message is not authentic");
  }
  ++nonce_;
  return {};
}

}  // namespace myelin::libp2p::noise
