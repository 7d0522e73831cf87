// What anyone on loopback may ask: who this node is, and how it is. And the metrics, for those who hold the token.
#include "http/json.hpp"
#include "http/services.hpp"

namespace myelin::http {
namespace {

constexpr std::string_view version_text = "ww/0.1.0";

io::Task<void> text(Exchange* exchange, std::string body, std::string type) {
  Fields fields{{"Content-Type", std::move(type)}};
  co_await exchange->respond(200, std::move(fields), Rope(Buffer::copy_of(body)));
}

}  // namespace

io::Task<void> serve_open(Services* services, Exchange* exchange) {
  const std::string path = exchange->request().path;
  node::Node* node = services->node;
  if (exchange->request().method != "GET") {
    co_await refuse_method(exchange, "GET");
  } else if (path == "/version") {
    co_await text(exchange, std::string(version_text), "text/plain; charset=utf-8");
  } else if (path == "/status") {
    std::string status = std::string(version_text) + "/" + node->id().to_string() + "/" + node->root_pid().to_string();
    co_await text(exchange, std::move(status), "text/plain");
  } else if (path == "/root") {
    co_await text(exchange, node->root_pid().to_string(), "text/plain; charset=utf-8");
  } else if (path == "/info") {
    auto addresses = co_await run_on<std::vector<libp2p::Multiaddr>>(&node->host_loop(), &exchange->loop(),
                                                                     [node] { return node->host().addresses(); });
    co_await exchange->respond_json(200, info_json(node->id(), addresses));
  } else if (path == "/healthz") {
    co_await text(exchange, "ok\n", "text/plain; charset=utf-8");
  } else if (path == "/readyz") {
    if (node->ready()) {
      co_await text(exchange, "ready\n", "text/plain; charset=utf-8");
    } else {
      co_await exchange->respond_error(Error{ErrorCode::stopping, "the node is starting or draining"});
    }
  } else {
    std::string metrics = co_await metrics_text(services, &exchange->loop());
    co_await text(exchange, std::move(metrics), "text/plain; version=0.0.4; charset=utf-8");
  }
}

}  // namespace myelin::http
