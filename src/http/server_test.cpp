// The API against whole nodes: what a client sees, polite clients first.
#include "base/log.hpp"
#include "http/server_testing.hpp"

#include <nlohmann/json.hpp>

namespace myelin::http::testing {
namespace {

using Json = nlohmann::json;

TEST_F(ServerTest, AnyoneMayAskWhoTheNodeIs) {
  Machine& a = add();
  const std::string id = a.node->id().to_string();
  const std::string root = a.node->root_pid().to_string();
  for (const auto& [target, body] : std::map<std::string, std::string>{{"/version", "ww/0.1.0"},
                                                                       {"/status", "ww/0.1.0/" + id + "/" + root},
                                                                       {"/root", root},
                                                                       {"/healthz", "ok\n"},
                                                                       {"/readyz", "ready\n"}}) {
    const Reply reply = ask(a, {.method = "GET", .target = target, .body = {}, .fields = {}, .token = false});
    EXPECT_EQ(reply.status, 200u) << target;
    EXPECT_EQ(reply.body, body);
    EXPECT_FALSE(reply.request_id.empty());
    const Reply wrong = ask(a, {.method = "POST", .target = target, .body = {}, .fields = {}, .token = false});
    EXPECT_EQ(wrong.status, 405u) << target;
    EXPECT_EQ(wrong.allow, "GET");
  }
  const Json info = Json::parse(get(a, "/info").body);
  EXPECT_EQ(info["ID"], id);
  ASSERT_FALSE(info["Addrs"].empty());
  EXPECT_TRUE(Pid::parse(get(a, "/root").body).has_value());
  EXPECT_EQ(get(a, "/root").body, get(a, "/root").body);
  EXPECT_EQ(get(a, "/nope").status, 404u);
}

TEST_F(ServerTest, CallsAGuestHereAndThere) {
  Machine& a = add();
  Machine& b = add();
  nodes.introduce(a, b);
  nodes.spawn_open(a, "kernel_methods", "here");
  nodes.spawn_open(b, "kernel_methods", "there");
  const Reply here = post(a, path(a, "here", "echo"), "Hello, Wetware!");
  EXPECT_EQ(here.status, 200u);
  EXPECT_EQ(here.body, "Hello, Wetware!");
  EXPECT_TRUE(here.end);
  const Reply there = post(a, path(b, "there", "echo"), std::string("\0\1\2\3", 4));
  EXPECT_EQ(there.status, 200u);
  EXPECT_EQ(there.body, std::string("\0\1\2\3", 4));
  EXPECT_EQ(post(a, "/ww/0.1.0/self/here/count").body, "1");
  EXPECT_EQ(post(a, "/ww/0.1.0/" + a.node->id().to_cid_string() + "/here/count").body, "2");
  const Reply get_it = get(a, path(a, "here", "echo"));
  EXPECT_EQ(get_it.status, 405u);
  EXPECT_EQ(get_it.allow, "POST");
}

TEST_F(ServerTest, EachFailureHasItsOwnStatusAndName) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const std::string other = kernel::testing::peer(9).to_string();
  const std::string own = a.node->id().to_string();
  struct Row {
    std::string target;
    unsigned status;
    std::string error;
  };
  for (const Row& row : std::vector<Row>{{"/ww/0.1.0/" + other + "/m/echo", 502, "unknown_peer"},
                                         {path(a, "nobody", "echo"), 404, "no_such_process"},
                                         {path(a, "m", "nothing"), 404, "no_such_method"},
                                         {path(a, "m", "malloc"), 404, "no_such_method"},
                                         {path(a, "m", "_start"), 404, "no_such_method"},
                                         {path(a, "m", "add"), 404, "no_such_method"},
                                         {path(a, "m", "crash"), 500, "trapped"},
                                         {path(a, "m", "exit3"), 500, "guest_failed"},
                                         {"/ww/0.1.0/" + own + "/m", 400, "bad_request"},
                                         {"/ww/0.1.0/" + own, 400, "bad_request"},
                                         {"/ww/0.1.0/" + own + "/m/echo/more", 400, "bad_request"},
                                         {"/ww/0.2.0/" + own + "/m/echo", 400, "bad_request"},
                                         {"/ww/0.1.0/nopeer/m/echo", 400, "bad_request"},
                                         {path(a, "m", "ec%68o"), 400, "bad_request"},
                                         {path(a, "UPPER", "echo"), 400, "bad_request"}}) {
    const Reply reply = post(a, row.target, "x");
    const bool reserved = row.status == 404 && row.error == "no_such_method";
    EXPECT_TRUE(reply.status == row.status || (reserved && reply.status == 400))
        << row.target << ": " << reply.status << " " << reply.body;
    if (reply.status == row.status) {
      EXPECT_EQ(reply.error, row.error) << row.target;
    }
    const Json json = Json::parse(reply.body, nullptr, false);
    ASSERT_TRUE(json.is_object()) << reply.body;
    EXPECT_EQ(json["request_id"], reply.request_id);
  }
  const Json failed = Json::parse(post(a, path(a, "m", "exit3")).body);
  EXPECT_EQ(failed["detail"], 3);
}

TEST_F(ServerTest, WhatFailsAfterTheFirstByteStandsInTheTrailer) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const Reply half = post(a, path(a, "m", "half"));
  EXPECT_EQ(half.status, 200u);
  EXPECT_EQ(half.body, "half");
  EXPECT_EQ(half.trailer_error, "trapped");
  EXPECT_TRUE(half.end);
}

TEST_F(ServerTest, StreamsBothWaysAtOnce) {
  Machine& a = add();
  Machine& b = add();
  nodes.introduce(a, b);
  nodes.spawn_open(b, "kernel_methods", "m");
  std::string body(3 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 977);
  for (bool chunked : {false, true}) {
    const Reply reply = ask(a, {.method = "POST",
                                .target = path(b, "m", "echo"),
                                .body = body,
                                .fields = {},
                                .token = true,
                                .chunked = chunked});
    EXPECT_EQ(reply.status, 200u);
    EXPECT_TRUE(reply.end);
    EXPECT_TRUE(reply.body == body) << "chunked: " << chunked << ", " << reply.body.size() << " bytes came back";
  }
}

TEST_F(ServerTest, TheTokenGuardsWhatIsNotOpen) {
  Machine& a = add();
  Machine& b = add();
  nodes.introduce(a, b);
  nodes.spawn_open(a, "kernel_methods", "open");
  nodes.spawn(a, "kernel_methods",
              {.name = "closed", .module = {}, .loaded = {}, .arguments = {}, .environment = {}, .limits = {}, .access = {}});
  nodes.spawn_open(b, "kernel_methods", "far");
  const auto anonymous = [&](const std::string& method, const std::string& target) {
    return ask(a, {.method = method, .target = target, .body = "x", .fields = {}, .token = false});
  };
  EXPECT_EQ(anonymous("POST", path(a, "open", "echo")).status, 200u);
  EXPECT_EQ(anonymous("POST", path(a, "closed", "echo")).status, 401u);
  EXPECT_EQ(anonymous("POST", path(b, "far", "echo")).status, 401u);
  for (const char* target : {"/v1/processes", "/v1/peers", "/metrics", "/v1/processes/open", "/v1/nothing"}) {
    EXPECT_EQ(anonymous("GET", target).status, 401u) << target;
  }
  const Reply wrong = ask(a, {.method = "POST",
                              .target = path(a, "open", "echo"),
                              .body = {},
                              .fields = {{"Authorization", "Bearer no"}},
                              .token = false});
  EXPECT_EQ(wrong.status, 401u);
  EXPECT_EQ(wrong.error, "unauthorized");
}

TEST_F(ServerTest, WebPagesCannotReachIt) {
  Machine& a = add();
  const std::string host = url(a).host;
  EXPECT_NE(raw(a, "GET /version HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").find(" 403 "),
            std::string::npos);
  EXPECT_NE(
      raw(a, "GET /version HTTP/1.1\r\nHost: " + host + "\r\nOrigin: https://evil.example\r\nConnection: close\r\n\r\n")
          .find(" 403 "),
      std::string::npos);
  EXPECT_NE(
      raw(a, "GET /version HTTP/1.1\r\nHost: " + host + "\r\nOrigin: http://" + host + "\r\nConnection: close\r\n\r\n")
          .find(" 200 "),
      std::string::npos);
  EXPECT_NE(raw(a, "GET /version HTTP/1.1\r\nConnection: close\r\n\r\n").find(" 400 "), std::string::npos);
}

TEST_F(ServerTest, DeadlinesAreKept) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const auto with_timeout = [&](const std::string& value) {
    return ask(
        a, {.method = "POST", .target = path(a, "m", "spin"), .body = {}, .fields = {{"Myelin-Timeout-Ms", value}}});
  };
  const Reply late = with_timeout("50");
  EXPECT_EQ(late.status, 504u);
  EXPECT_EQ(late.error, "timeout");
  for (const char* bad : {"0", "-1", "soon", "86400001", "1.5"}) EXPECT_EQ(with_timeout(bad).status, 400u) << bad;
  EXPECT_EQ(post(a, path(a, "m", "echo"), "alive").body, "alive");
}

TEST_F(ServerTest, RequestIdsAreKept) {
  Machine& a = add();
  const Reply given =
      ask(a, {.method = "GET", .target = "/version", .body = {}, .fields = {{"Myelin-Request-Id", "abc-123"}}});
  EXPECT_EQ(given.request_id, "abc-123");
  const Reply minted = ask(
      a, {.method = "GET", .target = "/version", .body = {}, .fields = {{"Myelin-Request-Id", std::string(200, 'x')}}});
  EXPECT_EQ(minted.request_id.size(), 16u);
}

TEST_F(ServerTest, ARequestIdIsInTheTrailerAndInTheLogsOfBothNodes) {
  Machine& a = add();
  Machine& b = add();
  nodes.introduce(a, b);
  nodes.spawn_open(b, "kernel_methods", "m");
  std::string logged;
  log::Config config;
  config.level = log::Level::debug;
  config.sink = [&logged](std::string_view line) { logged.append(line).append("\n"); };
  log::configure(config);
  const std::string answer = raw(
      a, "POST " + path(b, "m", "half") + " HTTP/1.1\r\nHost: " + url(a).host + "\r\nAuthorization: Bearer " +
             a.node->token() + "\r\nMyelin-Request-Id: find-me-7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  log::configure({});
  const std::size_t trailer = answer.find("\r\n0\r\n");
  ASSERT_NE(trailer, std::string::npos) << answer;
  EXPECT_LT(answer.find("Myelin-Request-Id: find-me-7\r\n"), trailer) << "in the header";
  EXPECT_NE(answer.find("Myelin-Request-Id: find-me-7\r\n", trailer), std::string::npos) << answer;
  EXPECT_NE(answer.find("Myelin-Error: trapped\r\n", trailer), std::string::npos) << answer;
  EXPECT_NE(logged.find("http request id=find-me-7"), std::string::npos) << logged;
  EXPECT_NE(logged.find("correlation=find-me-7"), std::string::npos) << logged;
}

TEST_F(ServerTest, ManagesProcesses) {
  Machine& a = add();
  const Reply refused = post(a, "/v1/processes?name=bad", "no module");
  EXPECT_EQ(refused.status, 422u);
  EXPECT_EQ(refused.error, "invalid_module");
  EXPECT_EQ(post(a, "/v1/processes?nmae=x", module("kernel_methods")).status, 400u);
  const Reply spawned = post(a, "/v1/processes?name=m&env=A%3Db&arg=one&limit=memory%3D2MiB", module("kernel_methods"));
  ASSERT_EQ(spawned.status, 201u) << spawned.body;
  const Json process = Json::parse(spawned.body);
  EXPECT_EQ(process["name"], "m");
  EXPECT_EQ(process["kind"], "method");
  EXPECT_EQ(process["limits"]["memory_bytes"], 2 << 20);
  EXPECT_EQ(post(a, "/v1/processes?name=m", module("kernel_methods")).status, 409u);
  const std::string pid = process["pid"];
  EXPECT_EQ(Json::parse(get(a, "/v1/processes/" + pid).body)["name"], "m");
  EXPECT_EQ(Json::parse(get(a, "/v1/processes").body)["processes"].size(), 1u);
  EXPECT_EQ(post(a, "/v1/processes/m/signal", R"({"signal":"stop"})").status, 204u);
  EXPECT_EQ(Json::parse(get(a, "/v1/processes/m").body)["state"], "stopped");
  EXPECT_EQ(post(a, "/v1/processes/m/signal", R"({"signal":"resume"})").status, 204u);
  EXPECT_EQ(post(a, "/v1/processes/m/signal", R"({"signal":"dance"})").status, 400u);
  EXPECT_EQ(post(a, "/v1/processes/m/signal", "not json").status, 400u);
  EXPECT_EQ(ask(a, {.method = "DELETE", .target = "/v1/processes/m", .body = {}, .fields = {}}).status, 204u);
  EXPECT_EQ(get(a, "/v1/processes/m").status, 404u);
}

TEST_F(ServerTest, LogsAreListedAndFollowed) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  EXPECT_EQ(post(a, path(a, "m", "chatter")).status, 200u);
  const Json lines = Json::parse(get(a, "/v1/processes/m/logs").body)["lines"];
  ASSERT_EQ(lines.size(), 4u) << lines;
  EXPECT_EQ(lines[0]["text"], "first");
  EXPECT_EQ(lines[1]["text"], "second");
  const std::uint64_t last = lines[2]["sequence"];
  EXPECT_EQ(Json::parse(get(a, "/v1/processes/m/logs?after=" + std::to_string(last)).body)["lines"].size(), 1u);
  EXPECT_EQ(get(a, "/v1/processes/m/logs?after=x").status, 400u);
  EXPECT_EQ(get(a, "/v1/processes/nobody/logs").status, 404u);

  // Followed: what is there, what comes later, and the end when the process is removed.
  auto stream = dial(a);
  const std::string head = "GET /v1/processes/m/logs?follow=true HTTP/1.1\r\nHost: " + url(a).host +
                           "\r\nAuthorization: Bearer " + a.node->token() + "\r\n\r\n";
  EXPECT_TRUE(nodes.run(*client, stream->write(Rope(Buffer::copy_of(head)))));
  std::string got;
  const auto until = [&](const std::string& words) {
    while (got.find(words) == std::string::npos) {
      auto piece = nodes.run(*client, stream->read(64 * 1024));
      if (!piece || piece->empty()) return false;
      got += to_text(piece->view());
    }
    return true;
  };
  ASSERT_TRUE(until("no feed")) << got;
  EXPECT_NE(got.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(got.find("id: 1\ndata: {"), std::string::npos) << got;
  got.clear();
  post(a, path(a, "m", "chatter"));
  EXPECT_TRUE(until("no feed")) << got;
  EXPECT_EQ(ask(a, {.method = "DELETE", .target = "/v1/processes/m", .body = {}, .fields = {}}).status, 204u);
  EXPECT_TRUE(until("\r\n0\r\n")) << got;
  stream->reset();
}

TEST_F(ServerTest, ShowsPeersAndPings) {
  Machine& a = add();
  Machine& b = add();
  const std::string id = b.node->id().to_string();
  EXPECT_EQ(post(a, "/v1/peers/" + id + "/ping").status, 502u);
  const std::string address = nodes.config_for(b).listen[0] + "/p2p/" + id;
  const Reply connected = post(a, "/v1/peers", Json{{"address", address}}.dump());
  ASSERT_EQ(connected.status, 200u) << connected.body;
  EXPECT_EQ(Json::parse(connected.body)["id"], id);
  EXPECT_EQ(Json::parse(get(a, "/v1/peers").body)["peers"][0]["connected"], true);
  const Reply ping = post(a, "/v1/peers/" + id + "/ping");
  ASSERT_EQ(ping.status, 200u) << ping.body;
  EXPECT_GT(Json::parse(ping.body)["rtt_ms"].get<double>(), 0.0);
  EXPECT_EQ(post(a, "/v1/peers", "{}").status, 400u);
  EXPECT_EQ(post(a, "/v1/peers", R"({"address":"/ip4/1.2.3.4"})").status, 400u);
}

TEST_F(ServerTest, TellsItsFigures) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  post(a, path(a, "m", "echo"), "x");
  post(a, path(a, "m", "crash"), "x");
  const Reply metrics = get(a, "/metrics");
  EXPECT_EQ(metrics.status, 200u);
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line : {"myelin_processes 1\n", "myelin_outcomes_total{outcome=\"ok\"} 1\n",
                           "myelin_outcomes_total{outcome=\"trapped\"} 1\n", "# TYPE myelin_calls_total counter\n",
                           "myelin_http_answers_total{class=\"2xx\"} 1\n"}) {
    EXPECT_NE(metrics.body.find(line), std::string::npos) << line << "\n" << metrics.body;
  }
}

TEST_F(ServerTest, ListensBeyondLoopbackOnlyWhenThatIsSaid) {
  Machine& machine = nodes.add_machine();
  node::Config config = nodes.config_for(machine);
  config.http.listen = "0.0.0.0:2080";
  nodes.add_node(machine, std::move(config));
  auto server = Server::start(*machine.node);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::forbidden);
  EXPECT_NE(server.error().message.find("--insecure-http"), std::string::npos);
}

}  // namespace
}  // namespace myelin::http::testing
