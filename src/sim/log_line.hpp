// log_line: a protocol's log event as one line of text, with virtual time.
//
// Pure. Thread: any.
#pragma once

#include "base/time.hpp"
#include "myelin/protocol/context.hpp"

#include <string>
#include <string_view>

namespace myelin::sim {

// "12.5s INFO protocol gossip heard from=n3"
std::string log_line(Duration now, std::string_view component, std::string_view protocol, protocol::LogLevel level,
                     std::string_view event, protocol::LogFields fields);

}  // namespace myelin::sim
