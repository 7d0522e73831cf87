#include "io/real/descriptor.hpp"

#include "io/real/loop_core.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"

#include <array>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {
namespace {

// A descriptor, and the other end of its connection.
struct DescriptorTest : testing::Test {
  DescriptorTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    mine = std::make_unique<Descriptor>(loop, ends[0]);
    other = ends[1];
  }
  ~DescriptorTest() override {
    mine.reset();
    if (other >= 0) ::close(other);
  }
  void say(std::size_t bytes) const {
    EXPECT_EQ(::write(other, std::string(bytes, 'x').data(), bytes), static_cast<ssize_t>(bytes));
  }
  void hang_up() { ::close(std::exchange(other, -1)); }
  ssize_t take(std::size_t bytes) const {
    std::string into(bytes, '\0');
    return ::read(mine->fd(), into.data(), bytes);
  }
  Task<void> wait(Way way) {
    const bool ready = co_await mine->wait(way);
    ++(ready ? ended : ended_in_vain);
  }

  LoopCore loop;
  std::unique_ptr<Descriptor> mine;
  int other = -1;
  int ended = 0;
  int ended_in_vain = 0;
};

TEST_F(DescriptorTest, AWaitEndsWithEachChange) {
  Scope scope(loop);
  for (int i = 1; i <= 3; ++i) {
    scope.spawn(wait(Way::read));
    loop.poll();
    EXPECT_EQ(ended, i - 1) << "nothing has come yet";
    say(1);
    loop.poll();
    EXPECT_EQ(ended, i);
    EXPECT_EQ(take(10), 1);
  }
}

TEST_F(DescriptorTest, WhatChangedWhileNobodyWaitedEndsTheNextWaitOnce) {
  Scope scope(loop);
  say(1);
  loop.poll();
  scope.spawn(wait(Way::read));
  loop.poll();
  EXPECT_EQ(ended, 1);
  scope.spawn(wait(Way::read));
  loop.poll();
  EXPECT_EQ(ended, 1) << "that byte has been told";
  mine->cancel();
  loop.poll();
}

TEST_F(DescriptorTest, AChangeThatASystemCallSawIsForgotten) {
  Scope scope(loop);
  say(1);
  loop.poll();
  mine->forget_change(Way::read);
  EXPECT_EQ(take(10), 1);
  scope.spawn(wait(Way::read));
  loop.poll();
  EXPECT_EQ(ended, 0);
  hang_up();
  loop.poll();
  EXPECT_EQ(ended, 1);
}

TEST_F(DescriptorTest, AnEndThatCameWithTheLastBytesIsKnown) {
  EXPECT_FALSE(mine->half_closed());
  say(3);
  loop.poll();
  EXPECT_FALSE(mine->half_closed());
  shutdown(other, SHUT_WR);
  loop.poll();
  EXPECT_TRUE(mine->half_closed());
}

TEST_F(DescriptorTest, RoomIsToldWhenItComes) {
  Scope scope(loop);
  const std::string much(1 << 16, 'x');
  while (::write(mine->fd(), much.data(), much.size()) > 0) {
  }
  scope.spawn(wait(Way::write));
  loop.poll();
  EXPECT_EQ(ended, 0);
  std::string into(1 << 20, '\0');
  while (::read(other, into.data(), into.size()) > 0) {
  }
  loop.poll();
  EXPECT_EQ(ended, 1);
}

TEST_F(DescriptorTest, ClosingEndsTheWaitsInVain) {
  Scope scope(loop);
  scope.spawn(wait(Way::read));
  scope.spawn(wait(Way::write));
  scope.spawn([](Descriptor* d) -> Task<void> {
    d->close();
    co_return;
  }(mine.get()));
  loop.poll();
  EXPECT_EQ(ended_in_vain, 2);
  EXPECT_EQ(mine->fd(), -1);
  scope.spawn(wait(Way::read));
  loop.poll();
  EXPECT_EQ(ended_in_vain, 3);
}

// Both become ready in one look; whoever is told first closes the other.
TEST_F(DescriptorTest, AClosedOneIsToldNothing) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  auto second = std::make_unique<Descriptor>(loop, ends[0]);
  int told = 0;
  mine->on_readable([&] {
    ++told;
    second->close();
  });
  second->on_readable([&] {
    ++told;
    mine->close();
  });
  say(1);
  EXPECT_EQ(::write(ends[1], "x", 1), 1);
  loop.poll();
  EXPECT_EQ(told, 1);
  ::close(ends[1]);
}

TEST_F(DescriptorTest, WhatEpollDoesNotWatchIsClosed) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  const Descriptor none(loop, file);
  EXPECT_EQ(none.fd(), -1);
}

}  // namespace
}  // namespace myelin::io::real
