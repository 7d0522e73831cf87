#include "identity/openssl_keys.hpp"

#include "base/check.hpp"
#include "identity/der.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string_view>

namespace myelin::identity::openssl_keys {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t min_rsa_bits = 2048;
constexpr std::size_t max_rsa_bits = 8192;
constexpr std::size_t max_rsa_exponent_bits = 31;

// Object identifiers, content octets (RFC 8017 A.1, RFC 5480 §2.1.1).
constexpr std::string_view oid_rsa_encryption = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv;
constexpr std::string_view oid_ec_public_key = "\x2a\x86\x48\xce\x3d\x02\x01"sv;

struct Curve {
  std::string_view oid;
  std::size_t field_bytes;
};
constexpr std::array curves{
    Curve{"\x2a\x86\x48\xce\x3d\x03\x01\x07"sv, 32},  // P-256
    Curve{"\x2b\x81\x04\x00\x22"sv, 48},              // P-384
    Curve{"\x2b\x81\x04\x00\x23"sv, 66},              // P-521
};

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free>;

// Failures are in the results; what OpenSSL noted about them would stay in this thread's queue.
struct ErrorsCleared {
  ~ErrorsCleared() { ERR_clear_error(); }
};

std::unexpected<Error> malformed(std::string_view what) { return fail(ErrorCode::bad_request, std::string(what)); }

// `30 … { 30 … { algorithm … } 03 … 00 key }`: calls `algorithm` on the first and returns the key's bytes.
template <typename Algorithm>
std::optional<View> open_spki(View spki, Algorithm algorithm) {
  DerReader outer(spki);
  const auto body = outer.element(DerReader::sequence);
  if (!body || !outer.at_end()) return std::nullopt;
  DerReader info(*body);
  const auto identifier = info.element(DerReader::sequence);
  const auto bits = info.element(DerReader::bit_string);
  if (!identifier || !bits || !info.at_end() || bits->empty() || (*bits)[0] != 0) return std::nullopt;
  DerReader parameters(*identifier);
  if (!algorithm(parameters) || !parameters.at_end()) return std::nullopt;
  return bits->subspan(1);
}

Result<void> check_rsa_numbers(View modulus, View exponent) {
  const std::size_t bits = bit_length(modulus);
  if (bits > max_rsa_bits) return malformed("RSA key is over 8192 bits");
  if (bits < min_rsa_bits) return malformed("RSA key is under 2048 bits");
  if ((modulus.back() & 1) == 0) return malformed("RSA modulus is even");
  const bool too_small = exponent.size() == 1 && exponent[0] < 3;
  if (too_small || bit_length(exponent) > max_rsa_exponent_bits || (exponent.back() & 1) == 0) {
    return malformed("RSA exponent is out of range");
  }
  return {};
}

Result<void> check_rsa_public(View spki) {
  const auto key = open_spki(spki, [](DerReader& algorithm) {
    const auto oid = algorithm.element(DerReader::object_id);
    const auto null = algorithm.element(DerReader::null);
    return oid && as_text(*oid) == oid_rsa_encryption && null && null->empty();
  });
  if (!key) return malformed("not an RSA public key");
  DerReader outer(*key);
  const auto body = outer.element(DerReader::sequence);
  if (!body || !outer.at_end()) return malformed("not an RSA public key");
  DerReader numbers(*body);
  const auto modulus = numbers.positive_integer();
  const auto exponent = numbers.positive_integer();
  if (!modulus || !exponent || !numbers.at_end()) return malformed("not an RSA public key");
  return check_rsa_numbers(*modulus, *exponent);
}

const Curve* curve_of(View oid) {
  const auto curve = std::find_if(curves.begin(), curves.end(), [&](const Curve& c) { return c.oid == as_text(oid); });
  return curve == curves.end() ? nullptr : &*curve;
}

Result<void> check_ecdsa_public(View spki) {
  const Curve* curve = nullptr;
  const auto point = open_spki(spki, [&](DerReader& algorithm) {
    const auto oid = algorithm.element(DerReader::object_id);
    const auto named = algorithm.element(DerReader::object_id);
    if (named) curve = curve_of(*named);
    return oid && as_text(*oid) == oid_ec_public_key && curve != nullptr;
  });
  if (!point || point->size() != 1 + 2 * curve->field_bytes || (*point)[0] != 4) {
    return malformed("not an ECDSA public key on P-256, P-384 or P-521");
  }
  return {};
}

// RFC 8017 A.1.2, two primes. Everything that is computed with is bounded by the modulus.
Result<void> check_rsa_private(View der) {
  DerReader outer(der);
  const auto body = outer.element(DerReader::sequence);
  if (!body || !outer.at_end()) return malformed("not an RSA private key");
  DerReader numbers(*body);
  const auto version = numbers.element(DerReader::integer);
  const auto modulus = numbers.positive_integer();
  const auto exponent = numbers.positive_integer();
  if (!version || version->size() != 1 || (*version)[0] != 0 || !modulus || !exponent) {
    return malformed("not an RSA private key");
  }
  for (int i = 0; i < 6; ++i) {  // d, p, q, d mod p-1, d mod q-1, 1/q mod p
    const auto number = numbers.positive_integer();
    if (!number || number->size() > modulus->size()) return malformed("not an RSA private key");
  }
  if (!numbers.at_end()) return malformed("not an RSA private key");
  return check_rsa_numbers(*modulus, *exponent);
}

// RFC 5915: version 1, the scalar, [0] the named curve, and perhaps [1] the point.
Result<void> check_ecdsa_private(View der) {
  DerReader outer(der);
  const auto body = outer.element(DerReader::sequence);
  if (!body || !outer.at_end()) return malformed("not an ECDSA private key");
  DerReader parts(*body);
  const auto version = parts.element(DerReader::integer);
  const auto scalar = parts.element(DerReader::octet_string);
  const auto parameters = parts.element(DerReader::context_0);
  if (!version || version->size() != 1 || (*version)[0] != 1 || !scalar || !parameters) {
    return malformed("not an ECDSA private key");
  }
  DerReader named(*parameters);
  const auto oid = named.element(DerReader::object_id);
  const Curve* curve = oid ? curve_of(*oid) : nullptr;
  if (curve == nullptr || !named.at_end() || scalar->size() != curve->field_bytes) {
    return malformed("not an ECDSA private key on P-256, P-384 or P-521");
  }
  if (!parts.at_end() && (!parts.element(DerReader::context_1) || !parts.at_end())) {
    return malformed("not an ECDSA private key");
  }
  return {};
}

Key read_public(View spki) {
  const unsigned char* at = spki.data();
  return Key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
}

Key read_private(KeyType type, View der) {
  const unsigned char* at = der.data();
  const int id = type == KeyType::rsa ? EVP_PKEY_RSA : EVP_PKEY_EC;
  return Key(d2i_PrivateKey(id, nullptr, &at, static_cast<long>(der.size())));
}

Bytes sign_with(EVP_PKEY* key, View data) {
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key, nullptr) != 1) return {};
  if (EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1) return {};
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, data.data(), data.size()) != 1) return {};
  signature.resize(size);
  return signature;
}

bool verify_with(EVP_PKEY* key, View data, View signature) {
  const DigestContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key, nullptr) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
}

}  // namespace

Result<void> check_public(KeyType type, View spki) {
  const ErrorsCleared cleared;
  const Result<void> shape = type == KeyType::rsa ? check_rsa_public(spki) : check_ecdsa_public(spki);
  if (!shape) return shape;
  if (!read_public(spki)) return malformed("not a public key");  // a point off its curve, for one
  return {};
}

bool verify(KeyType, View spki, View data, View signature) {
  const ErrorsCleared cleared;
  const Key key = read_public(spki);
  return key && verify_with(key.get(), data, signature);
}

Result<Bytes> public_of_private(KeyType type, View der) {
  const ErrorsCleared cleared;
  const Result<void> shape = type == KeyType::rsa ? check_rsa_private(der) : check_ecdsa_private(der);
  if (!shape) return fail(shape.error());
  const Key key = read_private(type, der);
  if (!key) return malformed("not a private key");
  unsigned char* encoded = nullptr;
  const int size = i2d_PUBKEY(key.get(), &encoded);
  if (size <= 0) return malformed("not a private key");
  const Bytes spki(encoded, encoded + size);
  OPENSSL_free(encoded);
  if (const Result<void> known = check_public(type, spki); !known) return fail(known.error());
  const View probe = as_view("the parts of a private key belong together");
  const Key public_key = read_public(spki);
  if (!public_key || !verify_with(public_key.get(), probe, sign_with(key.get(), probe))) {
    return malformed("the parts of the private key do not belong together");
  }
  return spki;
}

Bytes sign(KeyType type, View der, View data) {
  const ErrorsCleared cleared;
  const Key key = read_private(type, der);
  MYELIN_CHECK(key != nullptr, "a checked private key is readable");
  Bytes signature = sign_with(key.get(), data);
  MYELIN_CHECK(!signature.empty(), "a checked private key signs");
  return signature;
}

}  // namespace myelin::identity::openssl_keys
