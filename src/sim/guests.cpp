#include "sim/guests.hpp"

#include "base/limits.hpp"
#include "kernel/message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace myelin::sim {
namespace {

using simulation::Guest;
using simulation::NodeIndex;
using simulation::Pick;

constexpr std::uint64_t page_bytes = 65'536;  // of WebAssembly memory

bool names(const Pick& pick, NodeIndex node) {
  switch (pick.kind) {
    case Pick::Kind::nodes:
      return std::ranges::find(pick.indices, node) != pick.indices.end();
    case Pick::Kind::range:
      return node >= pick.first && node - pick.first < pick.count;
    default:
      return pick.kind == Pick::Kind::all;
  }
}

}  // namespace

bool fixed(const Pick& pick) {
  return pick.kind == Pick::Kind::all || pick.kind == Pick::Kind::nodes || pick.kind == Pick::Kind::range;
}

Result<void> check_module_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error) return fail(ErrorCode::io, path + ": " + error.message());
  if (!std::filesystem::is_regular_file(status)) return fail(ErrorCode::io, path + ": not a regular file");
  const auto size = std::filesystem::file_size(path, error);
  if (error) return fail(ErrorCode::io, path + ": " + error.message());
  if (size > limits::module_bytes)
    return fail(ErrorCode::too_large,
                path + ": a module has at most " + std::to_string(limits::module_bytes) + " bytes");
  return {};
}

Result<Guest> with_module(Guest guest) {
  if (!kernel::valid_process_name(guest.name))
    return fail(ErrorCode::bad_request, "'" + guest.name + "' is no name of a guest");
  if (!guest.module.empty()) return guest;
  if (guest.file.empty()) return fail(ErrorCode::bad_request, "guest " + guest.name + " has no module");
  if (auto checked = check_module_file(guest.file); !checked)
    return fail(checked.error().code, "guest " + guest.name + ": " + checked.error().message);
  std::ifstream in(guest.file, std::ios::binary);
  if (!in) return fail(ErrorCode::io, "guest " + guest.name + ": " + guest.file + ": " + std::strerror(errno));
  guest.module.assign(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) return fail(ErrorCode::io, "guest " + guest.name + ": " + guest.file + " could not be read");
  return guest;
}

Result<simulation::Setup> setup_with(std::vector<simulation::PlacedGuest> guests, simulation::Setup setup) {
  if (guests.empty()) return setup;
  for (auto& placed : guests) {
    if (!fixed(placed.nodes))
      return fail(ErrorCode::bad_request, "guest " + placed.guest.name + ": its nodes are all, a list or a range");
    auto guest = with_module(std::move(placed.guest));
    if (!guest) return fail(guest.error());
    placed.guest = std::move(*guest);
  }
  return [guests = std::move(guests), setup = std::move(setup)](simulation::NodeSetup& node) {
    if (setup) setup(node);
    for (const auto& placed : guests)
      if (names(placed.nodes, node.index())) node.add_guest(placed.guest);
  };
}

Result<kernel::SpawnSpec> spec_of(Guest guest) {
  const auto bad = [&guest](const std::string& what) {
    return fail(ErrorCode::bad_request, "guest " + guest.name + ": " + what);
  };
  kernel::SpawnSpec spec;
  const simulation::GuestLimits& wanted = guest.limits;
  if (wanted.memory_bytes == 0 || wanted.memory_bytes % page_bytes != 0 ||
      wanted.memory_bytes / page_bytes > limits::guest_memory_pages)
    return bad("memory_bytes is a multiple of 64 KiB, at most 64 MiB");
  if (wanted.wall_per_call < Duration{0}) return bad("wall_per_call is not negative");
  spec.limits.memory_pages = static_cast<std::uint32_t>(wanted.memory_bytes / page_bytes);
  spec.limits.fuel_per_call = wanted.fuel_per_call;
  spec.limits.wall_per_call = wanted.wall_per_call;
  spec.limits.output_bytes_per_call = wanted.output_bytes_per_call;
  spec.limits.queue_messages = wanted.queue_messages;
  spec.limits.queue_bytes = wanted.queue_bytes;
  spec.limits.open_requests = wanted.open_requests;
  const auto restart = kernel::restart_policy(guest.restart);
  if (!restart) return bad("restart is never, on-failure or always");
  spec.restart = *restart;
  spec.name = std::move(guest.name);
  spec.module = Buffer::copy_of(View(guest.module));
  spec.arguments = std::move(guest.arguments);
  spec.environment = std::move(guest.environment);
  spec.access.anyone = guest.anyone;
  return spec;
}

}  // namespace myelin::sim
