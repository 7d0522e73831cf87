#include "glia/path_cache.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace myelin::glia {
namespace {

// FNV-1a, 64 bits: a place in a table of our own, nothing that a peer could gain by choosing.
std::uint64_t mix(std::uint64_t hash, View bytes) {
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

constexpr std::uint64_t seed = 0xcbf29ce484222325u;

std::size_t place_of(std::string_view text) {
  // The end tells paths of one node apart.
  const std::string_view tail = text.substr(text.size() - std::min<std::size_t>(text.size(), 48));
  return mix(seed, as_view(tail)) % PathCache::places;
}

std::size_t place_of(const kernel::CallPath& path) {
  const Pid* pid = std::get_if<Pid>(&path.process);
  const std::uint64_t hash = mix(seed, pid ? View(pid->bytes) : as_view(std::get<std::string>(path.process)));
  return mix(hash, as_view(path.method)) % PathCache::places;
}

}  // namespace

Result<kernel::CallPath> PathCache::parse(std::string_view text) {
  std::optional<Entry>& entry = parsed_[place_of(text)];
  if (entry && entry->text == text) return entry->path;
  auto path = kernel::CallPath::parse(text, {});
  if (path) entry = Entry{std::string(text), *path};
  return path;
}

const std::string& PathCache::text_of(const kernel::CallPath& path) {
  std::optional<Entry>& entry = written_[place_of(path)];
  const bool same = entry && entry->path.method == path.method && entry->path.process == path.process &&
                    entry->path.node == path.node;
  if (!same) entry = Entry{path.to_string(), path};
  return entry->text;
}

}  // namespace myelin::glia
