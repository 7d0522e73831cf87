// The simulated world for native protocols: the same protocol code on N nodes in one thread, in virtual time, from a
// seed. myelin/simulation/gtest.hpp is its face in GoogleTest, `myelin sim` on the command line.
#pragma once

#include "myelin/simulation/checks.hpp"      // IWYU pragma: export
#include "myelin/simulation/faults.hpp"      // IWYU pragma: export
#include "myelin/simulation/options.hpp"     // IWYU pragma: export
#include "myelin/simulation/scenario.hpp"    // IWYU pragma: export
#include "myelin/simulation/simulation.hpp"  // IWYU pragma: export
