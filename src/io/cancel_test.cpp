#include "io/cancel.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <string>

namespace myelin::io {
namespace {

TEST(Cancel, DefaultTokenNeverFires) {
  const CancelToken token;
  EXPECT_FALSE(token.fired());
  int calls = 0;
  {
    const CancelCallback callback(token, [&] { ++calls; });
  }
  EXPECT_EQ(calls, 0);
}

TEST(Cancel, FiringRunsCallbacksInOrderAndOnce) {
  CancelSource source;
  std::string order;
  const CancelCallback first(source.token(), [&] { order += 'a'; });
  const CancelCallback second(source.token(), [&] { order += 'b'; });
  const CancelCallback third(source.token(), [&] { order += 'c'; });
  EXPECT_FALSE(source.fired());
  source.fire();
  source.fire();
  EXPECT_EQ(order, "abc");
  EXPECT_TRUE(source.fired());
  EXPECT_TRUE(source.token().fired());
}

TEST(Cancel, RegisteringOnAFiredTokenCallsAtOnce) {
  CancelSource source;
  source.fire();
  int calls = 0;
  const CancelCallback callback(source.token(), [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(Cancel, DestroyedCallbackIsNotCalled) {
  CancelSource source;
  int calls = 0;
  {
    const CancelCallback callback(source.token(), [&] { ++calls; });
  }
  source.fire();
  EXPECT_EQ(calls, 0);
}

TEST(Cancel, ACallbackMayDeregisterItselfAndOthersAndDropTheSource) {
  std::optional<CancelSource> source(std::in_place);
  const CancelToken token = source->token();
  std::optional<CancelCallback> first;
  std::optional<CancelCallback> second;
  std::optional<CancelCallback> third;
  int first_calls = 0;
  int second_calls = 0;
  int third_calls = 0;
  first.emplace(token, [&] {
    ++first_calls;
    second.reset();
    source.reset();
    first.reset();  // last: what this lambda captured is gone with it only after the call
  });
  second.emplace(token, [&] { ++second_calls; });
  third.emplace(token, [&] { ++third_calls; });
  source->fire();
  EXPECT_EQ(first_calls, 1);
  EXPECT_EQ(second_calls, 0);
  EXPECT_EQ(third_calls, 1);
  EXPECT_TRUE(token.fired());
}

TEST(Cancel, ATokenOutlivesItsSource) {
  CancelToken token;
  {
    CancelSource source;
    token = source.token();
  }
  EXPECT_FALSE(token.fired());
  int calls = 0;
  const CancelCallback callback(token, [&] { ++calls; });
  EXPECT_EQ(calls, 0);
}

TEST(Cancel, ACallbackRegisteredWhileFiringRunsAtOnce) {
  CancelSource source;
  std::string order;
  std::optional<CancelCallback> late;
  const CancelCallback first(source.token(), [&] {
    order += 'a';
    late.emplace(source.token(), [&] { order += 'l'; });
  });
  const CancelCallback second(source.token(), [&] { order += 'b'; });
  source.fire();
  EXPECT_EQ(order, "alb");
}

}  // namespace
}  // namespace myelin::io
