// logs: what a process wrote to stderr, and on as it comes.
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "http/exchange.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace myelin::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr Duration dial_timeout = std::chrono::seconds(5);

void print_line(const Common& common, const Json& line) {
  if (common.json) {
    print(line.dump());
  } else {
    print(visible(line.value("time", "")) + "  " + visible(line.value("text", "")));
  }
  std::fflush(stdout);
}

// The complete events at the front of `text`; what is left of an incomplete one stays.
void print_events(const Common& common, std::string& text) {
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    constexpr std::string_view data = "data: ";
    if (text.starts_with(data)) {
      const Json line = Json::parse(text.substr(data.size(), end - data.size()), nullptr, false);
      if (line.is_object()) print_line(common, line);
    }
    text.erase(0, end + 1);
  }
}

io::Task<void> follow(const Common* common, io::Loop* loop, NodeAccess access, std::string target,
                      Result<void>* outcome) {
  auto client = co_await http::Client::connect(*loop, std::move(access.url), std::move(access.token), dial_timeout);
  if (!client) {
    *outcome = fail(client.error());
    co_return;
  }
  *outcome = co_await (*client)->send_head("GET", std::move(target), 0, {});
  Result<unsigned> status = fail(ErrorCode::link_lost);
  if (*outcome) status = co_await (*client)->read_head(std::nullopt);
  std::string text;
  while (status) {
    Result<Buffer> piece = co_await (*client)->read_body(http::read_ahead_bytes);
    if (!piece) *outcome = fail(piece.error());
    if (!piece || piece->empty()) break;
    text.append(as_text(piece->view()));
    if (*status == 200) print_events(*common, text);
  }
  if (!status) {
    *outcome = fail(status.error());
  } else if (*status != 200) {
    *outcome = fail(answered_error(*status, (*client)->field("Myelin-Error"), text));
  }
  co_await (*client)->close();
}

}  // namespace

int run_logs(const Common& common, const LogsOptions& options) {
  const std::string path = "/v1/processes/" + http::url_encode(options.process) + "/logs";
  if (!options.follow) {
    Result<std::string> answer = ask(common, "GET", path);
    if (!answer) return report(common, answer.error());
    const Json json = Json::parse(*answer, nullptr, false);
    if (json.is_object()) {
      for (const Json& line : json.value("lines", Json::array())) print_line(common, line);
    }
    return 0;
  }
  Result<NodeAccess> access = find_node(common);
  if (!access) return report(common, access.error());
  std::unique_ptr<io::RealLoop> loop = io::RealLoop::create();
  Result<void> outcome;
  loop->run_until_done(follow(&common, loop.get(), std::move(*access), path + "?follow=true", &outcome));
  return outcome ? 0 : report(common, outcome.error());
}

}  // namespace myelin::cli
