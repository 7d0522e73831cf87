#include "wasm/digest.hpp"

#include "base/check.hpp"

#include <memory>
#include <openssl/evp.h>

namespace myelin::wasm {

Digest sha256(std::initializer_list<View> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  Digest result{};
  bool ok = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const View part : parts) ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  ok = ok && EVP_DigestFinal_ex(context.get(), result.data(), nullptr) == 1;
  MYELIN_CHECK(ok, "SHA-256 is always there");
  return result;
}

}  // namespace myelin::wasm
