#include "io/simulated/disk.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

namespace myelin::io::simulated {

namespace {

constexpr std::uint32_t mode_bits = 07777;

std::unexpected<Error> failed(std::string_view path, int error) {
  return fail(ErrorCode::io, std::string(path) + ": " + std::generic_category().message(error),
              static_cast<std::uint32_t>(error));
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.emplace_back(part);
    }
  }
  return parts;
}

}  // namespace

Disk::Disk() : root_(std::make_unique<Node>()) {
  root_->directory = true;
  root_->mode = 0755;
}

Result<Disk::Node*> Disk::find(const std::vector<std::string>& parts, std::size_t count, std::string_view path) const {
  Node* node = root_.get();
  for (std::size_t i = 0; i < count; ++i) {
    if (!node->directory) return failed(path, ENOTDIR);
    const auto child = node->children.find(parts[i]);
    if (child == node->children.end()) return failed(path, ENOENT);
    node = child->second.get();
  }
  return node;
}

Result<Disk::Node*> Disk::find(std::string_view path) const {
  const auto parts = split(path);
  return find(parts, parts.size(), path);
}

Result<Buffer> Disk::read(std::string_view path, std::size_t max) const {
  const auto node = find(path);
  if (!node) return fail(node.error());
  if ((*node)->directory) return failed(path, EISDIR);
  if ((*node)->bytes.size() > max) {
    return fail(ErrorCode::too_large, std::string(path) + ": over " + std::to_string(max) + " bytes");
  }
  return (*node)->bytes;
}

Result<void> Disk::write(std::string_view path, Buffer bytes, std::uint32_t mode) {
  const auto parts = split(path);
  if (parts.empty()) return failed(path, EISDIR);
  const auto parent = find(parts, parts.size() - 1, path);
  if (!parent) return fail(parent.error());
  if (!(*parent)->directory) return failed(path, ENOTDIR);
  auto& node = (*parent)->children[parts.back()];
  if (node && node->directory) return failed(path, EISDIR);
  node = std::make_unique<Node>();
  node->mode = mode & mode_bits;
  node->bytes = std::move(bytes);
  return {};
}

Result<FileInfo> Disk::info(std::string_view path) const {
  const auto node = find(path);
  if (!node) return fail(node.error());
  return FileInfo{.size = (*node)->bytes.size(), .mode = (*node)->mode, .directory = (*node)->directory};
}

Result<void> Disk::make_directories(std::string_view path, std::uint32_t mode) {
  const auto parts = split(path);
  Node* node = root_.get();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto& child = node->children[parts[i]];
    if (!child) {
      child = std::make_unique<Node>();
      child->directory = true;
      child->mode = mode & mode_bits;
    }
    if (!child->directory) return failed(path, i + 1 == parts.size() ? EEXIST : ENOTDIR);
    node = child.get();
  }
  return {};
}

Result<void> Disk::remove(std::string_view path) {
  const auto parts = split(path);
  if (parts.empty()) return failed(path, EBUSY);
  const auto parent = find(parts, parts.size() - 1, path);
  if (!parent) return fail(parent.error());
  if (!(*parent)->directory) return failed(path, ENOTDIR);
  const auto child = (*parent)->children.find(parts.back());
  if (child == (*parent)->children.end()) return failed(path, ENOENT);
  if (!child->second->children.empty()) return failed(path, ENOTEMPTY);
  (*parent)->children.erase(child);
  return {};
}

Result<std::vector<std::string>> Disk::list(std::string_view path) const {
  const auto node = find(path);
  if (!node) return fail(node.error());
  if (!(*node)->directory) return failed(path, ENOTDIR);
  std::vector<std::string> names;
  for (const auto& [name, child] : (*node)->children) names.push_back(name);
  return names;
}

}  // namespace myelin::io::simulated
