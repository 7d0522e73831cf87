#include "http/guard.hpp"

#include <gtest/gtest.h>

namespace myelin::http {
namespace {

Guard make_guard(node::HttpConfig config = {}) { return Guard(config, "0123456789abcdef"); }

TEST(Guard, TakesItsOwnNames) {
  node::HttpConfig config;
  config.listen = "10.1.2.3:2080";
  config.allowed_hosts = {"node.example"};
  const Guard guard = make_guard(config);
  for (const char* host : {"localhost", "LOCALHOST:2080", "127.0.0.1:1", "[::1]:2080", "10.1.2.3:2080", "node.example",
                           "Node.Example:80"}) {
    EXPECT_TRUE(guard.check(host, "", 11)) << host;
  }
  EXPECT_TRUE(guard.check("", "", 10));
}

TEST(Guard, RefusesOtherNames) {
  const Guard guard = make_guard();
  for (const char* host :
       {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example:2080", "[::2]", "169.254.169.254"}) {
    Result<void> checked = guard.check(host, "", 11);
    ASSERT_FALSE(checked) << host;
    EXPECT_EQ(checked.error().code, ErrorCode::forbidden);
  }
  Result<void> none = guard.check("", "", 11);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::bad_request);
}

TEST(Guard, RefusesForeignOrigins) {
  node::HttpConfig config;
  config.allowed_origins = {"https://app.example"};
  const Guard guard = make_guard(config);
  EXPECT_TRUE(guard.check("localhost:2080", "http://localhost:2080", 11));
  EXPECT_TRUE(guard.check("localhost:2080", "https://app.example", 11));
  for (const char* origin : {"http://localhost:3000", "https://evil.example", "null", "http://localhost"}) {
    EXPECT_FALSE(guard.check("localhost:2080", origin, 11)) << origin;
  }
}

TEST(Guard, TellsTokensApart) {
  const Guard guard = make_guard();
  EXPECT_FALSE(*guard.authorize(""));
  EXPECT_TRUE(*guard.authorize("Bearer 0123456789abcdef"));
  EXPECT_TRUE(*guard.authorize("bearer 0123456789abcdef"));
  for (const char* wrong :
       {"Bearer 0123456789abcdee", "Bearer 0123456789abcde", "Bearer ", "Basic 0123456789abcdef", "0123456789abcdef"}) {
    Result<bool> authorized = guard.authorize(wrong);
    ASSERT_FALSE(authorized) << wrong;
    EXPECT_EQ(authorized.error().code, ErrorCode::unauthorized);
  }
}

}  // namespace
}  // namespace myelin::http
