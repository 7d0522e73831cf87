#include "io/stream.hpp"

#include "io/real.hpp"

#include <deque>
#include <gtest/gtest.h>
#include <string>

namespace myelin::io {
namespace {

// A stream that gives given pieces, then the end or an error.
class Pieces final : public Stream {
 public:
  explicit Pieces(std::deque<std::string> pieces, std::optional<Error> error = {})
      : pieces_(std::move(pieces)), error_(std::move(error)) {}
  Task<Result<Buffer>> read(std::size_t max) override {
    if (pieces_.empty() && error_) co_return fail(*error_);
    if (pieces_.empty()) co_return Buffer();
    Buffer piece = Buffer::copy_of(pieces_.front().substr(0, max));
    pieces_.front().erase(0, piece.size());
    if (pieces_.front().empty()) pieces_.pop_front();
    co_return piece;
  }
  Task<Result<void>> write(Rope) override { co_return Result<void>{}; }
  Task<Result<void>> close_write() override { co_return Result<void>{}; }
  void reset() override {}

 private:
  std::deque<std::string> pieces_;
  std::optional<Error> error_;
};

Task<void> get(Stream* stream, std::size_t size, Result<Buffer>* out) { *out = co_await read_exactly(*stream, size); }

Result<Buffer> exactly(Pieces stream, std::size_t size) {
  Result<Buffer> out;
  RealLoop::create()->run_until_done(get(&stream, size, &out));
  return out;
}

TEST(ReadExactly, JoinsPieces) {
  EXPECT_EQ(as_text(exactly(Pieces({"abc"}), 3)->view()), "abc");
  EXPECT_EQ(as_text(exactly(Pieces({"a", "bc", "def"}), 5)->view()), "abcde");
  EXPECT_TRUE(exactly(Pieces({}), 0)->empty());
}

TEST(ReadExactly, AnEarlyEndIsAProtocolError) {
  const auto result = exactly(Pieces({"ab"}), 3);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::protocol);
}

TEST(ReadExactly, PassesErrorsOn) {
  const Error lost{ErrorCode::link_lost, "gone"};
  const auto result = exactly(Pieces({"ab"}, lost), 3);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), lost);
}

}  // namespace
}  // namespace myelin::io
