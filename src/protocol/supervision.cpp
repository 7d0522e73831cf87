#include "protocol/supervision.hpp"

#include <algorithm>

namespace myelin::protocol {
namespace {
constexpr Duration longest_backoff = std::chrono::seconds(10);
}

Verdict CrashHistory::crashed(const Supervision& supervision, Instant now) {
  if (supervision.on_crash != Supervision::OnCrash::restart) return {supervision.on_crash, {}};
  std::erase_if(restarts_, [&](Instant at) { return now - at >= supervision.window; });
  if (restarts_.size() >= supervision.max_restarts) return {Supervision::OnCrash::stop, {}};
  Duration backoff = std::min(supervision.backoff, longest_backoff);
  for (std::size_t i = 0; i < restarts_.size() && backoff < longest_backoff; ++i) {
    backoff = std::min(backoff * 2, longest_backoff);
  }
  restarts_.push_back(now);
  return {Supervision::OnCrash::restart, backoff};
}

}  // namespace myelin::protocol
