#include "io/simulated/disk.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace myelin::io::simulated {
namespace {

Buffer text(std::string_view content) { return Buffer::copy_of(content); }

template <typename T>
void expect_errno(const Result<T>& result, int error) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::io);
  EXPECT_EQ(result.error().detail, static_cast<std::uint32_t>(error)) << result.error().message;
}

TEST(Disk, WritesAndReadsWholeFiles) {
  Disk disk;
  ASSERT_TRUE(disk.write("/key", text("one"), 0600));
  ASSERT_TRUE(disk.write("key", text("two!"), 0100644));
  EXPECT_EQ(to_text(disk.read("/./key", 4)->view()), "two!");
  const auto info = disk.info("/key");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size, 4U);
  EXPECT_EQ(info->mode, 0644U);
  EXPECT_FALSE(info->directory);
}

TEST(Disk, ReadsNothingOverTheLimit) {
  Disk disk;
  ASSERT_TRUE(disk.write("/f", text("12345"), 0600));
  EXPECT_TRUE(disk.read("/f", 5));
  EXPECT_EQ(disk.read("/f", 4).error().code, ErrorCode::too_large);
}

TEST(Disk, SaysWhatAPosixSystemSays) {
  Disk disk;
  ASSERT_TRUE(disk.make_directories("/home/node", 0700));
  ASSERT_TRUE(disk.write("/home/node/file", text("x"), 0600));
  expect_errno(disk.read("/missing", 1), ENOENT);
  expect_errno(disk.read("/home", 1), EISDIR);
  expect_errno(disk.read("/home/node/file/below", 1), ENOTDIR);
  expect_errno(disk.write("/nowhere/file", text(""), 0600), ENOENT);
  expect_errno(disk.write("/home", text(""), 0600), EISDIR);
  expect_errno(disk.write("/", text(""), 0600), EISDIR);
  expect_errno(disk.write("/home/node/file/below", text(""), 0600), ENOTDIR);
  expect_errno(disk.info("/home/other"), ENOENT);
  expect_errno(disk.make_directories("/home/node/file", 0700), EEXIST);
  expect_errno(disk.make_directories("/home/node/file/below", 0700), ENOTDIR);
  expect_errno(disk.remove("/home"), ENOTEMPTY);
  expect_errno(disk.remove("/home/other"), ENOENT);
  expect_errno(disk.remove("/"), EBUSY);
  expect_errno(disk.list("/home/node/file"), ENOTDIR);
  expect_errno(disk.list("/missing"), ENOENT);
}

TEST(Disk, DirectoriesKeepTheirModeAndListSorted) {
  Disk disk;
  ASSERT_TRUE(disk.make_directories("/a/b", 0750));
  ASSERT_TRUE(disk.make_directories("/a", 0700));  // there already
  EXPECT_EQ(disk.info("/a")->mode, 0750U);
  EXPECT_TRUE(disk.info("/a/b")->directory);
  for (const char* name : {"/a/z", "/a/c", "/a/../a/k"}) ASSERT_TRUE(disk.write(name, text(""), 0600));
  EXPECT_EQ(*disk.list("/a"), (std::vector<std::string>{"b", "c", "k", "z"}));
  ASSERT_TRUE(disk.remove("/a/b"));
  ASSERT_TRUE(disk.remove("/a/c"));
  EXPECT_EQ(*disk.list("/a/"), (std::vector<std::string>{"k", "z"}));
}

}  // namespace
}  // namespace myelin::io::simulated
