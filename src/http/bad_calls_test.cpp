// Bad input to calls and modules over HTTP: each case is one error, and the process and its neighbours go on.
#include "http/server_testing.hpp"
#include "identity/multibase.hpp"
#include "io/sync.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace myelin::http::testing {
namespace {

using Json = nlohmann::json;

kernel::SpawnSpec open_spec(const std::string& name,
                            kernel::RestartPolicy restart = kernel::RestartPolicy::on_failure) {
  kernel::SpawnSpec spec;
  spec.name = name;
  spec.restart = restart;
  spec.access.anyone = true;
  return spec;
}

io::Task<std::string> read_all(io::TcpStream* stream) {
  std::string got;
  for (;;) {
    Result<Buffer> piece = co_await stream->read(64 * 1024);
    if (!piece || piece->empty()) co_return got;
    got += to_text(piece->view());
  }
}

// One byte at a time, for as long as the other end takes them.
io::Task<void> dribble(io::Loop* loop, io::TcpStream* stream, int* sent) {
  for (; *sent < 200; ++*sent) {
    if (!co_await stream->write(Rope(Buffer::copy_of("x")))) co_return;
    if (!co_await io::sleep_for(*loop, 300ms)) co_return;
  }
}

// Writes as much as the other end takes.
io::Task<void> fill(io::TcpStream* stream, std::string bytes) {
  (void)co_await stream->write(Rope(Buffer::copy_of(bytes)));
}

class BadCalls : public ServerTest {
 protected:
  std::string head(Machine& machine, const std::string& target, const std::string& fields) {
    return "POST " + target + " HTTP/1.1\r\nHost: " + url(machine).host + "\r\n" + fields + "\r\n";
  }
  void write(io::TcpStream& stream, const std::string& bytes) {
    EXPECT_TRUE(nodes.run(*client, stream.write(Rope(Buffer::copy_of(bytes)))));
  }
  std::string state(Machine& machine, const std::string& name) {
    return Json::parse(get(machine, "/v1/processes/" + name).body).value("state", "gone");
  }
};

TEST_F(BadCalls, PathsOfAnyOtherShape) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const std::string own = "/ww/0.1.0/" + a.node->id().to_string();
  const std::string long_pid(40, '2');
  for (const std::string& target :
       {std::string("/ww/0.1.0"), own, own + "/m", own + "/m/echo/x", own + "/m/echo/", own + "//echo",
        own + "/0OIl/echo", own + "/" + long_pid + "A/echo", own + "/m/" + std::string(200, 'e'), own + "/m/e%63ho"}) {
    const Reply reply = post(a, target, "x");
    EXPECT_EQ(reply.status, 400u) << target << ": " << reply.body;
    EXPECT_EQ(reply.error, "bad_request") << target;
  }
  EXPECT_EQ(post(a, own + "/m/count").body, "1") << "none of them reached it";
}

TEST_F(BadCalls, APeerInEverySpellingIsTheSamePeer) {
  Machine& a = add();
  Machine& b = add();
  nodes.introduce(a, b);
  nodes.spawn_open(a, "kernel_methods", "m");
  nodes.spawn_open(b, "kernel_methods", "m");
  using identity::Base;
  int calls = 0;
  for (Machine* machine : {&a, &b}) {
    const View id = machine->node->id().bytes();
    Bytes cid{0x01, 0x72};
    cid.insert(cid.end(), id.begin(), id.end());
    calls = 0;
    for (const Base base : {Base::base16, Base::base16_upper, Base::base32, Base::base32_upper, Base::base36,
                            Base::base36_upper, Base::base58btc}) {
      const std::string text = identity::multibase_encode(base, cid);
      EXPECT_EQ(post(a, "/ww/0.1.0/" + text + "/m/count").body, std::to_string(++calls)) << text;
    }
    cid[1] = 0x55;  // a CID of something that is no peer
    for (const std::string& text : {identity::multibase_encode(Base::base36, cid), std::string("12D3KooW"),
                                    machine->node->id().to_string() + "1", std::string("QmNotAPeer")}) {
      const Reply reply = post(a, "/ww/0.1.0/" + text + "/m/count");
      EXPECT_EQ(reply.status, 400u) << text;
      EXPECT_EQ(reply.error, "bad_request") << text;
    }
  }
}

TEST_F(BadCalls, LengthsThatLie) {
  Machine& a = add([](node::Config& config) { config.http.max_body_bytes = 1000; });
  nodes.spawn_open(a, "kernel_methods", "m");
  const std::string target = path(a, "m", "drain");
  const std::map<std::string, std::string> cases{
      {"Content-Length: 18446744073709551615\r\n", " 413 "},
      {"Content-Length: 18446744073709551616\r\n", " 400 "},
      {"Content-Length: 99999999999999999999999\r\n", " 400 "},
      {"Content-Length: -1\r\n", " 400 "},
      {"Transfer-Encoding: gzip\r\n", " 400 "},
  };
  for (const auto& [field, status] : cases) {
    const std::string answer = raw(a, head(a, target, field), "\r\n\r\n");
    EXPECT_NE(answer.find(status), std::string::npos) << field << answer;
  }
  const std::string chunked = head(a, target, "Transfer-Encoding: chunked\r\n");
  EXPECT_NE(raw(a, chunked + "ffffffffffffffffff\r\n", "\r\n\r\n").find(" 400 "), std::string::npos);
  const std::string answer = raw(a, chunked + "ffffffffffffffff\r\n" + std::string(2000, 'x'), "\r\n\r\n");
  EXPECT_TRUE(answer.find(" 413 ") != std::string::npos || answer.find(" 400 ") != std::string::npos) << answer;
  EXPECT_EQ(post(a, path(a, "m", "echo"), "alive").body, "alive");
}

TEST_F(BadCalls, HeadsOfChunksAndTrailersAreBounded) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const std::string chunked = head(a, path(a, "m", "drain"), "Transfer-Encoding: chunked\r\n");
  for (const std::string& body : {"1;" + std::string(300'000, 'a') + "\r\nx\r\n0\r\n\r\n",
                                  "1\r\nx\r\n0\r\nX: " + std::string(300'000, 'a') + "\r\n\r\n"}) {
    const std::string answer = raw(a, chunked + body, "\r\n\r\n");
    EXPECT_NE(answer.find(" 400 "), std::string::npos) << answer.substr(0, 200);
    EXPECT_EQ(post(a, path(a, "m", "echo"), "alive").body, "alive");
  }
}

// The client has filled every buffer on the way when it leaves.
TEST_F(BadCalls, AClientThatLeavesAStuckCall) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  auto stream = dial(a);
  write(*stream, head(a, path(a, "m", "spin"), "Content-Length: 100000000\r\n"));
  client->scope->spawn(fill(stream.get(), std::string(8 << 20, 'x')));
  nodes.world->run_for(500ms);
  const Instant left = nodes.world->now();
  stream->reset();
  EXPECT_EQ(post(a, path(a, "m", "echo"), "alive").body, "alive");
  EXPECT_LT(nodes.world->now() - left, 10s);
}

TEST_F(BadCalls, BodiesThatEndTooEarly) {
  Machine& a = add();
  nodes.spawn(a, "kernel_methods", open_spec("m", kernel::RestartPolicy::never));
  for (const std::string& sent : {head(a, path(a, "m", "drain"), "Content-Length: 100\r\n") + "abc",
                                  head(a, path(a, "m", "drain"), "Transfer-Encoding: chunked\r\n") + "5\r\nab",
                                  head(a, path(a, "m", "drain"), "Transfer-Encoding: chunked\r\n") + "2\r\nab\r\n"}) {
    const std::string answer = raw(a, sent, {}, true);
    EXPECT_EQ(answer.find(" 200 "), std::string::npos) << "an input that is not whole does not look whole: " << answer;
    EXPECT_EQ(post(a, path(a, "m", "echo"), "alive").body, "alive");
  }
  EXPECT_EQ(state(a, "m"), "ready");
}

TEST_F(BadCalls, AClientThatLeavesUnderEveryPolicy) {
  Machine& a = add();
  for (const auto policy :
       {kernel::RestartPolicy::never, kernel::RestartPolicy::on_failure, kernel::RestartPolicy::always}) {
    const std::string name(kernel::name(policy));
    nodes.spawn(a, "kernel_methods", open_spec(name, policy));
    for (const char* method : {"spin", "echo"}) {
      auto stream = dial(a);
      write(*stream, head(a, path(a, name, method), "Content-Length: 100\r\n") + "abc");
      nodes.world->run_for(100ms);
      stream->reset();
      const Reply after = post(a, path(a, name, "echo"), "alive");
      EXPECT_EQ(after.status, 200u) << name << " " << method << ": " << after.body;
      EXPECT_EQ(after.body, "alive") << name << " " << method;
    }
    EXPECT_EQ(state(a, name), "ready");
  }
}

TEST_F(BadCalls, AnEndThatIsForGood) {
  Machine& a = add();
  nodes.spawn(a, "kernel_methods", open_spec("m", kernel::RestartPolicy::never));
  const Reply ended = post(a, path(a, "m", "exit3"));
  EXPECT_EQ(ended.error, "guest_failed");
  EXPECT_EQ(Json::parse(ended.body)["detail"], 3);
  EXPECT_EQ(state(a, "m"), "exited");
  EXPECT_EQ(post(a, path(a, "m", "echo")).error, "no_such_process");
}

TEST_F(BadCalls, ASpinnerEndsAtItsDeadlineWhileOthersGoOn) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  nodes.spawn_open(a, "kernel_methods", "beside");
  auto spinning = dial(a);
  write(*spinning,
        head(a, path(a, "m", "spin"), "Content-Length: 0\r\nMyelin-Timeout-Ms: 300\r\nConnection: close\r\n"));
  const Instant begin = nodes.world->now();
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(post(a, path(a, "beside", "count")).body, std::to_string(i));
  EXPECT_LT(nodes.world->now() - begin, 200ms) << "they did not wait for it";
  EXPECT_NE(nodes.run(*client, read_all(spinning.get())).find(" 504 "), std::string::npos);
  EXPECT_EQ(post(a, path(a, "m", "count")).body, "1");
}

TEST_F(BadCalls, OneProcessAnswersInOrderTwoAtOnce) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  nodes.spawn_open(a, "kernel_methods", "beside");
  auto first = dial(a);
  write(*first, head(a, path(a, "m", "drain"), "Content-Length: 2\r\nConnection: close\r\n") + "1");
  nodes.world->run_for(50ms);
  std::vector<std::unique_ptr<io::TcpStream>> queued;
  for (int i = 0; i < 3; ++i) {
    queued.push_back(dial(a));
    write(*queued.back(), head(a, path(a, "m", "count"), "Content-Length: 0\r\nConnection: close\r\n"));
    nodes.world->run_for(50ms);
  }
  EXPECT_EQ(post(a, path(a, "beside", "echo"), "meanwhile").body, "meanwhile");
  EXPECT_EQ(Json::parse(get(a, "/v1/processes/m").body)["queued_messages"], 3) << "they wait for the first";
  write(*first, "2");
  EXPECT_NE(nodes.run(*client, read_all(first.get())).find("\r\n\r\n2 0"), std::string::npos) << "the first ends";
  for (int i = 0; i < 3; ++i) {
    const std::string answer = nodes.run(*client, read_all(queued[static_cast<std::size_t>(i)].get()));
    EXPECT_NE(answer.find("\r\n\r\n" + std::to_string(i + 1)), std::string::npos) << answer;
  }
}

TEST_F(BadCalls, AFullMailboxIs429) {
  Machine& a = add();
  kernel::SpawnSpec spec = open_spec("m");
  spec.limits.queue_messages = 1;
  nodes.spawn(a, "kernel_methods", spec);
  std::vector<std::unique_ptr<io::TcpStream>> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(dial(a));
    write(*held.back(), head(a, path(a, "m", "echo"), "Content-Length: 2\r\n") + "1");
    nodes.world->run_for(50ms);
  }
  const Reply refused = post(a, path(a, "m", "echo"), "x");
  EXPECT_EQ(refused.status, 429u);
  EXPECT_EQ(refused.error, "mailbox_full");
  for (auto& stream : held) stream->reset();
  nodes.world->run_for(5s);
  EXPECT_EQ(post(a, path(a, "m", "echo"), "room again").body, "room again");
}

TEST_F(BadCalls, LimitsOfTheGuestWhileABystanderGoesOn) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "bystander");
  kernel::SpawnSpec spec = open_spec("m");
  spec.limits.memory_pages = 32;
  nodes.spawn(a, "kernel_methods", spec);
  auto open_call = dial(a);
  write(*open_call, head(a, path(a, "bystander", "echo"), "Content-Length: 5\r\nConnection: close\r\n") + "be");
  nodes.world->run_for(50ms);

  const Reply grown = post(a, path(a, "m", "grow"));
  EXPECT_EQ(grown.status, 200u) << "growing beyond the limit answers -1, and the guest goes on";
  EXPECT_LE(std::stoul(grown.body), 32u);
  EXPECT_GT(std::stoul(grown.body), 16u);

  const Reply deep = post(a, path(a, "m", "recurse"));
  EXPECT_EQ(deep.status, 500u);
  EXPECT_EQ(deep.error, "trapped");
  EXPECT_FALSE(Json::parse(deep.body).value("message", "").empty()) << "with the reason";
  EXPECT_EQ(post(a, path(a, "m", "count")).body, "1") << "started again";

  write(*open_call, "gun");
  EXPECT_NE(nodes.run(*client, read_all(open_call.get())).find("gun"), std::string::npos);
}

TEST_F(BadCalls, ModulesAreRefusedBeforeTheyAreCompiled) {
  constexpr std::size_t max_bytes = 100'000;
  Machine& a = add([](node::Config& config) { config.engine.module_limits.module_bytes = max_bytes; });
  int compiled = 0;
  nodes.world->add_program(kernel::testing::compiler, 50ms, [&compiled](const io::ChildSpec& spec) {
    ++compiled;
    return wasm::compile_child(spec);
  });
  const std::string magic("\0asm\1\0\0\0", 8);
  const std::string imports_nothing_known =
      magic + std::string("\1\4\1\x60\0\0", 6) + std::string("\2\x0c\1\3env\4nope\0\0", 14);
  struct Row {
    std::string module;
    unsigned status;
    std::string error, says;
  };
  for (const Row& row : std::vector<Row>{{"", 422, "invalid_module", ""},
                                         {"garbage", 422, "invalid_module", ""},
                                         {std::string("\0asm\2\0\0\0", 8), 422, "invalid_module", "version"},
                                         {magic + "\1\x7f", 422, "invalid_module", ""},
                                         {imports_nothing_known, 422, "invalid_module", "env"},
                                         {std::string(max_bytes + 1, 'x'), 413, "too_large", "bytes"}}) {
    const Reply reply = post(a, "/v1/processes", row.module);
    EXPECT_EQ(reply.status, row.status) << row.module.substr(0, 30) << ": " << reply.body;
    EXPECT_EQ(reply.error, row.error) << reply.body;
    const std::string message = Json::parse(reply.body).value("message", "");
    EXPECT_FALSE(message.empty());
    EXPECT_NE(message.find(row.says), std::string::npos) << message;
  }
  EXPECT_EQ(compiled, 0);
  EXPECT_TRUE(Json::parse(get(a, "/v1/processes").body)["processes"].empty());
}

TEST_F(BadCalls, AModuleThatTakesMinutesToCompileIsStopped) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  nodes.world->add_program(kernel::testing::compiler, 600s, wasm::compile_child);
  // A custom section makes it another module, which the cache does not have.
  const std::string fresh = module("kernel_methods") + std::string("\0\5\4slow", 7);
  const Instant begin = nodes.world->now();
  const Reply reply = post(a, "/v1/processes", fresh);
  EXPECT_EQ(reply.status, 504u) << reply.body;
  EXPECT_EQ(reply.error, "timeout");
  EXPECT_LE(nodes.world->now() - begin, 30s);
  EXPECT_EQ(post(a, path(a, "m", "echo"), "alive").body, "alive");
}

TEST_F(BadCalls, AHeadByteByByteTimesOutAllTheSame) {
  Machine& a = add([](node::Config& config) { config.http.header_timeout = 2s; });
  auto stream = dial(a);
  write(*stream, "GET /version HTTP/1.1\r\nX: ");
  int sent = 0;
  client->scope->spawn(dribble(client->loop, stream.get(), &sent));
  const Instant begin = nodes.world->now();
  EXPECT_NE(nodes.run(*client, read_all(stream.get())).find(" 408 "), std::string::npos);
  EXPECT_LT(nodes.world->now() - begin, 8s);
  stream->reset();
  nodes.world->run_for(1s);
  EXPECT_LT(sent, 60);
}

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * 4096;
}

TEST_F(BadCalls, ClientsThatNeverReadHoldUpNobodyElse) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) {
    names.push_back("flooding-" + std::to_string(i));
    nodes.spawn_open(a, "kernel_methods", names.back());
  }
  const std::size_t before = resident_bytes();
  std::vector<std::unique_ptr<io::TcpStream>> streams;
  for (const std::string& name : names) {
    streams.push_back(dial(a));
    write(*streams.back(), head(a, path(a, name, "flood"), "Content-Length: 0\r\n"));
  }
  nodes.world->run_for(5s);
  EXPECT_EQ(post(a, path(a, "m", "echo"), "alive").body, "alive");
  EXPECT_LT(resident_bytes(), before + (96u << 20));
  for (auto& stream : streams) stream->reset();
  nodes.world->run_for(5s);
  EXPECT_EQ(post(a, path(a, names[0], "echo"), "again").body, "again");
}

TEST_F(BadCalls, TheTypeOfAnOutputCrossesNodes) {
  Machine& a = add();
  Machine& b = add();
  nodes.introduce(a, b);
  nodes.spawn_open(b, "kernel_mailbox", "box");
  const Reply there = post(b, path(b, "box", "draft"));
  const Reply across = post(a, path(b, "box", "draft"));
  EXPECT_EQ(there.content_type, "text/draft");
  EXPECT_EQ(across.content_type, "text/draft");
  EXPECT_EQ(across.body.size(), 1u << 20);
}

}  // namespace
}  // namespace myelin::http::testing
