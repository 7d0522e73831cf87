#include "io/real.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace myelin::io {
namespace {

// In a program of its own: handlers of signals are the whole process's.
TEST(OnTerminateDeathTest, TellsEachSignalOnTheLoop) {
  EXPECT_EXIT(
      {
        const auto loop = RealLoop::create();
        std::vector<int> seen;
        on_terminate(*loop, [&](int signal) {
          seen.push_back(signal);
          if (!loop->here()) _exit(2);
          if (seen.size() == 1) kill(getpid(), SIGINT);
          if (seen.size() == 2) loop->stop();
        });
        std::thread killer([] {
          usleep(20'000);
          kill(getpid(), SIGTERM);
        });
        loop->run();
        killer.join();
        _exit(seen == std::vector<int>{SIGTERM, SIGINT} ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(OnTerminateDeathTest, BrokenPipesDoNotEndTheProgram) {
  EXPECT_EXIT(
      {
        const auto loop = RealLoop::create();
        int ends[2];
        if (pipe(ends) != 0) _exit(3);
        close(ends[0]);
        const bool failed = write(ends[1], "x", 1) < 0;
        _exit(failed ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace myelin::io
