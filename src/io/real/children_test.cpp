#include "io/children.hpp"

#include "io/real.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace myelin::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<void> run_one(Loop* loop, ChildSpec spec, CancelToken token, std::optional<Result<ChildEnd>>* out) {
  *out = co_await loop->children().run(std::move(spec), std::move(token));
}

ChildSpec shell(std::string script) {
  ChildSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", std::move(script)};
  spec.wall_limit = seconds(60);
  return spec;
}

struct ChildrenTest : testing::Test {
  Result<ChildEnd> run(ChildSpec spec, CancelToken token = {}) {
    std::optional<Result<ChildEnd>> out;
    loop->run_until_done(run_one(loop.get(), std::move(spec), std::move(token), &out));
    return std::move(*out);
  }
  std::unique_ptr<RealLoop> loop = RealLoop::create();
};

// Whether the process is there and not a zombie.
bool alive(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/stat");
  std::string text;
  std::getline(status, text);
  const auto end = text.rfind(')');
  return end != std::string::npos && end + 2 < text.size() && text[end + 2] != 'Z' && text[end + 2] != 'X';
}

bool dies_soon(const std::string& pid) {
  for (int i = 0; i < 500; ++i) {
    if (!alive(pid)) return true;
    usleep(10'000);
  }
  return false;
}

TEST_F(ChildrenTest, GetsInputAndGivesOutputErrorsAndCode) {
  ChildSpec spec = shell("cat; echo oops >&2; exit 3");
  spec.input = Buffer::copy_of("through");
  const auto end = run(std::move(spec));
  ASSERT_TRUE(end) << to_string(end.error());
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_EQ(end->signal, 0);
  EXPECT_FALSE(end->timed_out);
  EXPECT_EQ(as_text(end->output.view()), "through");
  EXPECT_EQ(as_text(end->errors.view()), "oops\n");
}

TEST_F(ChildrenTest, ArgumentsArriveAsTheyAre) {
  ChildSpec spec;
  spec.program = "/usr/bin/printf";
  spec.arguments = {"[%s]", "a b", "", "$HOME", "'\"\n"};
  const auto end = run(std::move(spec));
  ASSERT_TRUE(end);
  EXPECT_EQ(as_text(end->output.view()), "[a b][][$HOME]['\"\n]");
}

TEST_F(ChildrenTest, LargeInputAndOutputFlowAtOnce) {
  ChildSpec spec = shell("cat");
  const std::string large(5'000'000, 'b');
  spec.input = Buffer::copy_of(large);
  spec.max_output_bytes = large.size();
  const auto end = run(std::move(spec));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 0);
  EXPECT_TRUE(as_text(end->output.view()) == large);
}

TEST_F(ChildrenTest, OutputIsBoundedAndTheChildNotStalled) {
  ChildSpec spec = shell("head -c 3000000 /dev/zero; echo done >&2");
  spec.max_output_bytes = 1000;
  const auto end = run(std::move(spec));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 0);
  EXPECT_EQ(end->output.size(), 1000U);
  EXPECT_EQ(as_text(end->errors.view()), "done\n");
}

TEST_F(ChildrenTest, AChildThatIgnoresItsInputEndsWell) {
  ChildSpec spec = shell("exit 0");
  spec.input = Buffer::copy_of(std::string(1'000'000, 'i'));
  const auto end = run(std::move(spec));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 0);
}

TEST_F(ChildrenTest, ASignalIsTold) {
  const auto end = run(shell("kill -SEGV $$"));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->signal, SIGSEGV);
  EXPECT_EQ(end->exit_code, -1);
  EXPECT_FALSE(end->timed_out);
}

TEST_F(ChildrenTest, BrokenPipesKillTheChildAsUsual) {
  const auto end = run(shell("yes | head -n 1"));
  ASSERT_TRUE(end);
  EXPECT_EQ(as_text(end->output.view()), "y\n");
  EXPECT_EQ(as_text(end->errors.view()), "") << "SIGPIPE, ignored here, is not ignored there";
}

TEST_F(ChildrenTest, WhatCannotStartIsIoWithTheReason) {
  ChildSpec spec;
  spec.program = "/nowhere/at/all";
  const auto end = run(std::move(spec));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::io);
  EXPECT_EQ(end.error().detail, static_cast<std::uint32_t>(ENOENT));
  spec = {};
  spec.program = "/etc/passwd";
  EXPECT_EQ(run(std::move(spec)).error().detail, static_cast<std::uint32_t>(EACCES));
}

TEST_F(ChildrenTest, TheWallLimitKillsTheWholeGroup) {
  ChildSpec spec = shell("sleep 1000 & echo $!; wait");
  spec.wall_limit = milliseconds(200);
  const Instant before = loop->now();
  const auto end = run(std::move(spec));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->signal, SIGKILL);
  EXPECT_GE(loop->now() - before, milliseconds(200));
  const std::string pid = to_text(end->output.view().first(end->output.size() - 1));
  EXPECT_TRUE(dies_soon(pid)) << pid;
}

TEST_F(ChildrenTest, WhatAChildLeavesBehindIsKilled) {
  const auto end = run(shell("sleep 1000 & echo $!"));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 0);
  const std::string pid = to_text(end->output.view().first(end->output.size() - 1));
  EXPECT_TRUE(dies_soon(pid)) << pid;
}

TEST_F(ChildrenTest, AGrandchildElsewhereDoesNotHoldUsUp) {
  const Instant before = loop->now();
  const auto end = run(shell("setsid sleep 5 & echo started"));
  ASSERT_TRUE(end);
  EXPECT_EQ(as_text(end->output.view()), "started\n");
  EXPECT_LT(loop->now() - before, seconds(4)) << "its pipes are still open there";
}

TEST_F(ChildrenTest, TheCpuLimitCountsAsTimedOut) {
  ChildSpec spec = shell("while :; do :; done");
  spec.cpu_limit_s = 1;
  const auto end = run(std::move(spec));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->timed_out);
  EXPECT_TRUE(end->signal == SIGXCPU || end->signal == SIGKILL) << end->signal;
}

TEST_F(ChildrenTest, TheMemoryLimitHoldsFromTheStart) {
  ChildSpec spec = shell("ulimit -v");
  spec.memory_limit_bytes = std::uint64_t{256} * 1024 * 1024;
  const auto end = run(std::move(spec));
  ASSERT_TRUE(end);
  EXPECT_EQ(as_text(end->output.view()), "262144\n");
  EXPECT_EQ(as_text(run(shell("ulimit -v"))->output.view()), "unlimited\n") << "ours are as before";
}

TEST_F(ChildrenTest, CancelKillsAndReaps) {
  CancelSource source;
  loop->start_timer(loop->now() + milliseconds(100), [&] { source.fire(); });
  const auto end = run(shell("sleep 1000"), source.token());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::cancelled);
  EXPECT_EQ(run(shell("true"), source.token()).error().code, ErrorCode::cancelled) << "a fired token starts nothing";
}

TEST_F(ChildrenTest, ManyAtOnce) {
  struct Body {
    static Task<void> one(Loop* l, int* good) {
      ChildSpec spec = shell("cat");
      spec.input = Buffer::copy_of("x");
      const auto end = co_await l->children().run(std::move(spec));
      if (end && end->exit_code == 0 && end->output.size() == 1) ++*good;
    }
    static Task<void> all(Loop* l, int* good) {
      Scope scope(*l);
      for (int i = 0; i < 40; ++i) scope.spawn(one(l, good));
      co_await scope.join();
    }
  };
  int good = 0;
  loop->run_until_done(Body::all(loop.get(), &good));
  EXPECT_EQ(good, 40);
}

// In a program of its own, since the task that waits for the child never ends there.
TEST(ChildrenDeathTest, TheEndOfTheLoopKillsItsChildren) {
  char path[] = "/tmp/myelin-child-XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  close(fd);
  EXPECT_EXIT(
      {
        auto loop = RealLoop::create();
        std::optional<Result<ChildEnd>> out;
        auto task = run_one(loop.get(), shell("echo $$ > " + std::string(path) + "; sleep 1000"), {}, &out);
        loop->post([handle = task.release()] { handle.resume(); });
        std::string pid;
        while (pid.empty()) {
          loop->poll();
          std::getline(std::ifstream(path), pid);
          usleep(1000);
        }
        const bool was_alive = alive(pid);
        loop.reset();
        _exit(was_alive && !alive(pid) ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  unlink(path);
}

}  // namespace
}  // namespace myelin::io
