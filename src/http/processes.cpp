// /v1/processes: list, spawn, inspect, signal, delete, logs, wait.
#include "base/units.hpp"
#include "http/json.hpp"
#include "http/services.hpp"
#include "http/spawn_request.hpp"
#include "kernel/kernel.hpp"

#include <variant>

namespace myelin::http {
namespace {

constexpr std::string_view base_path = "/v1/processes";
constexpr std::size_t max_small_body = 64 * 1024;

io::Task<void> list(Services* services, Exchange* exchange) {
  std::vector<kernel::ProcessInfo> processes = co_await services->node->kernel().list(exchange->loop());
  co_await exchange->respond_json(200, processes_json(processes, services->node->id()));
}

io::Task<void> spawn(Services* services, Exchange* exchange) {
  node::Node* node = services->node;
  Result<kernel::SpawnSpec> spec = spawn_spec(exchange->request(), node->config().default_limits);
  if (!spec) {
    co_await exchange->respond_error(spec.error());
    co_return;
  }
  Result<Buffer> module = co_await exchange->read_whole(node->config().engine.module_limits.module_bytes);
  if (!module) {
    co_await exchange->respond_error(module.error());
    co_return;
  }
  spec->module = std::move(*module);
  Result<kernel::ProcessInfo> process = co_await node->kernel().spawn(exchange->loop(), std::move(*spec));
  if (!process) {
    co_await exchange->respond_error(process.error());
    co_return;
  }
  Fields fields{{"Content-Type", "application/json"},
                {"Location", std::string(base_path) + "/" + process->pid.to_string()}};
  std::string json = process_json(*process, node->id()) + "\n";
  co_await exchange->respond(201, std::move(fields), Rope(Buffer::copy_of(json)));
}

io::Task<void> signal_process(Services* services, Exchange* exchange, Pid pid) {
  Result<Buffer> body = co_await exchange->read_whole(max_small_body);
  if (!body) {
    co_await exchange->respond_error(body.error());
    co_return;
  }
  const std::optional<std::string> text = string_member(as_text(body->view()), "signal");
  const std::optional<kernel::Signal> which = text ? kernel::signal(*text) : std::nullopt;
  if (!which) {
    co_await exchange->respond_error(
        Error{ErrorCode::bad_request, "the body is {\"signal\": \"kill\", \"stop\", \"resume\" or \"restart\"}"});
    co_return;
  }
  Result<void> done = co_await services->node->kernel().signal(exchange->loop(), pid, *which);
  if (!done) {
    co_await exchange->respond_error(done.error());
    co_return;
  }
  co_await exchange->respond(204, {}, {});
}

io::Task<void> remove(Services* services, Exchange* exchange, Pid pid) {
  Result<void> removed = co_await services->node->kernel().remove(exchange->loop(), pid);
  if (!removed) {
    co_await exchange->respond_error(removed.error());
    co_return;
  }
  co_await exchange->respond(204, {}, {});
}

std::string events_of(const std::vector<kernel::LogLine>& lines) {
  std::string events;
  for (const kernel::LogLine& line : lines) {
    events.append("id: ").append(std::to_string(line.sequence)).append("\ndata: ").append(log_line_json(line));
    events.append("\n\n");
  }
  return events;
}

// Server-sent events until the process is removed or the client leaves.
io::Task<void> follow_logs(Services* services, Exchange* exchange, Pid pid, std::uint64_t after) {
  io::CancelSource left;
  exchange->input().on_end([&left] { left.fire(); });
  kernel::Kernel& kernel = services->node->kernel();
  Result<std::vector<kernel::LogLine>> lines = co_await kernel.logs(exchange->loop(), pid, after, false);
  if (!lines) {
    exchange->input().on_end(nullptr);
    co_await exchange->respond_error(lines.error());
    co_return;
  }
  Fields fields{{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
  Result<void> sent = co_await exchange->start(200, std::move(fields));
  std::optional<Error> error;
  while (sent) {
    if (!lines->empty()) {
      after = lines->back().sequence;
      sent = co_await exchange->write(Rope(Buffer::copy_of(events_of(*lines))));
      if (!sent) break;
    }
    lines = co_await kernel.logs(exchange->loop(), pid, after, true, left.token());
    if (!lines) break;
  }
  exchange->input().on_end(nullptr);
  if (!lines && lines.error().code != ErrorCode::cancelled && lines.error().code != ErrorCode::no_such_process) {
    error = lines.error();
  }
  if (sent) co_await exchange->finish(std::move(error));
}

io::Task<void> logs(Services* services, Exchange* exchange, Pid pid) {
  const std::string text = exchange->request().query_value("after");
  const std::optional<std::uint64_t> after = text.empty() ? 0 : parse_number(text);
  if (!after) {
    co_await exchange->respond_error(Error{ErrorCode::bad_request, "after is the sequence number of a line"});
    co_return;
  }
  if (exchange->request().query_value("follow") == "true") {
    co_await follow_logs(services, exchange, pid, *after);
    co_return;
  }
  auto lines = co_await services->node->kernel().logs(exchange->loop(), pid, *after, false);
  if (!lines) {
    co_await exchange->respond_error(lines.error());
    co_return;
  }
  co_await exchange->respond_json(200, log_lines_json(*lines));
}

io::Task<void> wait(Services* services, Exchange* exchange, Pid pid) {
  io::CancelSource left;
  exchange->input().on_end([&left] { left.fire(); });
  auto process = co_await services->node->kernel().wait(exchange->loop(), pid, left.token());
  exchange->input().on_end(nullptr);
  if (!process) {
    co_await exchange->respond_error(process.error());
    co_return;
  }
  co_await exchange->respond_json(200, process_json(*process, services->node->id()));
}

std::variant<Pid, std::string> process_of(const std::string& text) {
  if (std::optional<Pid> pid = Pid::parse(text)) return *pid;
  return text;
}

}  // namespace

io::Task<void> serve_processes(Services* services, Exchange* exchange) {
  const std::string method = exchange->request().method;
  const std::string path = exchange->request().path;
  if (path == base_path) {
    if (method == "GET") {
      co_await list(services, exchange);
    } else if (method == "POST") {
      co_await spawn(services, exchange);
    } else {
      co_await refuse_method(exchange, "GET, POST");
    }
    co_return;
  }
  const std::string rest = path.substr(base_path.size() + 1);
  const std::size_t slash = rest.find('/');
  const std::string part = slash == std::string::npos ? "" : rest.substr(slash + 1);
  if (slash != std::string::npos && part != "signal" && part != "logs" && part != "wait") {
    co_await refuse_path(exchange);
    co_return;
  }
  Result<kernel::ProcessInfo> process =
      co_await services->node->kernel().inspect(exchange->loop(), process_of(rest.substr(0, slash)));
  if (!process) {
    co_await exchange->respond_error(process.error());
  } else if (part == "signal") {
    if (method == "POST") {
      co_await signal_process(services, exchange, process->pid);
    } else {
      co_await refuse_method(exchange, "POST");
    }
  } else if (!part.empty() && method != "GET") {
    co_await refuse_method(exchange, "GET");
  } else if (part == "logs") {
    co_await logs(services, exchange, process->pid);
  } else if (part == "wait") {
    co_await wait(services, exchange, process->pid);
  } else if (method == "GET") {
    co_await exchange->respond_json(200, process_json(*process, services->node->id()));
  } else if (method == "DELETE") {
    co_await remove(services, exchange, process->pid);
  } else {
    co_await refuse_method(exchange, "GET, DELETE");
  }
}

}  // namespace myelin::http
