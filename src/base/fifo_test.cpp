#include "base/fifo.hpp"

#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace myelin {
namespace {

TEST(Fifo, GivesWhatADequeGives) {
  Fifo<std::string> fifo;
  std::deque<std::string> deque;
  std::uint32_t x = 1;
  for (int i = 0; i < 20'000; ++i) {
    x = x * 1664525u + 1013904223u;
    const std::uint32_t choice = x >> 24;
    if (choice < 120 || deque.empty()) {
      fifo.push_back("a text too long to be kept inside " + std::to_string(i));
      deque.push_back("a text too long to be kept inside " + std::to_string(i));
    } else if (choice < 240) {
      ASSERT_EQ(fifo.front(), deque.front());
      fifo.pop_front();
      deque.pop_front();
    } else if (choice < 254) {
      const auto at = static_cast<std::ptrdiff_t>((x >> 8) % deque.size());
      fifo.erase(fifo.begin() + at);
      deque.erase(deque.begin() + at);
    } else {
      fifo.clear();
      deque.clear();
    }
    ASSERT_EQ(fifo.size(), deque.size());
    ASSERT_EQ(fifo.empty(), deque.empty());
  }
  ASSERT_TRUE(std::equal(fifo.begin(), fifo.end(), deque.begin(), deque.end()));
}

TEST(Fifo, IsEmptyOnceMovedFrom) {
  Fifo<std::unique_ptr<int>> from;
  for (int i = 0; i < 3; ++i) from.push_back(std::make_unique<int>(i));
  from.pop_front();
  Fifo<std::unique_ptr<int>> to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): what it promises
  ASSERT_EQ(to.size(), 2u);
  EXPECT_EQ(*to[0], 1);
  EXPECT_EQ(*to[1], 2);
  from.push_back(std::make_unique<int>(7));
  EXPECT_EQ(*from.front(), 7);
  from = std::move(to);
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(from.size(), 2u);
}

TEST(Fifo, ACopyHoldsWhatIsLeft) {
  Fifo<int> from;
  for (int i = 0; i < 5; ++i) from.push_back(i);
  from.pop_front();
  from.pop_front();
  const Fifo<int> copy = from;
  from.clear();
  ASSERT_EQ(copy.size(), 3u);
  EXPECT_EQ(copy.front(), 2);
}

TEST(Fifo, DropsAnItemWhenItIsPopped) {
  auto watched = std::make_shared<int>(1);
  Fifo<std::shared_ptr<int>> fifo;
  fifo.push_back(watched);
  fifo.push_back(nullptr);
  EXPECT_EQ(watched.use_count(), 2);
  fifo.pop_front();
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(InlineFifo, GivesWhatADequeGives) {
  InlineFifo<std::string, 2> fifo;
  std::deque<std::string> deque;
  std::uint32_t x = 7;
  for (int i = 0; i < 20'000; ++i) {
    x = x * 1664525u + 1013904223u;
    const std::uint32_t choice = x >> 24;
    const std::string text = "a text too long to be kept inside " + std::to_string(i);
    if (choice < 125 || deque.empty()) {
      fifo.push_back(text);
      deque.push_back(text);
      ASSERT_EQ(fifo.back(), text);
    } else if (choice < 250) {
      ASSERT_EQ(fifo.front(), deque.front());
      fifo.pop_front();
      deque.pop_front();
    } else if (choice < 252) {
      InlineFifo<std::string, 2> moved(std::move(fifo));
      ASSERT_TRUE(fifo.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the promise
      fifo = moved;
      ASSERT_EQ(moved.size(), deque.size());
      fifo = std::move(moved);
    } else if (choice == 253) {
      fifo.clear();
      deque.clear();
    }
    ASSERT_EQ(fifo.size(), deque.size());
    ASSERT_EQ(fifo.empty(), deque.empty());
  }
  ASSERT_TRUE(std::equal(fifo.begin(), fifo.end(), deque.begin(), deque.end()));
}

TEST(InlineFifo, MovesItsItemsInsideAndOut) {
  for (std::size_t count : {0u, 1u, 2u, 9u}) {
    InlineFifo<std::unique_ptr<int>, 2> from;
    for (std::size_t i = 0; i < count; ++i) from.push_back(std::make_unique<int>(static_cast<int>(i)));
    InlineFifo<std::unique_ptr<int>, 2> to;
    to.push_back(std::make_unique<int>(77));
    to = std::move(from);
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move)
    ASSERT_EQ(to.size(), count);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(*to[i], static_cast<int>(i));
  }
}

}  // namespace
}  // namespace myelin
