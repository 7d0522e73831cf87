// The cases that a dialling peer runs (README.md).
//
// Thread: the loop's.
#pragma once

#include "interop/protocols.hpp"
#include "io/sync.hpp"

#include <string>

namespace myelin::interop {

// Connects to `address` and runs case `name`; prints what it measured. `ended` fires when whoever started us lets go.
io::Task<Result<void>> run_case(io::Loop* loop, Host* host, std::string address, std::string name, io::Event* ended);

}  // namespace myelin::interop
