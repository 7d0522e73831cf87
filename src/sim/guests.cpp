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

std::string short_text(std::string_view text) {
  constexpr std::size_t most = 100;
  return text.size() <= most ? std::string(text) : std::string(text.substr(0, most)) + "…";
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

void send_call(simulation::Simulation& world, NodeIndex node, const simulation::ProcessCall& call) {
  world.post(node, [&world, node, call](protocol::Context& ctx) {
    ctx.call_process(
        call.process, call.method, protocol::Bytes(call.body.begin(), call.body.end()),
        [&world, node, call](const Result<protocol::Bytes>& answer) {
          const std::string what =
              "node " + std::to_string(node) + ", " + short_text(call.process) + " " + short_text(call.method) + ": ";
          if (!answer) return world.fail("call", what + to_string(answer.error()));
          const std::string_view text(reinterpret_cast<const char*>(answer->data()), answer->size());
          if (call.expect && text != *call.expect)
            world.fail("call", what + "'" + short_text(text) + "' in place of '" + short_text(*call.expect) + "'");
        },
        call.timeout);
  });
}

}  // namespace myelin::sim
