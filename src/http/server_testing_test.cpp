// The helpers of server_testing.hpp, compiled once for the tests of this folder.
#include "http/server_testing.hpp"

namespace myelin::http::testing {
namespace {

io::Task<Reply> exchange(io::Loop* loop, BaseUrl url, std::string token, Ask what) {
  Reply reply;
  auto client = co_await Client::connect(*loop, std::move(url), std::move(token), 5s);
  if (!client) {
    reply.end = fail(client.error());
    co_return reply;
  }
  Client& c = **client;
  std::optional<std::uint64_t> length;
  if (!what.chunked) length = what.body.size();
  reply.end = co_await c.send_head(what.method, what.target, length, what.fields);
  io::Scope sending(*loop);
  struct Send {
    static io::Task<void> all(Client* to, std::string body) {
      if (co_await to->send_body(Rope(Buffer::copy_of(body)))) (void)co_await to->end_body();
    }
  };
  sending.spawn(Send::all(&c, what.body));
  Result<unsigned> status = co_await c.read_head(std::nullopt);
  if (status) {
    reply.status = *status;
    reply.error = c.field("Myelin-Error");
    reply.request_id = c.field("Myelin-Request-Id");
    reply.content_length = c.field("Content-Length");
    reply.content_type = c.field("Content-Type");
    reply.allow = c.field("Allow");
    for (;;) {
      Result<Buffer> piece = co_await c.read_body(64 * 1024);
      if (!piece) reply.end = fail(piece.error());
      if (!piece || piece->empty()) break;
      reply.body += to_text(piece->view());
    }
    if (reply.error.empty()) reply.trailer_error = c.field("Myelin-Error");
    reply.detail = c.field("Myelin-Detail");
  } else {
    reply.end = fail(status.error());
  }
  c.reset();
  co_await sending.join();
  co_await c.close();
  co_return reply;
}

io::Task<std::string> talk_raw(io::TcpStream* stream, std::string bytes, std::string enough, bool close) {
  std::string got;
  (void)co_await stream->write(Rope(Buffer::copy_of(bytes)));
  if (close) (void)co_await stream->close_write();
  while (enough.empty() || got.find(enough) == std::string::npos) {
    Result<Buffer> piece = co_await stream->read(64 * 1024);
    if (!piece || piece->empty()) break;
    got += to_text(piece->view());
  }
  co_return got;
}

}  // namespace

ServerTest::ServerTest() { client = &nodes.add_machine(); }

void ServerTest::TearDown() {
  for (auto& [machine, server] : servers) nodes.run(*machine, server->stop(1s));
  servers.clear();
}

Machine& ServerTest::add(std::function<void(node::Config&)> change) {
  Machine& machine = nodes.add_machine();
  node::Config config = nodes.config_for(machine);
  config.http.listen = machine.host->address().to_string() + ":2080";
  config.http.insecure_http = true;
  if (change) change(config);
  nodes.add_node(machine, std::move(config));
  auto server = Server::start(*machine.node);
  MYELIN_CHECK(server, "the API of the test starts");
  servers[&machine] = std::move(*server);
  return machine;
}

BaseUrl ServerTest::url(Machine& machine) {
  return {servers.at(&machine)->address().to_string(), servers.at(&machine)->address()};
}

Reply ServerTest::ask(Machine& machine, Ask what) {
  std::string token = what.token ? machine.node->token() : std::string();
  return nodes.run(*client, exchange(client->loop, url(machine), std::move(token), std::move(what)));
}

std::unique_ptr<io::TcpStream> ServerTest::dial(Machine& machine) {
  auto stream = nodes.run(*client, client->loop->network().dial(url(machine).address, 5s));
  MYELIN_CHECK(stream, "the test can dial");
  return std::move(*stream);
}

std::string ServerTest::raw(Machine& machine, std::string bytes, std::string enough, bool close) {
  std::unique_ptr<io::TcpStream> stream = dial(machine);
  std::string got = nodes.run(*client, talk_raw(stream.get(), std::move(bytes), std::move(enough), close));
  stream->reset();
  return got;
}

std::string ServerTest::module(const std::string& guest) { return to_text(kernel::testing::guest(guest).view()); }

}  // namespace myelin::http::testing
