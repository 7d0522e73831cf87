#include "kernel/names.hpp"

namespace myelin::kernel {

std::optional<Pid> Names::find(std::string_view name) const {
  auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

void Names::erase(const std::string& name, const Pid& pid) {
  auto found = names_.find(name);
  if (found == names_.end() || found->second != pid) return;
  names_.erase(found);
  ++version_;
}

Result<std::optional<Pid>> Names::reserve(const std::string& name, bool replace) {
  if (reserved_.contains(name)) return fail(ErrorCode::conflict, "the name '" + name + "' is being taken");
  auto holder = find(name);
  if (holder && !replace) return fail(ErrorCode::conflict, "the name '" + name + "' is taken");
  reserved_.insert(name);
  return holder;
}

}  // namespace myelin::kernel
