// Stopwatch: the machine's monotonic clock, read anew at each call, for measuring how long work of ours takes within one turn of a real
// loop, whose now() stands still meanwhile.
//
// Never for deciding what happens when: that is Loop::now(). In a simulated world nobody asks it (it would tell the machine's time).
// Thread: any.
#pragma once

#include "base/time.hpp"

namespace myelin::io {

Instant stopwatch();

}  // namespace myelin::io
