// spawn, ps, inspect, kill, rm: what is done to processes of the node.
#include "base/limits.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "http/exchange.hpp"

#include <nlohmann/json.hpp>

namespace myelin::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t max_module_file = 1024 * limits::mib;  // the node says what it takes; this only bounds our memory

std::string process_path(const std::string& process) { return "/v1/processes/" + http::url_encode(process); }

std::string text_of(const Json& json, const char* key) {
  const auto member = json.find(key);
  if (member == json.end() || member->is_null()) return "";
  return visible(member->is_string() ? member->get<std::string>() : member->dump());
}

void append(std::string& query, std::string_view key, std::string_view value) {
  query.append(query.empty() ? "?" : "&").append(key).append("=").append(http::url_encode(value));
}

}  // namespace

int run_spawn(const Common& common, const SpawnOptions& options) {
  Result<Buffer> module = read_file(options.file, max_module_file);
  if (!module) return report(common, module.error());
  std::string query;
  if (!options.name.empty()) append(query, "name", options.name);
  if (!options.restart.empty()) append(query, "restart", options.restart);
  if (options.replace) append(query, "replace", "true");
  for (const std::string& value : options.environment) append(query, "env", value);
  for (const std::string& value : options.limits) append(query, "limit", value);
  for (const std::string& value : options.allow) append(query, "allow", value);
  for (const std::string& value : options.arguments) append(query, "arg", value);
  Result<std::string> answer =
      ask(common, "POST", "/v1/processes" + query, std::move(*module), {{"Content-Type", "application/wasm"}});
  if (!answer) return report(common, answer.error());
  const Json process = Json::parse(*answer, nullptr, false);
  if (!process.is_object()) return report(common, Error{ErrorCode::protocol, "the node's answer is no process"});
  print(common.json ? process.dump() : text_of(process, "pid"));
  return 0;
}

int run_ps(const Common& common) {
  Result<std::string> answer = ask(common, "GET", "/v1/processes");
  if (!answer) return report(common, answer.error());
  const Json json = Json::parse(*answer, nullptr, false);
  if (!json.is_object() || !json.contains("processes")) {
    return report(common, Error{ErrorCode::protocol, "the node's answer is no list of processes"});
  }
  if (common.json) {
    print(json.dump());
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Json& process : json["processes"]) {
    rows.push_back({text_of(process, "pid"), text_of(process, "name"), text_of(process, "kind"),
                    text_of(process, "state"), text_of(process, "calls"), text_of(process, "failures"),
                    text_of(process, "restarts"), size_text(process.value("memory_bytes", std::uint64_t{0})),
                    text_of(process, "queued_messages")});
  }
  print_table({"PID", "NAME", "KIND", "STATE", "CALLS", "FAILED", "RESTARTS", "MEMORY", "QUEUED"}, rows);
  return 0;
}

int run_inspect(const Common& common, const InspectOptions& options) {
  Result<std::string> answer = ask(common, "GET", process_path(options.process));
  if (!answer) return report(common, answer.error());
  const Json process = Json::parse(*answer, nullptr, false);
  if (!process.is_object()) return report(common, Error{ErrorCode::protocol, "the node's answer is no process"});
  if (common.json) {
    print(process.dump());
    return 0;
  }
  for (const auto& [key, value] : process.items()) {
    print(key + std::string(key.size() < 16 ? 16 - key.size() : 1, ' ') + text_of(process, key.c_str()));
  }
  return 0;
}

int run_kill(const Common& common, const KillOptions& options) {
  const std::string body = Json{{"signal", options.signal}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  Result<std::string> answer = ask(common, "POST", process_path(options.process) + "/signal", Buffer::copy_of(body));
  if (!answer) return report(common, answer.error());
  if (common.json) print("{}");
  return 0;
}

int run_remove(const Common& common, const RemoveOptions& options) {
  Result<std::string> answer = ask(common, "DELETE", process_path(options.process));
  if (!answer) return report(common, answer.error());
  if (common.json) print("{}");
  return 0;
}

}  // namespace myelin::cli
