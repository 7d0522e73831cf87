// MessageUid: names one broadcast in the whole system; 128 random bits of its origin.
//
// Thread: values.
#pragma once

#include <cstdint>
#include <tuple>

namespace myelin::protocol {

struct MessageUid {
  std::uint64_t high = 0, low = 0;
  auto fields(this auto& self) { return std::tie(self.high, self.low); }
  friend bool operator==(const MessageUid&, const MessageUid&) = default;
};

}  // namespace myelin::protocol
