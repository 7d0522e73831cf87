#include "wasm/code_cache.hpp"

#include "wasm/engine_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace myelin::wasm {
namespace {

using testing::Folder;
namespace fs = std::filesystem;

const Bytes code = {1, 2, 3, 4, 5};

TEST(CodeFile, WhatIsWrittenIsRead) {
  const Folder folder;
  const std::string path = folder.path() + "/one.code";
  ASSERT_TRUE(write_code(path, code));
  EXPECT_EQ(read_code(path), code);
  ASSERT_TRUE(write_code(path, {}));
  EXPECT_EQ(read_code(path), Bytes{});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(CodeFile, AnyChangedByteIsNoticed) {
  const Folder folder;
  const std::string path = folder.path() + "/one.code";
  ASSERT_TRUE(write_code(path, code));
  const auto size = static_cast<std::streamoff>(fs::file_size(path));
  for (std::streamoff at = 0; at < size; ++at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char before = static_cast<char>(file.get());
    file.seekp(at).put(static_cast<char>(before ^ 0x10)).flush();
    EXPECT_EQ(read_code(path), std::nullopt) << at;
    file.seekp(at).put(before).flush();
    EXPECT_EQ(read_code(path), code);
  }
}

TEST(CodeFile, WhatIsNotAFileOfOursIsAbsent) {
  const Folder folder;
  EXPECT_EQ(read_code(folder.path() + "/missing"), std::nullopt);
  EXPECT_EQ(read_code(folder.path()), std::nullopt);
  const std::string fifo = folder.path() + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(read_code(fifo), std::nullopt);  // and does not wait for a writer
}

TEST(CodeFile, AFolderThatIsNotThereIsAnError) {
  const auto written = write_code("/nowhere/at/all.code", code);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::io);
}

TEST(CodeCache, NamesAreTheKeys) {
  const Folder folder;
  const auto cache = *CodeCache::create(folder.path() + "/cache");
  Digest key{};
  key[0] = 0xab;
  EXPECT_EQ(cache->path(key, 0), folder.path() + "/cache/ab" + std::string(62, '0') + ".code");
  EXPECT_TRUE(cache->keeps());
}

TEST(CodeCache, ATemporaryOneGoesWithItsOwner) {
  std::string path;
  {
    const auto cache = *CodeCache::create("");
    path = cache->path({}, 1);
    EXPECT_NE(path, cache->path({}, 2));
    ASSERT_TRUE(write_code(path, code));
    EXPECT_TRUE(read_code(path));
    EXPECT_FALSE(cache->keeps());
  }
  EXPECT_FALSE(fs::exists(fs::path(path).parent_path()));
}

TEST(CodeCache, AFileInTheWayIsAnError) {
  const Folder folder;
  const std::string path = folder.path() + "/file";
  ASSERT_TRUE(write_code(path, code));
  const auto cache = CodeCache::create(path);
  ASSERT_FALSE(cache);
  EXPECT_EQ(cache.error().code, ErrorCode::io);
  const auto below = CodeCache::create(path + "/cache");
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().code, ErrorCode::io);
}

TEST(CodeCache, TheOldestGoFirst) {
  const Folder folder;
  const auto cache = *CodeCache::create(folder.path() + "/cache");
  std::vector<std::string> paths;
  for (std::uint8_t i = 0; i < 4; ++i) {
    paths.push_back(cache->path(Digest{i}, 0));
    ASSERT_TRUE(write_code(paths.back(), code));
    fs::last_write_time(paths.back(), fs::file_time_type::clock::now() - std::chrono::hours(10 - i));
  }
  const std::string left_behind = paths[0] + ".AbCdEf";
  ASSERT_TRUE(write_code(left_behind, code));
  fs::last_write_time(left_behind, fs::file_time_type::clock::now() - std::chrono::hours(2));
  cache->touch(paths[0]);
  cache->trim(1'000'000, 3);
  EXPECT_FALSE(fs::exists(paths[1]));
  EXPECT_FALSE(fs::exists(left_behind));
  EXPECT_TRUE(fs::exists(paths[0]) && fs::exists(paths[2]) && fs::exists(paths[3]));
  cache->trim(fs::file_size(paths[0]), 100);
  EXPECT_TRUE(fs::exists(paths[0]));
  EXPECT_FALSE(fs::exists(paths[2]) || fs::exists(paths[3]));
}

}  // namespace
}  // namespace myelin::wasm
