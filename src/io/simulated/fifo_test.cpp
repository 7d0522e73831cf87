#include "io/simulated/fifo.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace myelin::io::simulated {
namespace {

TEST(Fifo, KeepsOrderThroughMixedUse) {
  Fifo<int> fifo;
  int pushed = 0;
  int popped = 0;
  for (int round = 0; round < 500; ++round) {
    for (int i = 0; i < round % 7; ++i) fifo.push(pushed++);
    for (int i = 0; i < round % 5 && !fifo.empty(); ++i) ASSERT_EQ(fifo.pop(), popped++);
    ASSERT_EQ(fifo.size(), static_cast<std::size_t>(pushed - popped));
    if (!fifo.empty()) {
      ASSERT_EQ(fifo.front(), popped);
      ASSERT_EQ(fifo.at(fifo.size() - 1), pushed - 1);
    }
  }
  while (!fifo.empty()) ASSERT_EQ(fifo.pop(), popped++);
  EXPECT_EQ(popped, pushed);
}

TEST(Fifo, ClearDestroysWhatIsInside) {
  const auto item = std::make_shared<int>(1);
  Fifo<std::shared_ptr<int>> fifo;
  fifo.push(item);
  fifo.push(item);
  EXPECT_EQ(item.use_count(), 3);
  fifo.clear();
  EXPECT_TRUE(fifo.empty());
  EXPECT_EQ(item.use_count(), 1);
}

TEST(Fifo, MovesItemsThatCannotBeCopied) {
  Fifo<std::unique_ptr<int>> fifo;
  for (int i = 0; i < 200; ++i) fifo.push(std::make_unique<int>(i));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(*fifo.pop(), i);
}

}  // namespace
}  // namespace myelin::io::simulated
