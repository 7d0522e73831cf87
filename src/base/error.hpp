// The one error enum of Myelin, and the result type that carries it: the public header, by the name that our layers use.
//
// A failure that is expected is a value: `Result<T>`. A broken invariant aborts (check.hpp). Thread: values.
#pragma once

#include "myelin/error.hpp"  // IWYU pragma: export
