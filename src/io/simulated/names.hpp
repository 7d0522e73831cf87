// The names of the simulated world: what a resolver answers. The same for all hosts.
#pragma once

#include "base/error.hpp"
#include "io/network.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::io::simulated {

class Names {
 public:
  // Replaces what the name had. Names differ neither by case nor by a final dot (RFC 1034 §3.1).
  void add_addresses(std::string_view name, std::vector<IpAddress> addresses);
  void add_txt(std::string_view name, std::vector<std::string> records);

  // An address in text form is its own answer; `localhost` is 127.0.0.1 (RFC 6761 §6.3). Errors: offline (no such
  // name).
  Result<std::vector<IpAddress>> addresses(std::string_view name) const;
  Result<std::vector<std::string>> txt(std::string_view name) const;

 private:
  std::map<std::string, std::vector<IpAddress>, std::less<>> addresses_;
  std::map<std::string, std::vector<std::string>, std::less<>> txt_;
};

}  // namespace myelin::io::simulated
