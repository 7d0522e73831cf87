#include "base/error.hpp"

#include <gtest/gtest.h>
#include <set>

namespace myelin {
namespace {

TEST(Error, NamesAndNumbersAreOneToOne) {
  std::set<std::string_view> names;
  for (std::uint8_t number = 1; number <= last_error_code; ++number) {
    const std::optional<ErrorCode> code = error_code(std::uint64_t{number});
    ASSERT_TRUE(code);
    EXPECT_TRUE(names.insert(name(*code)).second);
    EXPECT_EQ(error_code(name(*code)), code);
    EXPECT_GE(http_status(*code), 400);
    EXPECT_LT(http_status(*code), 600);
  }
  EXPECT_FALSE(error_code(std::uint64_t{0}));
  EXPECT_FALSE(error_code(std::uint64_t{last_error_code} + 1));
  EXPECT_FALSE(error_code("nothing"));
}

TEST(Error, StatusesAreTheDocumentedOnes) {
  EXPECT_EQ(http_status(ErrorCode::bad_request), 400);
  EXPECT_EQ(http_status(ErrorCode::unauthorized), 401);
  EXPECT_EQ(http_status(ErrorCode::forbidden), 403);
  EXPECT_EQ(http_status(ErrorCode::no_such_process), 404);
  EXPECT_EQ(http_status(ErrorCode::no_such_method), 404);
  EXPECT_EQ(http_status(ErrorCode::too_large), 413);
  EXPECT_EQ(http_status(ErrorCode::invalid_module), 422);
  EXPECT_EQ(http_status(ErrorCode::mailbox_full), 429);
  EXPECT_EQ(http_status(ErrorCode::cancelled), 499);
  EXPECT_EQ(http_status(ErrorCode::trapped), 500);
  EXPECT_EQ(http_status(ErrorCode::unknown_peer), 502);
  EXPECT_EQ(http_status(ErrorCode::link_lost), 502);
  EXPECT_EQ(http_status(ErrorCode::stopping), 503);
  EXPECT_EQ(http_status(ErrorCode::limit), 503);
  EXPECT_EQ(http_status(ErrorCode::timeout), 504);
}

TEST(Error, IsOneLineOfText) {
  EXPECT_EQ(to_string(Error{ErrorCode::limit, {}}), "limit");
  EXPECT_EQ(to_string(Error{ErrorCode::timeout, "after 5 s"}), "timeout: after 5 s");
  const Result<int> failed = fail(ErrorCode::guest_failed, "exit", 3);
  EXPECT_EQ(failed.error().detail, 3u);
}

}  // namespace
}  // namespace myelin
