#include "http/write.hpp"

#include "http/exchange.hpp"
#include "http/spawn_request.hpp"

#include <gtest/gtest.h>

namespace myelin::http {
namespace {

std::string text_of(const Rope& rope) { return to_text(rope.flatten().view()); }

TEST(Write, Heads) {
  EXPECT_EQ(to_text(response_head(200, 11, {{"A", "b"}}).view()), "HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
  EXPECT_EQ(to_text(response_head(404, 10, {}).view()), "HTTP/1.0 404 Not Found\r\n\r\n");
  EXPECT_EQ(to_text(request_head("POST", "/x?y", {{"Host", "h"}}).view()), "POST /x?y HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(Write, ChunksShareTheirBytes) {
  Buffer bytes = Buffer::copy_of("hello");
  Rope out = chunk(Rope(bytes));
  EXPECT_EQ(text_of(out), "5\r\nhello\r\n");
  EXPECT_FALSE(bytes.unique());
  EXPECT_EQ(to_text(last_chunk({}).view()), "0\r\n\r\n");
  EXPECT_EQ(to_text(last_chunk({{"Myelin-Error", "trapped"}}).view()), "0\r\nMyelin-Error: trapped\r\n\r\n");
}

TEST(Write, FieldValuesAreOneVisibleLine) {
  EXPECT_EQ(field_value("a\r\nSet-Cookie: x\x7f\xc3"), "a??Set-Cookie: x??");
  EXPECT_EQ(field_value(std::string(1000, 'x')).size(), 500u);
}

TEST(Target, SplitsAndDecodes) {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  split_target("/v1/p?env=A%3Db+c&flag&x=%zz", path, query);
  EXPECT_EQ(path, "/v1/p");
  const std::vector<std::pair<std::string, std::string>> expected{{"env", "A=b c"}, {"flag", ""}, {"x", "%zz"}};
  EXPECT_EQ(query, expected);
  EXPECT_EQ(url_encode("A=b c/ü"), "A%3Db%20c%2F%C3%BC");
}

Request with_query(std::string target) {
  Request request;
  split_target(target, request.path, request.query);
  return request;
}

TEST(SpawnRequest, ReadsEveryParameter) {
  Result<kernel::SpawnSpec> spec = spawn_spec(
      with_query("/?name=echo&restart=always&allow=anyone&replace=true&env=A%3D1%3D2&arg=x&arg=y&limit=memory%3D1MiB&"
                 "limit=wall%3D5s"
                 "&limit=fuel%3D10&limit=output%3D2KiB&limit=queue%3D7&limit=queue-bytes%3D9&limit=requests%3D3"),
      {});
  ASSERT_TRUE(spec) << to_string(spec.error());
  EXPECT_EQ(spec->name, "echo");
  EXPECT_EQ(spec->restart, kernel::RestartPolicy::always);
  EXPECT_TRUE(spec->access.anyone);
  EXPECT_TRUE(spec->replace);
  EXPECT_EQ(spec->environment.at(0).second, "1=2");
  EXPECT_EQ(spec->arguments, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(spec->limits.memory_pages, 16u);
  EXPECT_EQ(spec->limits.wall_per_call, std::chrono::seconds(5));
  EXPECT_EQ(spec->limits.fuel_per_call, 10u);
  EXPECT_EQ(spec->limits.output_bytes_per_call, 2048u);
  EXPECT_EQ(spec->limits.queue_messages, 7u);
  EXPECT_EQ(spec->limits.queue_bytes, 9u);
  EXPECT_EQ(spec->limits.open_requests, 3u);
}

TEST(SpawnRequest, RefusesWhatItDoesNotKnow) {
  for (const char* target :
       {"/?nmae=x", "/?restart=often", "/?allow=somebody", "/?replace=yes", "/?env=noequals", "/?env=%3Dx",
        "/?limit=memory", "/?limit=memory%3D1", "/?limit=memory%3D5GiB", "/?limit=queue%3D0", "/?limit=wall%3D5",
        "/?limit=speed%3D1", "/?limit=queue%3D99999999999"}) {
    Result<kernel::SpawnSpec> spec = spawn_spec(with_query(target), {});
    ASSERT_FALSE(spec) << target;
    EXPECT_EQ(spec.error().code, ErrorCode::bad_request) << target;
  }
}

}  // namespace
}  // namespace myelin::http
