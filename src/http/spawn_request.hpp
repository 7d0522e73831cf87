// A SpawnSpec from the query of `POST /v1/processes`.
//
// Thread: any.
#pragma once

#include "base/error.hpp"
#include "http/exchange.hpp"
#include "kernel/process.hpp"

#include <string_view>

namespace myelin::http {

// Everything but the module. Errors: bad_request (unknown parameter, malformed value), naming the parameter.
Result<kernel::SpawnSpec> spawn_spec(const Request& request, const kernel::ProcessLimits& defaults);

// "memory=64MiB", "fuel=1000000", "wall=5s", "output=1MiB", "queue=100", "queue-bytes=1MiB", "requests=16". Errors:
// bad_request.
Result<void> apply_limit(kernel::ProcessLimits& limits, std::string_view text);

}  // namespace myelin::http
