// JSON as the API speaks it: processes, peers, errors, log lines. docs/openapi.yaml has the schemas.
//
// Values in, text out; the JSON library stays in json.cpp. Thread: any.
#pragma once

#include "base/error.hpp"
#include "kernel/process.hpp"
#include "libp2p/host.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::http {

std::string error_json(const Error& error, std::string_view request_id);
// `node`: this node's peer ID, for the process's path.
std::string process_json(const kernel::ProcessInfo& process, const identity::PeerId& node);
std::string processes_json(const std::vector<kernel::ProcessInfo>& processes, const identity::PeerId& node);
std::string peer_json(const libp2p::PeerInfo& peer);
std::string peers_json(const std::vector<libp2p::PeerInfo>& peers);
std::string info_json(const identity::PeerId& id, const std::vector<libp2p::Multiaddr>& addresses);
std::string log_line_json(const kernel::LogLine& line);
std::string log_lines_json(const std::vector<kernel::LogLine>& lines);
std::string ping_json(Duration round_trip);

// The string member `name` of the JSON object `text`; nothing if it is no object, or has none.
std::optional<std::string> string_member(std::string_view text, std::string_view name);

// "2026-11-24T10:00:00.000Z" (RFC 3339).
std::string time_text(WallTime time);

}  // namespace myelin::http
