#include "http/json.hpp"

#include <ctime>
#include <nlohmann/json.hpp>

namespace myelin::http {
namespace {

using Json = nlohmann::ordered_json;

// Foreign text may be no UTF-8; it is shown with replacement characters and never throws.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

Json limits_value(const kernel::ProcessLimits& limits) {
  return {{"memory_bytes", static_cast<std::uint64_t>(limits.memory_pages) * 65536},
          {"fuel_per_call", limits.fuel_per_call},
          {"wall_per_call_ms", limits.wall_per_call.count() / 1'000'000},
          {"output_bytes_per_call", limits.output_bytes_per_call},
          {"queue_messages", limits.queue_messages},
          {"queue_bytes", limits.queue_bytes},
          {"open_requests", limits.open_requests}};
}

Json access_value(const kernel::AccessList& access) {
  Json peers = Json::array();
  for (const identity::PeerId& peer : access.peers) peers.push_back(peer.to_string());
  return {{"anyone", access.anyone}, {"peers", std::move(peers)}};
}

Json process_value(const kernel::ProcessInfo& process, const identity::PeerId& node) {
  Json json;
  json["pid"] = process.pid.to_string();
  json["name"] = process.name;
  json["kind"] = kernel::name(process.kind);
  json["state"] = kernel::name(process.state);
  json["parent"] = process.parent ? Json(process.parent->to_string()) : Json(nullptr);
  json["module"] = to_hex(process.module_id);
  json["methods"] = process.methods;
  json["arguments"] = process.arguments;
  json["limits"] = limits_value(process.limits);
  json["restart"] = kernel::name(process.restart);
  json["access"] = access_value(process.access);
  json["shard"] = process.shard;
  json["restarts"] = process.restarts;
  json["calls"] = process.calls;
  json["failures"] = process.failures;
  json["fuel_used"] = process.fuel_used;
  json["memory_bytes"] = process.memory_bytes;
  json["queued_messages"] = process.queued_messages;
  json["queued_bytes"] = process.queued_bytes;
  json["open_requests"] = process.open_requests;
  json["started"] = time_text(process.started);
  json["last_error"] = process.last_error;
  json["path"] = "/ww/0.1.0/" + node.to_string() + "/" + process.pid.to_string();
  return json;
}

Json texts(const std::vector<libp2p::Multiaddr>& addresses) {
  Json list = Json::array();
  for (const libp2p::Multiaddr& address : addresses) list.push_back(address.to_string());
  return list;
}

Json peer_value(const libp2p::PeerInfo& peer) {
  return {{"id", peer.id.to_string()},
          {"connected", peer.connected},
          {"inbound", peer.inbound},
          {"remote", peer.remote.to_string()},
          {"addresses", texts(peer.addresses)},
          {"agent", peer.agent_version},
          {"protocols", peer.protocols},
          {"rtt_ms", milliseconds(peer.round_trip)},
          {"streams", peer.streams}};
}

Json log_line_value(const kernel::LogLine& line) {
  return {{"sequence", line.sequence}, {"time", time_text(line.when)}, {"text", line.text}};
}

}  // namespace

std::string time_text(WallTime time) {
  const std::int64_t ns = time.time_since_epoch().count();
  const std::time_t seconds = static_cast<std::time_t>(ns / 1'000'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[80];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(ns / 1'000'000 % 1000));
  return std::string(text, size) + fraction;
}

std::string error_json(const Error& error, std::string_view request_id) {
  return dump({{"error", name(error.code)},
               {"message", error.message},
               {"detail", error.detail},
               {"request_id", std::string(request_id)}});
}

std::string process_json(const kernel::ProcessInfo& process, const identity::PeerId& node) {
  return dump(process_value(process, node));
}

std::string processes_json(const std::vector<kernel::ProcessInfo>& processes, const identity::PeerId& node) {
  Json list = Json::array();
  for (const kernel::ProcessInfo& process : processes) list.push_back(process_value(process, node));
  return dump({{"processes", std::move(list)}});
}

std::string peer_json(const libp2p::PeerInfo& peer) { return dump(peer_value(peer)); }

std::string peers_json(const std::vector<libp2p::PeerInfo>& peers) {
  Json list = Json::array();
  for (const libp2p::PeerInfo& peer : peers) list.push_back(peer_value(peer));
  return dump({{"peers", std::move(list)}});
}

std::string info_json(const identity::PeerId& id, const std::vector<libp2p::Multiaddr>& addresses) {
  return dump({{"ID", id.to_string()}, {"Addrs", texts(addresses)}});
}

std::string log_line_json(const kernel::LogLine& line) { return dump(log_line_value(line)); }

std::string log_lines_json(const std::vector<kernel::LogLine>& lines) {
  Json list = Json::array();
  for (const kernel::LogLine& line : lines) list.push_back(log_line_value(line));
  return dump({{"lines", std::move(list)}});
}

std::string ping_json(Duration round_trip) { return dump({{"rtt_ms", milliseconds(round_trip)}}); }

std::optional<std::string> string_member(std::string_view text, std::string_view name) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto member = json.find(std::string(name));
  if (member == json.end() || !member->is_string()) return std::nullopt;
  return member->get<std::string>();
}

}  // namespace myelin::http
