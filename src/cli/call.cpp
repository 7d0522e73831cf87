// call: stdin to the message, the answer to stdout as it comes, the outcome to the exit code.
#include "base/limits.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/stdio.hpp"
#include "io/scope.hpp"

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace myelin::cli {
namespace {

constexpr Duration dial_timeout = std::chrono::seconds(5);

// `[peer or alias/]process` and method, or a whole path.
std::string path_of(const CallOptions& options) {
  if (options.address.starts_with("/ww/")) return options.address;
  const bool has_node = options.address.find('/') != std::string::npos;
  return "/ww/0.1.0/" + (has_node ? "" : std::string("self/")) + options.address + "/" + options.method;
}

struct Talk {
  const Common* common;
  io::Loop* loop;
  http::Client* client;
  const CallOptions* options;
};

// The node may answer and close before all is sent: what it says counts then, not the failed write.
io::Task<void> send_input(Talk talk) {
  if (talk.options->input) {
    (void)co_await talk.client->send_body(Rope(Buffer::copy_of(*talk.options->input)));
  } else if (::isatty(0) == 0) {
    for (;;) {
      Result<Buffer> piece = co_await read_stdin(talk.loop, limits::chunk_bytes);
      if (!piece || piece->empty()) break;
      if (!co_await talk.client->send_body(Rope(std::move(*piece)))) co_return;
    }
  }
  (void)co_await talk.client->end_body();
}

io::Task<Result<void>> receive_answer(Talk talk) {
  Result<unsigned> status = co_await talk.client->read_head(std::nullopt);
  if (!status) co_return fail(status.error());
  std::string body;
  for (;;) {
    Result<Buffer> piece = co_await talk.client->read_body(limits::chunk_bytes);
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    if (*status != 200) {
      body.append(as_text(piece->view()));
      if (body.size() > limits::mib) co_return fail(ErrorCode::too_large, "the error is larger than any of ours");
      continue;
    }
    Result<void> written = co_await write_stdout(talk.loop, std::move(*piece));
    if (!written) co_return written;
  }
  const std::string name = talk.client->field("Myelin-Error");
  if (*status != 200) co_return fail(answered_error(*status, name, body));
  if (name.empty()) co_return Result<void>{};
  Error error{error_code(name).value_or(ErrorCode::protocol), talk.client->field("Myelin-Error-Message")};
  error.detail = static_cast<std::uint32_t>(parse_number(talk.client->field("Myelin-Detail")).value_or(0));
  co_return fail(std::move(error));
}

io::Task<void> converse(const Common* common, io::Loop* loop, NodeAccess access, const CallOptions* options,
                        http::Fields fields, Result<void>* outcome) {
  Result<std::unique_ptr<http::Client>> client =
      co_await http::Client::connect(*loop, std::move(access.url), std::move(access.token), dial_timeout);
  if (!client) {
    *outcome = fail(ErrorCode::offline, "no node answers (is it running?): " + client.error().message);
    co_return;
  }
  const Talk talk{common, loop, client->get(), options};
  Result<void> sent = co_await talk.client->send_head("POST", path_of(*options), std::nullopt, std::move(fields));
  if (sent) {
    // Sending may wait for a terminal's next line when the answer is complete: the program ends all the same, so nobody
    // joins it.
    auto sending = std::make_unique<io::Scope>(*loop);
    sending->spawn(send_input(talk));
    *outcome = co_await receive_answer(talk);
    std::fflush(stdout);
    const int code = *outcome ? 0 : exit_code(outcome->error().code, outcome->error().detail);
    if (!*outcome) report(*common, outcome->error());
    std::_Exit(code);
  }
  *outcome = fail(sent.error());
  co_await talk.client->close();
}

}  // namespace

int run_call(const Common& common, const CallOptions& options) {
  Result<NodeAccess> access = find_node(common);
  if (!access) return report(common, access.error());
  http::Fields fields;
  if (!options.timeout.empty()) {
    const std::optional<Duration> timeout = parse_duration(options.timeout);
    if (!timeout || timeout->count() < 1'000'000) {
      return report(common, Error{ErrorCode::bad_request, "--timeout is a duration of at least 1ms, as 5s"});
    }
    fields.emplace_back("Myelin-Timeout-Ms", std::to_string(timeout->count() / 1'000'000));
  }
  std::unique_ptr<io::RealLoop> loop = io::RealLoop::create();
  Result<void> outcome = fail(ErrorCode::io);
  loop->run_until_done(converse(&common, loop.get(), std::move(*access), &options, std::move(fields), &outcome));
  return report(common, outcome.error());
}

}  // namespace myelin::cli
