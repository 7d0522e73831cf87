// peers, connect, ping: what the node does on the network.
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "http/exchange.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace myelin::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string address_of(const Json& peer) {
  const std::string remote = peer.value("remote", "");
  if (!remote.empty()) return visible(remote);
  const Json addresses = peer.value("addresses", Json::array());
  return addresses.empty() ? "" : visible(addresses.front().get<std::string>());
}

}  // namespace

int run_peers(const Common& common) {
  Result<std::string> answer = ask(common, "GET", "/v1/peers");
  if (!answer) return report(common, answer.error());
  const Json json = Json::parse(*answer, nullptr, false);
  if (!json.is_object() || !json.contains("peers")) {
    return report(common, Error{ErrorCode::protocol, "the node's answer is no list of peers"});
  }
  if (common.json) {
    print(json.dump());
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Json& peer : json["peers"]) {
    const bool connected = peer.value("connected", false);
    rows.push_back({visible(peer.value("id", "")),
                    connected ? (peer.value("inbound", false) ? "inbound" : "outbound") : "-",
                    connected ? fmt::format("{:.2f} ms", peer.value("rtt_ms", 0.0)) : "-",
                    visible(peer.value("agent", "")), address_of(peer)});
  }
  print_table({"PEER", "CONNECTION", "RTT", "AGENT", "ADDRESS"}, rows);
  return 0;
}

int run_connect(const Common& common, const ConnectOptions& options) {
  const std::string body = Json{{"address", options.address}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  Result<std::string> answer = ask(common, "POST", "/v1/peers", Buffer::copy_of(body));
  if (!answer) return report(common, answer.error());
  const Json peer = Json::parse(*answer, nullptr, false);
  print(common.json ? peer.dump() : "connected to " + visible(peer.value("id", "")));
  return 0;
}

int run_ping(const Common& common, const PingOptions& options) {
  for (std::uint32_t i = 0; i < options.count; ++i) {
    Result<std::string> answer = ask(common, "POST", "/v1/peers/" + http::url_encode(options.peer) + "/ping");
    if (!answer) return report(common, answer.error());
    const Json json = Json::parse(*answer, nullptr, false);
    print(common.json ? json.dump() : fmt::format("{:.3f} ms", json.value("rtt_ms", 0.0)));
  }
  return 0;
}

}  // namespace myelin::cli
