// The node's figures as Prometheus text.
#include "http/services.hpp"

namespace myelin::http {
namespace {

class Page {
 public:
  void counter(std::string_view name, std::string_view help, std::uint64_t value) { one(name, help, "counter", value); }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) { one(name, help, "gauge", value); }
  void head(std::string_view name, std::string_view help, std::string_view type) {
    text_.append("# HELP myelin_").append(name).append(" ").append(help).append("\n# TYPE myelin_").append(name);
    text_.append(" ").append(type).append("\n");
  }
  void sample(std::string_view name, std::string_view label, std::string_view label_value, std::uint64_t value) {
    text_.append("myelin_").append(name).append("{").append(label).append("=\"").append(label_value).append("\"} ");
    text_.append(std::to_string(value)).append("\n");
  }
  std::string take() { return std::move(text_); }

 private:
  void one(std::string_view name, std::string_view help, std::string_view type, std::uint64_t value) {
    head(name, help, type);
    text_.append("myelin_").append(name).append(" ").append(std::to_string(value)).append("\n");
  }
  std::string text_;
};

void kernel_page(Page& page, const kernel::KernelMetrics& kernel) {
  page.gauge("processes", "Processes in the table", kernel.processes);
  page.gauge("processes_runnable", "Processes that wait for their slice", kernel.runnable);
  page.gauge("mailbox_messages", "Messages queued in all mailboxes", kernel.queued_messages);
  page.gauge("mailbox_bytes", "Bytes queued in all mailboxes", kernel.queued_bytes);
  page.counter("calls_total", "Calls accepted or refused", kernel.calls);
  page.counter("requests_total", "Requests accepted or refused", kernel.requests);
  page.counter("spawned_total", "Processes spawned", kernel.spawned);
  page.counter("ended_total", "Processes ended for good", kernel.ended);
  page.counter("restarts_total", "Restarts by policy", kernel.restarts);
  page.counter("traps_total", "Guest traps", kernel.traps);
  page.counter("fuel_total", "Fuel used by guests", kernel.fuel);
  page.head("outcomes_total", "Outcomes of calls and requests", "counter");
  page.sample("outcomes_total", "outcome", "ok", kernel.outcomes_ok);
  for (std::uint8_t code = 1; code <= last_error_code; ++code) {
    page.sample("outcomes_total", "outcome", name(static_cast<ErrorCode>(code)), kernel.outcomes_error[code]);
  }
}

void engine_page(Page& page, const wasm::EngineMetrics& engine) {
  page.counter("modules_compiled_total", "Modules compiled", engine.compiled);
  page.counter("module_cache_hits_total", "Modules found compiled", engine.cache_hits);
  page.counter("module_failures_total", "Modules that did not compile", engine.compile_failures);
  page.counter("instances_made_total", "Instances made", engine.instances_made);
  page.gauge("instances", "Live instances", engine.instances);
  page.gauge("instances_max", "Instances that the engine can hold", engine.max_instances);
}

void network_page(Page& page, const libp2p::HostMetrics& host, const glia::Metrics& glia) {
  page.gauge("connections", "libp2p connections", host.connections);
  page.gauge("streams", "libp2p streams", host.streams);
  page.counter("connections_opened_total", "libp2p connections opened", host.connections_opened);
  page.counter("connections_closed_total", "libp2p connections closed", host.connections_closed);
  page.counter("handshakes_failed_total", "Handshakes that failed", host.handshakes_failed);
  page.counter("handshakes_refused_total", "Handshakes refused at a limit", host.handshakes_refused);
  page.counter("streams_opened_total", "libp2p streams opened", host.streams_opened);
  page.counter("streams_refused_total", "libp2p streams refused at a limit", host.streams_refused);
  page.counter("dials_total", "Dials", host.dials);
  page.counter("dials_failed_total", "Dials that failed", host.dials_failed);
  page.counter("libp2p_bytes_in_total", "Bytes received by libp2p", host.bytes_in);
  page.counter("libp2p_bytes_out_total", "Bytes sent by libp2p", host.bytes_out);
  page.counter("glia_calls_in_total", "Calls from peers", glia.calls_in);
  page.counter("glia_calls_out_total", "Calls to peers", glia.calls_out);
  page.counter("glia_refused_rate_total", "Calls refused by the rate limit", glia.refused_rate);
  page.counter("glia_refused_limit_total", "Calls refused by the limit on calls under way", glia.refused_limit);
  page.counter("glia_bytes_in_total", "Payload bytes from peers", glia.bytes_in);
  page.counter("glia_bytes_out_total", "Payload bytes to peers", glia.bytes_out);
  page.counter("glia_protocol_errors_total", "Frames that broke the protocol", glia.protocol_errors);
}

void http_page(Page& page, const Figures& figures) {
  page.gauge("http_connections", "HTTP connections", figures.connections);
  page.counter("http_connections_opened_total", "HTTP connections accepted", figures.connections_opened);
  page.counter("http_connections_refused_total", "HTTP connections closed at a limit", figures.connections_refused);
  page.counter("http_requests_total", "HTTP requests", figures.requests);
  page.head("http_answers_total", "HTTP answers by class of status", "counter");
  for (std::size_t i = 1; i < figures.answers.size(); ++i) {
    page.sample("http_answers_total", "class", std::to_string(i) + "xx", figures.answers[i]);
  }
}

}  // namespace

io::Task<std::string> metrics_text(Services* services, io::Loop* loop) {
  node::Node* node = services->node;
  const kernel::KernelMetrics kernel = co_await node->kernel().metrics(*loop);
  using Network = std::pair<libp2p::HostMetrics, glia::Metrics>;
  const Network network = co_await run_on<Network>(
      &node->host_loop(), loop, [node] { return Network(node->host().metrics(), node->glia().metrics()); });
  Page page;
  kernel_page(page, kernel);
  engine_page(page, node->engine().metrics());
  network_page(page, network.first, network.second);
  http_page(page, services->figures);
  co_return page.take();
}

}  // namespace myelin::http
