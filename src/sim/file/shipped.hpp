// The protocols that ship, by name and with parameters as text: what a scenario file may put into its nodes.
//
// Thread: any.
#pragma once

#include "base/error.hpp"
#include "myelin/protocols.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::sim {

// Makes one for a node that joins through `contacts`.
using ShippedFactory = std::function<std::unique_ptr<protocol::Protocol>(const std::vector<protocol::Host>& contacts)>;

// A parameter that cannot be set: which (an index into `parameters`), and why; of the protocol itself: SIZE_MAX.
struct ShippedError {
  std::size_t parameter;
  std::string what;
};

std::vector<std::string> shipped_names();
// Of the protocol with that name; empty if there is none.
std::vector<std::string> shipped_parameters(std::string_view name);
std::expected<ShippedFactory, ShippedError> shipped_protocol(
    std::string_view name, const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace myelin::sim
