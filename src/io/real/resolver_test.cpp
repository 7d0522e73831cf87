#include "io/real/resolver.hpp"

#include "io/real.hpp"
#include "io/real/sockets.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace myelin::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A DNS answer to the question `query` (header and one question) with the given TXT records, each of strings.
Bytes answer(View query, const std::vector<std::vector<std::string>>& records) {
  Bytes out(query.begin(), query.end());
  out[2] = 0x84;  // response, authoritative
  out[3] = 0;
  out[7] = static_cast<std::uint8_t>(records.size());
  out[10] = out[11] = 0;  // without the query's EDNS record
  for (const auto& strings : records) {
    for (const int byte : {0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60}) out.push_back(static_cast<std::uint8_t>(byte));
    std::size_t size = 0;
    for (const std::string& text : strings) size += 1 + text.size();
    out.push_back(static_cast<std::uint8_t>(size >> 8));
    out.push_back(static_cast<std::uint8_t>(size));
    for (const std::string& text : strings) {
      out.push_back(static_cast<std::uint8_t>(text.size()));
      out.insert(out.end(), text.begin(), text.end());
    }
  }
  return out;
}

Bytes query_for_a() {
  return {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 16, 0, 1};  // TXT of "a."
}

TEST(ParseTxt, JoinsTheStringsOfARecord) {
  const auto records = real::parse_txt(answer(query_for_a(), {{"dnsaddr=/ip4/1.2.3.4"}, {"one", "", "two"}, {""}}));
  ASSERT_TRUE(records) << to_string(records.error());
  EXPECT_EQ(*records, (std::vector<std::string>{"dnsaddr=/ip4/1.2.3.4", "onetwo", ""}));
}

TEST(ParseTxt, RefusesEveryTruncation) {
  const Bytes whole = answer(query_for_a(), {{"first"}, {"second", "third"}});
  ASSERT_TRUE(real::parse_txt(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto records = real::parse_txt(View(whole).first(size));
    EXPECT_FALSE(records) << size;
  }
}

TEST(ParseTxt, RefusesAStringThatOverrunsItsRecord) {
  Bytes message = answer(query_for_a(), {{"abc"}});
  message[message.size() - 4] = 200;
  EXPECT_FALSE(real::parse_txt(message));
}

TEST(ParseTxt, SkipsOtherRecords) {
  Bytes message = answer(query_for_a(), {{"abc"}, {"def"}});
  const std::size_t type_at = query_for_a().size() + 3;
  message[type_at] = 99;  // SPF
  EXPECT_EQ(*real::parse_txt(message), std::vector<std::string>{"def"});
}

// What the fuzzer starts from and what it found; here they must parse or fail, and stay within bounds.
TEST(ParseTxt, RunsTheCorpus) {
  int parsed = 0;
  int refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MYELIN_SOURCE_DIR "/src/io/corpus/txt_fuzz")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    ++(real::parse_txt(as_view(bytes)) ? parsed : refused);
  }
  EXPECT_GE(parsed, 2);
  EXPECT_GE(refused, 2);
}

// A name server for one question.
struct NameServer {
  explicit NameServer(std::vector<std::vector<std::string>> records, std::uint8_t rcode = 0) {
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto address = real::to_sockaddr({IpAddress::loopback_v4(), 0});
    EXPECT_EQ(bind(fd, address.get(), address.size), 0);
    at = real::local_of(fd);
    thread = std::thread([this, records = std::move(records), rcode] {
      std::array<std::uint8_t, 512> query{};
      real::SockAddr from;
      const ssize_t size = recvfrom(fd, query.data(), query.size(), 0, from.get(), &from.size);
      if (size < 12) return;
      // Without the additional section (EDNS), which begins after the question.
      std::size_t end = 12;
      while (query[end] != 0) end += query[end] + 1U;
      Bytes reply = answer(View(query).first(end + 5), records);
      reply[3] = rcode;
      sendto(fd, reply.data(), reply.size(), 0, from.get(), from.size);
    });
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer() {
    thread.join();
    close(fd);
  }
  int fd;
  SocketAddress at;
  std::thread thread;
};

TEST(LookUpTxt, AsksAServer) {
  const NameServer server({{"dnsaddr=/dns4/x"}, {"long ", "text"}});
  const auto records = real::look_up_txt("_dnsaddr.example.org.", seconds(5), server.at);
  ASSERT_TRUE(records) << to_string(records.error());
  EXPECT_EQ(*records, (std::vector<std::string>{"dnsaddr=/dns4/x", "long text"}));
}

TEST(LookUpTxt, NoSuchNameIsOffline) {
  const NameServer server({}, 3);
  const auto records = real::look_up_txt("nowhere.example.org.", seconds(5), server.at);
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, ErrorCode::offline);
  EXPECT_NE(records.error().message.find("no such name"), std::string::npos) << records.error().message;
}

template <typename T>
Result<T> wait(RealLoop& loop, Task<Result<T>> task) {
  struct Body {
    static Task<void> run(Task<Result<T>> t, std::optional<Result<T>>* out) { *out = co_await std::move(t); }
  };
  std::optional<Result<T>> out;
  loop.run_until_done(Body::run(std::move(task), &out));
  return std::move(*out);
}

TEST(Resolve, FindsLocalhostAndLiterals) {
  const auto loop = RealLoop::create();
  const auto local = wait(*loop, loop->network().resolve("localhost", seconds(20)));
  ASSERT_TRUE(local) << to_string(local.error());
  ASSERT_FALSE(local->empty());
  EXPECT_TRUE(std::all_of(local->begin(), local->end(), [](const IpAddress& ip) { return ip.is_loopback(); }));
  const auto below = wait(*loop, loop->network().resolve("api.LocalHost.", seconds(20)));
  ASSERT_TRUE(below) << to_string(below.error());
  EXPECT_EQ(*below, *local);
  const auto literal = wait(*loop, loop->network().resolve("2001:db8::7", seconds(20)));
  ASSERT_TRUE(literal);
  EXPECT_EQ(*literal, std::vector<IpAddress>{*IpAddress::parse("2001:db8::7")});
}

TEST(Resolve, ABadNameIsOffline) {
  const auto loop = RealLoop::create();
  const auto result = wait(*loop, loop->network().resolve("no spaces allowed", seconds(20)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::offline);
}

TEST(Resolve, EndsByTokenWithoutWaitingForTheLookup) {
  const auto loop = RealLoop::create();
  CancelSource source;
  source.fire();
  const auto cancelled = wait(*loop, loop->network().resolve("localhost", seconds(20), source.token()));
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
}

TEST(Interfaces, HoldLoopback) {
  const auto loop = RealLoop::create();
  const auto found = loop->network().interfaces();
  EXPECT_NE(std::find(found.begin(), found.end(), IpAddress::loopback_v4()), found.end());
}

}  // namespace
}  // namespace myelin::io
