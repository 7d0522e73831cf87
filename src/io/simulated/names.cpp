#include "io/simulated/names.hpp"

#include <utility>

namespace myelin::io::simulated {

namespace {

std::string canonical(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

template <typename Records>
Result<Records> find(const std::map<std::string, Records, std::less<>>& all, const std::string& name) {
  const auto found = all.find(name);
  if (found == all.end() || found->second.empty()) return fail(ErrorCode::offline, "no such name: " + name);
  return found->second;
}

}  // namespace

void Names::add_addresses(std::string_view name, std::vector<IpAddress> addresses) {
  addresses_.insert_or_assign(canonical(name), std::move(addresses));
}

void Names::add_txt(std::string_view name, std::vector<std::string> records) {
  txt_.insert_or_assign(canonical(name), std::move(records));
}

Result<std::vector<IpAddress>> Names::addresses(std::string_view name) const {
  if (const auto literal = IpAddress::parse(name)) return std::vector{*literal};
  const std::string wanted = canonical(name);
  if (wanted == "localhost" && !addresses_.contains(wanted)) return std::vector{IpAddress::loopback_v4()};
  return find(addresses_, wanted);
}

Result<std::vector<std::string>> Names::txt(std::string_view name) const { return find(txt_, canonical(name)); }

}  // namespace myelin::io::simulated
