#include "identity/peer_id.hpp"

#include "base/ids.hpp"
#include "base/varint.hpp"
#include "identity/keys.hpp"
#include "identity/multibase.hpp"
#include "identity/multihash.hpp"

#include <array>
#include <cstring>
#include <sodium.h>

namespace myelin::identity {
namespace {

constexpr std::size_t max_inline_key = 42;  // longer keys are hashed
constexpr std::uint64_t cid_version = 1;
constexpr std::uint64_t codec_libp2p_key = 0x72;
constexpr std::size_t max_text = 128;

bool is_cid_base(Base base) {
  switch (base) {
    case Base::base16:
    case Base::base16_upper:
    case Base::base32:
    case Base::base32_upper:
    case Base::base36:
    case Base::base36_upper:
    case Base::base58btc:
      return true;
    case Base::base64:
    case Base::base64url:
      return false;
  }
  return false;
}

Result<PeerId> from_cid(std::string_view text) {
  const Result<Multibase> decoded = multibase_decode(text);
  if (!decoded) return fail(decoded.error());
  if (!is_cid_base(decoded->base)) return fail(ErrorCode::bad_request, "peer IDs are not written in this base");
  View bytes = decoded->bytes;
  for (std::uint64_t expected : {cid_version, codec_libp2p_key}) {
    const Varint varint = get_varint_strict(bytes);
    if (varint.state != Varint::State::ok || varint.value != expected) {
      return fail(ErrorCode::bad_request, "not a CID version 1 of a libp2p key");
    }
    bytes = bytes.subspan(varint.size);
  }
  return PeerId::from_bytes(bytes);
}

}  // namespace

Result<PeerId> PeerId::from_bytes(View multihash) {
  const Result<Multihash> decoded = decode_multihash(multihash);
  if (!decoded) return fail(decoded.error());
  if (decoded->code == multihash_identity) {
    if (decoded->digest.size() > max_inline_key)
      return fail(ErrorCode::bad_request, "peer ID with too long a key inside");
    if (Result<PublicKey> key = PublicKey::decode(decoded->digest); !key) return fail(key.error());
  } else if (decoded->code != multihash_sha2_256) {
    return fail(ErrorCode::bad_request, "a peer ID is an identity or sha2-256 multihash");
  }
  PeerId id;
  id.bytes_.assign(multihash.begin(), multihash.end());
  return id;
}

Result<PeerId> PeerId::parse(std::string_view text) {
  if (text.size() > max_text) return fail(ErrorCode::bad_request, "peer ID is too long");
  // An identity multihash begins with a zero byte, so with `1`; a sha2-256 one always with `Qm`.
  if (!text.starts_with('1') && !text.starts_with("Qm")) return from_cid(text);
  const std::optional<Bytes> bytes = base58_decode(text, max_text);
  if (!bytes) return fail(ErrorCode::bad_request, "peer ID is not base58");
  return from_bytes(*bytes);
}

PeerId PeerId::of_public_key(View public_key_message) {
  PeerId id;
  id.bytes_ = public_key_message.size() <= max_inline_key ? encode_multihash(multihash_identity, public_key_message)
                                                          : sha2_256_multihash(public_key_message);
  return id;
}

std::string PeerId::to_string() const { return base58_encode(bytes_); }

std::string PeerId::to_cid_string() const {
  Bytes cid;
  put_varint(cid, cid_version);
  put_varint(cid, codec_libp2p_key);
  cid.insert(cid.end(), bytes_.begin(), bytes_.end());
  return multibase_encode(Base::base36, cid);
}

std::uint64_t PeerId::stable_hash() const {
  // SipHash with a fixed key: the bytes of an identity multihash begin alike, and the result must not change between
  // runs. Read little-endian on every machine.
  static constexpr std::array<std::uint8_t, crypto_shorthash_KEYBYTES> key{'m', 'y', 'e', 'l', 'i', 'n', ' ', 'p',
                                                                           'e', 'e', 'r', ' ', 'i', 'd', ' ', '1'};
  std::array<std::uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), bytes_.data(), bytes_.size(), key.data());
  std::uint64_t value = 0;
  for (std::size_t i = hash.size(); i > 0; --i) value = (value << 8) | hash[i - 1];
  return value;
}

}  // namespace myelin::identity
