#include "io/files.hpp"

#include "io/real.hpp"
#include "io/real/file_work.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace myelin::io {
namespace {

struct FilesTest : testing::Test {
  FilesTest() {
    char path[] = "/tmp/myelin-files-XXXXXX";
    folder = mkdtemp(path);
  }
  ~FilesTest() override { std::filesystem::remove_all(folder); }

  // Runs one operation to its end.
  template <typename T>
  Result<T> wait(Task<Result<T>> task) {
    struct Body {
      static Task<void> run(Task<Result<T>> t, std::optional<Result<T>>* out) { *out = co_await std::move(t); }
    };
    std::optional<Result<T>> out;
    loop->run_until_done(Body::run(std::move(task), &out));
    return std::move(*out);
  }

  std::unique_ptr<RealLoop> loop = RealLoop::create();
  Files& files = loop->files();
  std::string folder;
};

TEST_F(FilesTest, WritesAndReadsBack) {
  const std::string path = folder + "/a";
  const std::string large(300'000, 'q');
  ASSERT_TRUE(wait(files.write_atomic(path, Buffer::copy_of(large), 0640)));
  const auto read = wait(files.read(path, 300'000));
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(as_text(read->view()), large);
  const auto info = wait(files.info(path));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size, large.size());
  EXPECT_EQ(info->mode, 0640U);
  EXPECT_FALSE(info->directory);
  EXPECT_EQ(*wait(files.list(folder)), std::vector<std::string>{"a"}) << "no temporary file is left";
}

TEST_F(FilesTest, WritingReplacesTheWholeAndTheMode) {
  const std::string path = folder + "/key";
  ASSERT_TRUE(wait(files.write_atomic(path, Buffer::copy_of("a long first version"), 0644)));
  ASSERT_TRUE(wait(files.write_atomic(path, Buffer::copy_of("second"), 0600)));
  EXPECT_EQ(as_text(wait(files.read(path, 100))->view()), "second");
  EXPECT_EQ(wait(files.info(path))->mode, 0600U);
  ASSERT_TRUE(wait(files.write_atomic(path, Buffer(), 0600)));
  EXPECT_TRUE(wait(files.read(path, 100))->empty());
}

TEST_F(FilesTest, TheModeDoesNotDependOnTheUmask) {
  const mode_t before = umask(077);
  ASSERT_TRUE(wait(files.write_atomic(folder + "/open", Buffer::copy_of("x"), 0666)));
  umask(before);
  EXPECT_EQ(wait(files.info(folder + "/open"))->mode, 0666U);
}

TEST_F(FilesTest, MissingFilesAreIoWithEnoent) {
  const std::string path = folder + "/none";
  const auto read = wait(files.read(path, 10));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::io);
  EXPECT_EQ(read.error().detail, static_cast<std::uint32_t>(ENOENT));
  EXPECT_NE(read.error().message.find(path), std::string::npos);
  EXPECT_EQ(wait(files.info(path)).error().detail, static_cast<std::uint32_t>(ENOENT));
  EXPECT_EQ(wait(files.remove(path)).error().detail, static_cast<std::uint32_t>(ENOENT));
  EXPECT_EQ(wait(files.list(path)).error().detail, static_cast<std::uint32_t>(ENOENT));
  EXPECT_EQ(wait(files.write_atomic(path + "/x", Buffer(), 0600)).error().detail, static_cast<std::uint32_t>(ENOENT));
}

TEST_F(FilesTest, ReadIsBounded) {
  const std::string path = folder + "/a";
  ASSERT_TRUE(wait(files.write_atomic(path, Buffer::copy_of("12345"), 0600)));
  EXPECT_TRUE(wait(files.read(path, 5)));
  const auto over = wait(files.read(path, 4));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::too_large);
  EXPECT_EQ(wait(files.read("/dev/zero", 1000)).error().code, ErrorCode::too_large) << "its size says 0";
  const auto proc = wait(files.read("/proc/self/status", 100'000));
  ASSERT_TRUE(proc);
  EXPECT_GT(proc->size(), 100U) << "so does the size of this one";
}

TEST_F(FilesTest, ReadingADirectoryFails) {
  const auto read = wait(files.read(folder, 10'000'000));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().detail, static_cast<std::uint32_t>(EISDIR));
}

TEST_F(FilesTest, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const std::string path = folder + "/busy";
  ASSERT_TRUE(wait(files.make_directories(path + "/child", 0700)));
  const auto written = wait(files.write_atomic(path, Buffer::copy_of("x"), 0600));
  ASSERT_FALSE(written) << "a rename over a directory that is not empty";
  EXPECT_EQ(*wait(files.list(folder)), std::vector<std::string>{"busy"});
  EXPECT_TRUE(wait(files.info(path))->directory);
}

TEST_F(FilesTest, ATakenTemporaryNameIsNotTouched) {
  const std::string path = folder + "/a";
  ASSERT_TRUE(real::write_file(path, folder + "/t1", as_view("one"), 0600));
  ASSERT_TRUE(real::write_file(folder + "/taken", folder + "/t2", as_view("theirs"), 0600));
  const auto written = real::write_file(path, folder + "/taken", as_view("two"), 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().detail, static_cast<std::uint32_t>(EEXIST));
  EXPECT_EQ(as_text(real::read_file(folder + "/taken", 10)->view()), "theirs");
  EXPECT_EQ(as_text(real::read_file(path, 10)->view()), "one");
}

TEST_F(FilesTest, MakesDirectoriesAndListsSorted) {
  ASSERT_TRUE(wait(files.make_directories(folder + "/x/y/z/", 0700)));
  ASSERT_TRUE(wait(files.make_directories(folder + "/x/y/z", 0700))) << "again is fine";
  EXPECT_TRUE(wait(files.info(folder + "/x/y/z"))->directory);
  EXPECT_EQ(wait(files.info(folder + "/x/y"))->mode, 0700U);
  for (const char* file : {"/x/b", "/x/a", "/x/.c"}) {
    ASSERT_TRUE(wait(files.write_atomic(folder + file, Buffer(), 0600)));
  }
  EXPECT_EQ(*wait(files.list(folder + "/x")), (std::vector<std::string>{".c", "a", "b", "y"}));
  const auto over_file = wait(files.make_directories(folder + "/x/a/deep", 0700));
  ASSERT_FALSE(over_file);
  EXPECT_EQ(over_file.error().code, ErrorCode::io);
}

TEST_F(FilesTest, RemovesFilesAndEmptyDirectories) {
  ASSERT_TRUE(wait(files.make_directories(folder + "/d/e", 0700)));
  EXPECT_FALSE(wait(files.remove(folder + "/d"))) << "not empty";
  EXPECT_TRUE(wait(files.remove(folder + "/d/e")));
  EXPECT_TRUE(wait(files.remove(folder + "/d")));
  EXPECT_TRUE(wait(files.list(folder))->empty());
}

}  // namespace
}  // namespace myelin::io
