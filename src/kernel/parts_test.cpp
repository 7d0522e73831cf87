// The pure parts: mailbox, back-off, slices, log lines, classification, ropes behind descriptors.
#include "kernel/backoff.hpp"
#include "kernel/classify.hpp"
#include "kernel/delivery.hpp"
#include "kernel/log_buffer.hpp"
#include "kernel/mailbox.hpp"
#include "kernel/names.hpp"
#include "kernel/run_queue.hpp"

#include <gtest/gtest.h>

namespace myelin::kernel {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<Delivery> delivery(std::uint64_t ticket, std::size_t bytes) {
  auto made = std::make_unique<Delivery>();
  made->ticket = ticket;
  made->bytes = bytes;
  return made;
}

Pid pid(std::uint8_t last) {
  Pid made;
  made.bytes.back() = last;
  return made;
}

TEST(Mailbox, IsBoundedInMessagesAndBytes) {
  Mailbox box(2, 100);
  ASSERT_TRUE(box.check(60));
  box.push(delivery(1, 60));
  EXPECT_EQ(box.check(41).error().code, ErrorCode::mailbox_full);
  EXPECT_EQ(box.check(101).error().code, ErrorCode::too_large);
  ASSERT_TRUE(box.check(40));
  box.push(delivery(2, 40));
  EXPECT_EQ(box.check(0).error().code, ErrorCode::mailbox_full);
  auto first = box.pop();
  EXPECT_EQ(first->ticket, 1u);
  EXPECT_EQ(box.check(0).error().code, ErrorCode::mailbox_full) << "it counts until it is released";
  box.release(60);
  EXPECT_TRUE(box.check(60));
  EXPECT_EQ(box.take(2)->ticket, 2u);
  EXPECT_EQ(box.take(2), nullptr);
  EXPECT_EQ(box.messages(), 0u);
  EXPECT_EQ(box.bytes(), 0u);
}

TEST(Mailbox, TellsOfRoomAtHalf) {
  Mailbox box(4, 1000);
  for (std::uint64_t i = 0; i < 4; ++i) box.push(delivery(i, 100));
  EXPECT_TRUE(box.refused().want(pid(2)));
  EXPECT_TRUE(box.refused().want(pid(1)));
  EXPECT_TRUE(box.refused().want(pid(2)));
  EXPECT_FALSE(box.roomy());
  box.take(0);
  EXPECT_FALSE(box.roomy()) << "three of four are left";
  box.take(1);
  EXPECT_TRUE(box.roomy());
  EXPECT_EQ(box.refused().take().processes, (std::vector<Pid>{pid(1), pid(2)})) << "each once, in order";
  EXPECT_TRUE(box.refused().empty());
}

TEST(RoomList, KeepsOneOfEachPairFromOutsideAndIsBounded) {
  RoomList list;
  const auto address = [](const std::string& name) { return Address{identity::PeerId(), name}; };
  int told = 0;
  const auto tell = [&told] { ++told; };
  EXPECT_FALSE(list.want(address("a"), address("b"), {})) << "nobody to tell";
  EXPECT_TRUE(list.want(address("a"), address("b"), tell));
  EXPECT_FALSE(list.want(address("a"), address("b"), tell)) << "one such waits";
  EXPECT_TRUE(list.want(address("a"), address("c"), tell));
  for (std::size_t i = 2; i < RoomList::most_outside; ++i)
    EXPECT_TRUE(list.want(address("s" + std::to_string(i)), address("b"), tell));
  EXPECT_FALSE(list.want(address("late"), address("b"), tell));
  for (RoomCallback& each : list.take().outside) each();
  EXPECT_EQ(told, static_cast<int>(RoomList::most_outside));
  EXPECT_TRUE(list.want(address("a"), address("b"), tell)) << "told, so it may wait again";
}

TEST(Mailbox, CountsContentAndOverhead) {
  Delivery one;
  one.message.body = Buffer::copy_of(std::string(1000, 'b'));
  one.message.payload.bytes = Rope(Buffer::copy_of(std::string(500, 'p')));
  EXPECT_EQ(delivery_bytes(one), message_overhead_bytes + 1500);
  Delivery call;
  call.call = true;
  call.message.payload.size = 1ull << 40;
  EXPECT_EQ(delivery_bytes(call), message_overhead_bytes + limits::pipe_bytes) << "a stream counts what its pipe holds";
}

TEST(Backoff, FollowsThePolicy) {
  Instant now{};
  Backoff never(RestartPolicy::never), failing(RestartPolicy::on_failure), always(RestartPolicy::always);
  EXPECT_FALSE(never.ended(now, true));
  EXPECT_FALSE(failing.ended(now, false));
  EXPECT_EQ(failing.ended(now, true), 100ms);
  EXPECT_EQ(always.ended(now, false), 100ms);
}

TEST(Backoff, DoublesToItsLongestAndBeginsAnew) {
  Backoff backoff(RestartPolicy::always);
  Instant now{};
  Duration expected = 100ms;
  for (int i = 0; i < 20; ++i) {
    backoff.up(now);
    now += 1s;
    EXPECT_EQ(backoff.ended(now, true), expected);
    expected = std::min<Duration>(expected * 2, 30s);
  }
  backoff.up(now);
  now += 30s;
  EXPECT_EQ(backoff.ended(now, true), 100ms);
}

TEST(SliceMeter, FollowsMeasuredTime) {
  SliceMeter meter(200'000, 100us, true);
  meter.measured(200'000, 400us);
  EXPECT_EQ(meter.fuel(), 100'000u) << "by half at a time";
  meter.measured(100'000, 50us);
  EXPECT_EQ(meter.fuel(), 200'000u);
  meter.measured(10, 1us);
  EXPECT_EQ(meter.fuel(), 200'000u) << "a slice that ended early says nothing";
  for (int i = 0; i < 50; ++i) meter.measured(meter.fuel(), 1s);
  EXPECT_EQ(meter.fuel(), SliceMeter::least_fuel);
  for (int i = 0; i < 50; ++i) meter.measured(meter.fuel(), 1ns);
  EXPECT_EQ(meter.fuel(), SliceMeter::most_fuel);
  SliceMeter fixed(200'000, 100us, false);
  fixed.measured(200'000, 1s);
  EXPECT_EQ(fixed.fuel(), 200'000u);
}

TEST(RunQueue, IsFirstInFirstOut) {
  for (auto lane : {Lane::woken, Lane::spent}) {
    RunQueue<Pid> queue(1000);
    EXPECT_FALSE(queue.pop());
    queue.push(pid(2), lane);
    queue.push(pid(1), lane);
    EXPECT_EQ(queue.size(), 2u);
    EXPECT_EQ(queue.next(), lane);
    EXPECT_EQ(queue.pop(), pid(2));
    EXPECT_EQ(queue.pop(), pid(1));
    EXPECT_TRUE(queue.empty());
  }
}

TEST(RunQueue, TheWokenComeFirst) {
  RunQueue<Pid> queue(1000);
  queue.push(pid(1), Lane::spent);
  queue.push(pid(2), Lane::woken);
  EXPECT_EQ(queue.pop(), pid(2));
  EXPECT_EQ(queue.next(), Lane::spent);
  EXPECT_EQ(queue.pop(), pid(1));
}

TEST(RunQueue, TheWokenDoNotStarveTheSpent) {
  for (std::uint64_t fuel : {std::uint64_t{0}, std::uint64_t{300}}) {
    RunQueue<Pid> queue(1000);
    queue.push(pid(9), Lane::spent);
    queue.push(pid(1), Lane::woken);
    std::uint32_t woken = 0;
    while (queue.next() == Lane::woken) {
      auto popped = queue.pop();
      ASSERT_EQ(popped, pid(1));
      queue.used(fuel);
      queue.push(*popped, Lane::woken);
      ASSERT_LE(++woken, RunQueue<Pid>::woken_in_a_row);
    }
    EXPECT_EQ(woken, fuel == 0 ? RunQueue<Pid>::woken_in_a_row : 4u) << "by turns, or by what they used";
    EXPECT_EQ(queue.pop(), pid(9));
    queue.push(pid(9), Lane::spent);
    EXPECT_EQ(queue.next(), Lane::woken) << "and then they are first again";
  }
}

TEST(LogBuffer, MakesLines) {
  LogBuffer log;
  EXPECT_EQ(log.write(as_view("one\ntwo"), {}), 1u);
  EXPECT_EQ(log.write(as_view(" more\r\n\n"), {}), 2u);
  EXPECT_FALSE(log.flush({}));
  auto lines = log.after(0);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].text, "one");
  EXPECT_EQ(lines[1].text, "two more");
  EXPECT_EQ(lines[2].text, "");
  EXPECT_EQ(log.after(1).size(), 2u);
  EXPECT_EQ(log.after(0, 1).size(), 1u);
}

TEST(LogBuffer, BreaksEndlessLines) {
  LogBuffer log;
  std::string endless(limits::log_line_bytes * 3 + 5, 'x');
  log.write(as_view(endless), {});
  EXPECT_EQ(log.after(0).size(), 3u);
  EXPECT_TRUE(log.flush({}));
  EXPECT_EQ(log.after(3)[0].text, "xxxxx");
  std::string exact(limits::log_line_bytes, 'y');
  LogBuffer other;
  other.write(as_view(exact + "\n"), {});
  ASSERT_GE(other.after(0).size(), 1u);
  EXPECT_EQ(other.after(0)[0].text, exact);
}

TEST(LogBuffer, DropsTheOldest) {
  LogBuffer log(1000);
  for (int i = 0; i < 100; ++i) log.write(as_view(std::string(100, 'a') + "\n"), {});
  auto lines = log.after(0);
  EXPECT_LE(lines.size(), 6u);
  EXPECT_EQ(lines.back().sequence, 100u);
  EXPECT_EQ(log.last_sequence(), 100u);
}

TEST(Names, LateRemovalsHitNobodyElse) {
  Names names;
  ASSERT_TRUE(names.reserve("a", false));
  EXPECT_EQ(names.reserve("a", true).error().code, ErrorCode::conflict) << "being taken";
  names.set("a", pid(1));
  names.unreserve("a");
  EXPECT_EQ(names.reserve("a", false).error().code, ErrorCode::conflict);
  EXPECT_EQ(*names.reserve("a", true), pid(1));
  names.set("a", pid(2));
  names.erase("a", pid(1));
  EXPECT_EQ(names.find("a"), pid(2));
  names.erase("a", pid(2));
  EXPECT_FALSE(names.find("a"));
}

wasm::Export function(std::string name, wasm::FunctionType type = {}) {
  return {std::move(name), wasm::ExternKind::function, std::move(type)};
}

TEST(Classify, FollowsImportsAndExports) {
  wasm::ModuleInfo module;
  module.exports_memory = true;
  module.exports = {function("_start")};
  EXPECT_EQ(classify(module)->kind, ProcessKind::command);
  module.exports.push_back(function("run"));
  EXPECT_EQ(classify(module)->kind, ProcessKind::method) << "run is a method like any other";
  EXPECT_EQ(classify(module)->methods, std::vector<std::string>{"run"});
  module.imports = {{"myelin:process", "receive", wasm::ExternKind::function, {}}};
  EXPECT_EQ(classify(module)->kind, ProcessKind::mailbox);
  module.imports[0].name = "send";
  EXPECT_EQ(classify(module)->kind, ProcessKind::method) << "sending alone makes no mailbox";
  module.exports_memory = false;
  EXPECT_EQ(classify(module).error().code, ErrorCode::invalid_module);
}

TEST(Classify, OnlyFunctionsOfTheRightTypeAreMethods) {
  wasm::ModuleInfo module;
  module.exports = {function("add", {{wasm::ValueType::i32}, {}}),
                    function("answer", {{}, {wasm::ValueType::i32}}),
                    function("_initialize"),
                    function("malloc"),
                    {"table", wasm::ExternKind::table, {}}};
  EXPECT_EQ(classify(module).error().code, ErrorCode::invalid_module);
  module.exports.push_back(function("go"));
  auto found = classify(module);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->methods, std::vector<std::string>{"go"});
  EXPECT_TRUE(found->has_initialize);
}

}  // namespace
}  // namespace myelin::kernel
