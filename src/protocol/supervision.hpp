// CrashHistory: decides what follows a protocol's crash, by its Supervision. Pure.
//
// Thread: values.
#pragma once

#include "base/time.hpp"
#include "myelin/protocol/protocol.hpp"

#include <vector>

namespace myelin::protocol {

struct Verdict {
  Supervision::OnCrash what;
  Duration backoff{};  // restart: how long to wait
};

class CrashHistory {
 public:
  // The restart that is one too many within the window becomes `stop`.
  Verdict crashed(const Supervision& supervision, Instant now);

 private:
  std::vector<Instant> restarts_;  // within the window, the oldest first
};

}  // namespace myelin::protocol
