#include "base/units.hpp"

#include <gtest/gtest.h>

namespace myelin {
namespace {

using namespace std::chrono_literals;

TEST(Units, ReadsSizes) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("1500B"), 1500u);
  EXPECT_EQ(parse_size("2KiB"), 2048u);
  EXPECT_EQ(parse_size("64MiB"), 64u << 20);
  EXPECT_EQ(parse_size("3GiB"), 3ull << 30);
  for (const char* bad :
       {"", "MiB", "1k", "1MB", "-1", "1.5MiB", " 1", "1 MiB", "18446744073709551616", "99999999999GiB"})
    EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Units, ReadsDurations) {
  EXPECT_EQ(parse_duration("0"), 0ns);
  EXPECT_EQ(parse_duration("5ns"), 5ns);
  EXPECT_EQ(parse_duration("7us"), 7us);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("2m"), 120s);
  EXPECT_EQ(parse_duration("1h"), 3600s);
  for (const char* bad : {"", "5", "s", "-5s", "1.5s", "5 s", "5m5s", "100000000h"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Units, WritesWhatItReads) {
  for (std::uint64_t size : {1ull, 1500ull, 2048ull, 64ull << 20, 5ull << 30, 0ull})
    EXPECT_EQ(parse_size(size_text(size)), size);
  EXPECT_EQ(size_text(64 << 20), "64MiB");
  for (Duration duration : {1ns, Duration(250ms), Duration(1500ms), Duration(10s), Duration(90s), Duration(7200s)}) {
    EXPECT_EQ(parse_duration(duration_text(duration)), duration) << duration_text(duration);
  }
  EXPECT_EQ(duration_text(1500ms), "1500ms");
}

}  // namespace
}  // namespace myelin
