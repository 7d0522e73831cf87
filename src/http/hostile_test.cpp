// The API against clients that are slow, broken or hostile: the node goes on answering, in bounded memory.
#include "http/server_testing.hpp"

namespace myelin::http::testing {
namespace {

TEST_F(ServerTest, GarbageIsRefused) {
  Machine& a = add();
  EXPECT_NE(raw(a, "\x16\x03\x01\x02\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_NE(raw(a, "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x')).find(" 431 "), std::string::npos);
  const std::string head = "POST " + path(a, "m", "echo") + " HTTP/1.1\r\nHost: " + url(a).host + "\r\n";
  EXPECT_NE(raw(a, head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_EQ(get(a, "/version").status, 200u);
}

TEST_F(ServerTest, ABrokenBodyEndsTheCallOnly) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const std::string head = "POST " + path(a, "m", "drain") + " HTTP/1.1\r\nHost: " + url(a).host +
                           "\r\nAuthorization: Bearer " + a.node->token() + "\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string answer = raw(a, head + "5\r\nhello\r\nzz\r\n", "\r\n\r\n");
  EXPECT_NE(answer.find(" 400 "), std::string::npos) << answer;
  EXPECT_EQ(post(a, path(a, "m", "echo"), "alive").body, "alive");
}

TEST_F(ServerTest, ABodyOverTheLimitIsRefused) {
  Machine& a = add([](node::Config& config) { config.http.max_body_bytes = 1000; });
  nodes.spawn_open(a, "kernel_methods", "m");
  EXPECT_EQ(post(a, path(a, "m", "echo"), std::string(1001, 'x')).status, 413u);
  const Reply streamed = ask(a, {.method = "POST",
                                 .target = path(a, "m", "drain"),
                                 .body = std::string(5000, 'x'),
                                 .fields = {},
                                 .token = true,
                                 .chunked = true});
  EXPECT_EQ(streamed.status, 413u) << streamed.body;
  EXPECT_EQ(post(a, path(a, "m", "echo"), std::string(1000, 'x')).body.size(), 1000u);
}

TEST_F(ServerTest, AClientThatLeavesLeavesTheProcessUsable) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  for (const char* method : {"spin", "drain", "echo", "stubborn"}) {
    auto stream = dial(a);
    const std::string head =
        "POST " + path(a, "m", method) + " HTTP/1.1\r\nHost: " + url(a).host + "\r\nContent-Length: 100\r\n\r\nabc";
    EXPECT_TRUE(nodes.run(*client, stream->write(Rope(Buffer::copy_of(head)))));
    nodes.world->run_for(100ms);
    stream->reset();
    const Reply after = post(a, path(a, "m", "echo"), "alive");
    EXPECT_EQ(after.status, 200u) << method << ": " << after.body;
    EXPECT_EQ(after.body, "alive") << method;
  }
}

TEST_F(ServerTest, SlowHeadsTimeOut) {
  Machine& a = add([](node::Config& config) { config.http.header_timeout = 2s; });
  const Instant begin = nodes.world->now();
  EXPECT_NE(raw(a, "GET /version HTTP/1.1\r\nHost").find(" 408 "), std::string::npos);
  EXPECT_GE(nodes.world->now() - begin, 2s);
  EXPECT_LT(nodes.world->now() - begin, 6s);
}

TEST_F(ServerTest, IdleConnectionsEndQuietly) {
  Machine& a = add([](node::Config& config) { config.http.idle_timeout = 3s; });
  const Instant begin = nodes.world->now();
  EXPECT_EQ(raw(a, ""), "");
  EXPECT_GE(nodes.world->now() - begin, 3s);
}

TEST_F(ServerTest, HalfOpenConnectionsKeepNobodyOut) {
  Machine& a = add([](node::Config& config) { config.http.max_connections = 20; });
  std::vector<std::unique_ptr<io::TcpStream>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(dial(a));
    EXPECT_TRUE(nodes.run(*client, slow.back()->write(Rope(Buffer::copy_of("GET /vers")))));
  }
  EXPECT_EQ(get(a, "/version").status, 200u);
  const std::string metrics = get(a, "/metrics").body;
  EXPECT_NE(metrics.find("myelin_http_connections_refused_total"), std::string::npos);
  const std::size_t at = metrics.find("\nmyelin_http_connections ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LE(std::stoul(metrics.substr(at + 25)), 21u);
  for (auto& stream : slow) stream->reset();
}

TEST_F(ServerTest, KeepsConnectionsAndPipelines) {
  Machine& a = add();
  const std::string one = "GET /version HTTP/1.1\r\nHost: " + url(a).host + "\r\n\r\n";
  const std::string last = "GET /root HTTP/1.1\r\nHost: " + url(a).host + "\r\nConnection: close\r\n\r\n";
  const std::string answers = raw(a, one + one + last);
  std::size_t count = 0;
  for (std::size_t at = answers.find("HTTP/1.1 200 OK"); at != std::string::npos;
       at = answers.find("HTTP/1.1 200 OK", at + 1))
    ++count;
  EXPECT_EQ(count, 3u) << answers;
  EXPECT_NE(answers.find(a.node->root_pid().to_string()), std::string::npos);
}

TEST_F(ServerTest, SaysContinueWhenAsked) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const std::string head = "POST " + path(a, "m", "echo") + " HTTP/1.1\r\nHost: " + url(a).host +
                           "\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
  EXPECT_TRUE(raw(a, head, "\r\n\r\n").starts_with("HTTP/1.1 100 Continue\r\n\r\n"));
  const std::string answer = raw(a, head + "ok");
  EXPECT_NE(answer.find("HTTP/1.1 200 OK"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("ok") || answer.ends_with("0\r\n\r\n") ||
              answer.find("ok\r\n0\r\n") != std::string::npos)
      << answer;
}

TEST_F(ServerTest, OldClientsAreServedToo) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const std::string answer = raw(a, "POST " + path(a, "m", "echo") + " HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello")) << answer;
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
}

TEST_F(ServerTest, AnAnswerBeforeTheEndOfTheBodyIsNotLost) {
  Machine& a = add();
  const Reply reply = post(a, path(a, "nobody", "echo"), std::string(2 << 20, 'x'));
  EXPECT_EQ(reply.status, 404u);
  EXPECT_EQ(reply.error, "no_such_process");
}

}  // namespace
}  // namespace myelin::http::testing
