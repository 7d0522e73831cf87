// What a guest can do, and what is done to it, the same in both memory presets.
#include "wasm/engine.hpp"
#include "wasm/engine_testing.hpp"

#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

namespace myelin::wasm {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = Run::State;

class InstanceSuite : public ::testing::TestWithParam<MemoryPreset> {
 protected:
  // One engine and module per preset for the whole suite: instances are what is tested.
  struct Shared {
    Folder folder;
    std::unique_ptr<Engine> engine;
    std::shared_ptr<const Module> module;
  };
  static Shared& shared(MemoryPreset preset) {
    static std::array<std::unique_ptr<Shared>, 2> all;
    auto& slot = all.at(static_cast<std::size_t>(preset));
    if (slot == nullptr) {
      slot = std::make_unique<Shared>();
      auto engine = Engine::create(config_for(preset, slot->folder.path()), host_functions());
      EXPECT_TRUE(engine) << engine.error().message;
      slot->engine = std::move(*engine);
      auto module = load(*slot->engine, guest("engine_calls"));
      EXPECT_TRUE(module) << module.error().message;
      slot->module = std::move(*module);
    }
    return *slot;
  }

  void SetUp() override { make({}); }
  void TearDown() override {
    instance_.reset();
    EXPECT_EQ(engine().metrics().instances, 0u);
  }

  Engine& engine() { return *shared(GetParam()).engine; }
  void make(InstanceLimits limits) {
    instance_.reset();
    auto made = engine().instantiate(shared(GetParam()).module, limits);
    ASSERT_TRUE(made) << made.error().message;
    instance_ = std::move(*made);
    probe_ = {};
    instance_->host = &probe_;
  }
  Instance& instance() { return *instance_; }

  Probe probe_;
  std::unique_ptr<Instance> instance_;
};

TEST_P(InstanceSuite, CallsKeepTheirState) {
  for (std::uint32_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(call(instance(), "count").state, State::finished);
    EXPECT_EQ(word(instance()), i);
  }
  EXPECT_FALSE(instance().busy());
  EXPECT_EQ(to_text(*instance().memory().range(64, 5)), "ready");
}

TEST_P(InstanceSuite, OnlyFunctionsWithoutParametersAndResultsAreCalled) {
  for (const char* name : {"no_such", "memory", "with_result", "with_parameter", ""}) {
    const auto begun = instance().begin(name);
    ASSERT_FALSE(begun) << name;
    EXPECT_EQ(begun.error().code, ErrorCode::no_such_method);
    EXPECT_FALSE(instance().busy());
  }
  EXPECT_EQ(call(instance(), "nothing").state, State::finished);
}

TEST_P(InstanceSuite, AnEndlessLoopIsSlicedAndDropped) {
  ASSERT_TRUE(instance().begin("spin"));
  std::uint64_t before = instance().fuel_used();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(instance().resume(10'000).state, State::sliced);
    const std::uint64_t used = instance().fuel_used() - before;
    EXPECT_GE(used, 10'000u);
    EXPECT_LE(used, 10'010u);
    before += used;
  }
  EXPECT_TRUE(instance().busy());
}

TEST_P(InstanceSuite, FuelDoesNotDependOnTheSlices) {
  for (const char* name : {"work", "bulk", "grow", "recurse"}) {
    std::vector<std::uint64_t> used;
    for (const std::uint64_t slice : {1ull, 999ull, 12'345ull, 1ull << 50}) {
      make({});
      // Where a call is cut shows in nothing but the number of its slices; the smallest are too slow for long work.
      if (slice == 1 && std::string_view(name) != "recurse") continue;
      call(instance(), name, slice);
      used.push_back(instance().fuel_used());
    }
    for (const std::uint64_t one : used) EXPECT_EQ(one, used[0]) << name;
    EXPECT_GT(used[0], 100u) << name;
  }
}

TEST_P(InstanceSuite, FuelOfNothingIsCountedToo) {
  EXPECT_EQ(instance().fuel_used(), 0u);
  call(instance(), "nothing");
  const std::uint64_t one = instance().fuel_used();
  EXPECT_GT(one, 0u);
  call(instance(), "nothing");
  EXPECT_EQ(instance().fuel_used(), 2 * one);
}

TEST_P(InstanceSuite, EachTrapHasItsReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"unreachable", "unreachable executed"},
      {"load_outside", "out of bounds memory access"},
      {"load_next_page", "out of bounds memory access"},
      {"store_after_growing", "out of bounds memory access"},
      {"load_far_outside", "out of bounds memory access"},
      {"store_outside", "out of bounds memory access"},
      {"divide_by_zero", "integer divide by zero"},
      {"divide_overflow", "integer overflow"},
      {"convert", "invalid conversion to integer"},
      {"call_outside_table", "out of bounds table access"},
      {"call_empty_element", "indirect call of an empty table element"},
      {"call_other_type", "indirect call of another type"},
      {"recurse", "call stack exhausted"},
  };
  for (const auto& [name, reason] : cases) {
    make({});
    const auto end = call(instance(), name);
    EXPECT_EQ(end.state, State::trapped) << name;
    EXPECT_EQ(end.reason, reason) << name;
    EXPECT_FALSE(instance().busy());
    const auto again = instance().begin("nothing");
    ASSERT_FALSE(again) << name;
    EXPECT_EQ(again.error().code, ErrorCode::trapped);
  }
}

TEST_P(InstanceSuite, RecursionComesEquallyDeepEveryTime) {
  call(instance(), "recurse");
  const std::uint32_t depth = word(instance());
  EXPECT_GT(depth, 1'000u);
  make({});
  call(instance(), "recurse", 777);
  EXPECT_EQ(word(instance()), depth);
}

TEST_P(InstanceSuite, MemoryGrowsToItsLimitAndNotBeyond) {
  make({.memory_pages = 5, .table_elements = 100});
  EXPECT_EQ(instance().memory_bytes(), 65'536u);
  EXPECT_EQ(call(instance(), "grow").state, State::finished);
  EXPECT_EQ(word(instance(), 0), 5u);
  EXPECT_EQ(word(instance(), 4), 0xffffffffu);
  EXPECT_EQ(instance().memory_bytes(), 5u * 65'536);
  EXPECT_EQ(instance().memory().range(5 * 65'536 - 1, 1)->front(), 42);
  EXPECT_EQ(call(instance(), "grow_much").state, State::finished);
  EXPECT_EQ(word(instance()), 0xffffffffu);
}

TEST_P(InstanceSuite, TheEnginesOwnMemoryLimitHoldsToo) {
  make({.memory_pages = 60'000, .table_elements = 100});
  EXPECT_EQ(call(instance(), "grow").state, State::finished);
  EXPECT_EQ(word(instance(), 0), 16u);
}

TEST_P(InstanceSuite, AModuleOverTheLimitIsNotMade) {
  const auto made = engine().instantiate(shared(GetParam()).module, {.memory_pages = 0, .table_elements = 100});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::limit);
  const auto tables = engine().instantiate(shared(GetParam()).module, {.memory_pages = 1, .table_elements = 3});
  ASSERT_FALSE(tables);
  EXPECT_EQ(tables.error().code, ErrorCode::limit);
}

TEST_P(InstanceSuite, HostCallsThatDoNotWait) {
  EXPECT_EQ(call(instance(), "add").state, State::finished);
  EXPECT_EQ(instance().memory().load_u64(0), 0x1'ffff'ffffull);  // an i32 arrives as its 32 bits, not sign-extended
  EXPECT_EQ(call(instance(), "note_twice").state, State::finished);
  EXPECT_THAT(probe_.notes, ElementsAre(1, 2));
}

TEST_P(InstanceSuite, AWaitingCallThatNeedsNotWaitDoesNotSuspend) {
  ASSERT_TRUE(instance().begin("wait_once"));
  EXPECT_EQ(instance().resume(1'000).state, State::finished);
  EXPECT_EQ(word(instance()), 105u);
  EXPECT_EQ(probe_.polls, 1);
}

TEST_P(InstanceSuite, AWaitingCallIsPolledOncePerResume) {
  probe_.patience = 3;
  ASSERT_TRUE(instance().begin("wait_once"));
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(instance().resume(1'000).state, State::waiting);
    EXPECT_EQ(probe_.polls, i);
    EXPECT_TRUE(instance().memory().store_u32(0, 9));  // memory is there while the guest waits
  }
  EXPECT_EQ(instance().resume(1'000).state, State::finished);
  EXPECT_EQ(probe_.polls, 4);
  EXPECT_EQ(probe_.firsts, 1);
  EXPECT_EQ(word(instance()), 105u);
}

TEST_P(InstanceSuite, WaitsAndSlicesMix) {
  probe_.patience = 4;
  ASSERT_TRUE(instance().begin("wait_long"));
  int waiting = 0, sliced = 0;
  wasm::Run end{};
  do {
    end = instance().resume(20);
    waiting += end.state == State::waiting;
    sliced += end.state == State::sliced;
  } while (end.state == State::waiting || end.state == State::sliced);
  EXPECT_EQ(end.state, State::finished);
  EXPECT_EQ(waiting, 4);
  EXPECT_GT(sliced, 2);
  EXPECT_EQ(probe_.firsts, 10);
  EXPECT_EQ(word(instance()), 45u + 10 * 100);
}

TEST_P(InstanceSuite, HostFunctionsEndCalls) {
  for (const int patience : {0, 2}) {
    make({});
    auto end = call(instance(), "leave");
    EXPECT_EQ(end.state, State::exited);
    EXPECT_EQ(end.exit_code, 3u);
    EXPECT_FALSE(instance().begin("nothing"));

    make({});
    probe_.patience = patience;
    ASSERT_TRUE(instance().begin("leave_later"));
    for (int i = 0; i < patience; ++i) EXPECT_EQ(run(instance()).state, State::waiting);
    end = run(instance());
    EXPECT_EQ(end.state, State::exited);
    EXPECT_EQ(end.exit_code, 4u);

    make({});
    end = call(instance(), "fault");
    EXPECT_EQ(end.state, State::trapped);
    EXPECT_EQ(end.reason, "the host says no");

    make({});
    probe_.patience = patience;
    ASSERT_TRUE(instance().begin("fault_later"));
    for (int i = 0; i < patience; ++i) EXPECT_EQ(run(instance()).state, State::waiting);
    end = run(instance());
    EXPECT_EQ(end.state, State::trapped);
    EXPECT_EQ(end.reason, "the host says no");
    EXPECT_FALSE(instance().begin("nothing"));
  }
}

TEST_P(InstanceSuite, PointersOutsideAreTheHostsToRefuse) {
  EXPECT_EQ(call(instance(), "fill_inside").state, State::finished);
  EXPECT_EQ(word(instance()), 0u);
  EXPECT_EQ(word(instance(), 65'532), 0x07070707u);
  EXPECT_EQ(call(instance(), "fill_outside").state, State::finished);
  EXPECT_EQ(word(instance()), 21u);
  EXPECT_EQ(call(instance(), "fill_everything").state, State::finished);
  EXPECT_EQ(word(instance()), 21u);
}

TEST_P(InstanceSuite, AbandonedAtEveryPoint) {
  ASSERT_TRUE(instance().begin("count"));  // begun, never resumed
  make({});
  EXPECT_EQ(word(instance()), 0u);
  probe_.patience = 100;
  ASSERT_TRUE(instance().begin("wait_once"));
  EXPECT_EQ(run(instance()).state, State::waiting);
  make({});
  ASSERT_TRUE(instance().begin("spin"));
  EXPECT_EQ(instance().resume(1).state, State::sliced);
  make({});
  EXPECT_EQ(call(instance(), "count").state, State::finished);
  EXPECT_EQ(word(instance()), 1u);
}

TEST_P(InstanceSuite, ASlotIsCleanForTheNext) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(call(instance(), "grow").state, State::finished);
    const auto all = instance().memory().range(1024, 100'000);
    ASSERT_TRUE(all);
    std::ranges::fill(*all, std::uint8_t{0xee});
    make({});
    const auto fresh = *instance().memory().range(0, 65'536);
    EXPECT_EQ(std::ranges::count(fresh, std::uint8_t{0}), 65'536 - 5);  // all but "ready"
    EXPECT_EQ(call(instance(), "grow").state, State::finished);
    EXPECT_EQ(std::ranges::count(*instance().memory().range(65'536, 65'536), std::uint8_t{0}), 65'536);
    make({});
  }
}

TEST_P(InstanceSuite, NoMoreInstancesThanPlaces) {
  std::vector<std::unique_ptr<Instance>> all;
  while (true) {
    auto made = engine().instantiate(shared(GetParam()).module, {});
    if (!made) {
      EXPECT_EQ(made.error().code, ErrorCode::limit);
      break;
    }
    ASSERT_TRUE((*made)->begin("spin"));
    ASSERT_EQ((*made)->resume(100).state, State::sliced);
    all.push_back(std::move(*made));
    ASSERT_LT(all.size(), 100u);
  }
  EXPECT_EQ(all.size(), 63u);  // and the suite's own
  all.pop_back();
  EXPECT_TRUE(engine().instantiate(shared(GetParam()).module, {}));
}

TEST_P(InstanceSuite, TwoThreadsRunTheirOwn) {
  const auto work = [&] {
    for (int i = 0; i < 30; ++i) {
      auto made = engine().instantiate(shared(GetParam()).module, {});
      ASSERT_TRUE(made);
      Probe mine;
      (*made)->host = &mine;
      EXPECT_EQ(call(**made, "work", 5'000).state, State::finished);
      EXPECT_EQ(word(**made), 100'000u);
      EXPECT_EQ(call(**made, "load_outside").reason, "out of bounds memory access");
    }
  };
  std::thread other(work);
  work();
  other.join();
}

TEST_P(InstanceSuite, AWaitingGuestGoesOnInAnotherThread) {
  probe_.patience = 1;
  ASSERT_TRUE(instance().begin("wait_once"));
  EXPECT_EQ(run(instance()).state, State::waiting);
  std::thread([&] { EXPECT_EQ(run(instance()).state, State::finished); }).join();
  EXPECT_EQ(word(instance()), 105u);
}

INSTANTIATE_TEST_SUITE_P(Presets, InstanceSuite, ::testing::Values(MemoryPreset::guarded, MemoryPreset::dense),
                         [](const auto& suite) { return suite.param == MemoryPreset::guarded ? "guarded" : "dense"; });

}  // namespace
}  // namespace myelin::wasm
