#include "io/huge_pages.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

namespace myelin::io {
namespace {

TEST(HugePages, TheTunableIsAddedOnce) {
  EXPECT_EQ(with_huge_pages(""), "glibc.malloc.hugetlb=1");
  EXPECT_EQ(with_huge_pages("glibc.malloc.check=1"), "glibc.malloc.check=1:glibc.malloc.hugetlb=1");
  EXPECT_EQ(with_huge_pages("glibc.malloc.hugetlb=0"), "glibc.malloc.hugetlb=0") << "who set it decides";
}

TEST(HugePagesDeathTest, TheProgramIsReplacedByItself) {
  std::string name = "io_test", list = "--gtest_list_tests";
  char* argv[] = {name.data(), list.data(), nullptr};
  EXPECT_EXIT(
      {
        ::unsetenv("GLIBC_TUNABLES");
        restart_with_huge_pages(argv);  // the new one lists its tests, and ends well
        std::_Exit(7);
      },
      testing::ExitedWithCode(0), "");
}

TEST(HugePages, NothingHappensWhenItIsSaidAlready) {
  ::setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0", 1);
  char* argv[] = {nullptr};
  restart_with_huge_pages(argv);
  EXPECT_STREQ(std::getenv("GLIBC_TUNABLES"), "glibc.malloc.hugetlb=0");
  ::unsetenv("GLIBC_TUNABLES");
}

}  // namespace
}  // namespace myelin::io
