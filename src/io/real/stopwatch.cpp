#include "io/stopwatch.hpp"

namespace myelin::io {

Instant stopwatch() {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace myelin::io
