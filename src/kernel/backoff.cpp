#include "kernel/backoff.hpp"

#include <algorithm>

namespace myelin::kernel {

std::optional<Duration> Backoff::ended(Instant now, bool failed) {
  if (up_since_ && now - *up_since_ >= long_enough_up) in_a_row_ = 0;
  up_since_.reset();
  bool again = policy_ == RestartPolicy::always || (policy_ == RestartPolicy::on_failure && failed);
  if (!again) return std::nullopt;
  Duration delay = first;
  for (std::uint32_t i = 0; i < in_a_row_ && delay < longest; ++i) delay *= 2;
  ++in_a_row_;
  return std::min(delay, longest);
}

}  // namespace myelin::kernel
