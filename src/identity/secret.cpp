#include "identity/secret.hpp"

#include <sodium.h>
#include <utility>

namespace myelin::identity {

void wipe(MutableView bytes) { sodium_memzero(bytes.data(), bytes.size()); }

SecretBytes& SecretBytes::operator=(const SecretBytes& other) {
  if (this != &other) *this = SecretBytes(other);
  return *this;
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    wipe(bytes_);
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

}  // namespace myelin::identity
