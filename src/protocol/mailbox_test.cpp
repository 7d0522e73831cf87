#include "protocol/mailbox.hpp"

#include <gtest/gtest.h>

namespace myelin::protocol {
namespace {

std::uint64_t number(const Event& event) { return std::get<TimerEvent>(event).id; }

TEST(Mailbox, KeepsTheOrderWhileItGrowsAndWraps) {
  Mailbox mailbox;
  std::uint64_t in = 0, out = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < round % 7 + 3; ++i) mailbox.push(TimerEvent{in++});
    for (int i = 0; i < round % 5 + 1 && !mailbox.empty(); ++i) {
      EXPECT_EQ(number(mailbox.begin()), out++);
      mailbox.finish();
    }
    EXPECT_EQ(mailbox.size(), in - out);
    if (!mailbox.empty()) EXPECT_EQ(number(mailbox.at(mailbox.size() - 1)), in - 1);
  }
}

// The handler holds a reference to its event.
TEST(Mailbox, TheEventUnderWayStaysWhereItIs) {
  Mailbox mailbox;
  mailbox.push(MessageEvent{Host{"a host whose name is too long to be kept in place", 7}, {}});
  mailbox.push(TimerEvent{1});
  const Event& event = mailbox.begin();
  for (std::uint64_t i = 2; i < 1000; ++i) mailbox.push(TimerEvent{i});
  EXPECT_EQ(std::get<MessageEvent>(event).from.port, 7);
  EXPECT_EQ(std::get<MessageEvent>(event).from.name, "a host whose name is too long to be kept in place");
  EXPECT_EQ(mailbox.size(), 999u);
  mailbox.finish();
  EXPECT_EQ(number(mailbox.begin()), 1u);
  mailbox.finish();
}

TEST(Mailbox, WhatWasHandledIsDestroyedAtItsFinish) {
  Mailbox mailbox;
  auto held = std::make_shared<int>(1);
  for (int i = 0; i < 3; ++i) mailbox.push(CallbackEvent{[held] {}});
  EXPECT_EQ(held.use_count(), 4);
  mailbox.begin();
  mailbox.finish();
  EXPECT_EQ(held.use_count(), 3);
  mailbox.begin();
  EXPECT_EQ(mailbox.take_all().size(), 1u);
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_TRUE(mailbox.empty());
  mailbox.push(TimerEvent{9});
  mailbox.finish();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(number(mailbox.begin()), 9u);
  mailbox.finish();
}

}  // namespace
}  // namespace myelin::protocol
