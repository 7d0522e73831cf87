// Native protocols: write a distributed protocol once, as a class with handlers; run it on a simulated world of
// thousands of nodes (myelin/simulation.hpp), and unchanged on real machines.
#pragma once

#include "myelin/protocol/codec.hpp"     // IWYU pragma: export
#include "myelin/protocol/context.hpp"   // IWYU pragma: export
#include "myelin/protocol/host.hpp"      // IWYU pragma: export
#include "myelin/protocol/message.hpp"   // IWYU pragma: export
#include "myelin/protocol/protocol.hpp"  // IWYU pragma: export
#include "myelin/protocol/runtime.hpp"   // IWYU pragma: export
