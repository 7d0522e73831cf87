#include "wasm/wasi_testing.hpp"

namespace myelin::wasm::wasi::testing {
namespace {

class WasiPath : public WasiTest {
 protected:
  static constexpr std::uint64_t path = 1000, size = 5, far = 0xffff'fff0;
};

TEST_F(WasiPath, AStreamIsNoDirectoryToLookInto) {
  EXPECT_EQ(call("path_create_directory", {0, path, size}), Errno::notcapable);
  EXPECT_EQ(call("path_filestat_get", {0, 0, path, size, 512}), Errno::notcapable);
  EXPECT_EQ(call("path_filestat_set_times", {0, 0, path, size, 0, 0, 0}), Errno::notcapable);
  EXPECT_EQ(call("path_link", {0, 0, path, size, 1, path, size}), Errno::notcapable);
  EXPECT_EQ(call("path_open", {0, 0, path, size, 0, 0, 0, 0, 512}), Errno::notcapable);
  EXPECT_EQ(call("path_readlink", {0, path, size, 600, 10, 512}), Errno::notcapable);
  EXPECT_EQ(call("path_remove_directory", {0, path, size}), Errno::notcapable);
  EXPECT_EQ(call("path_rename", {0, path, size, 1, path, size}), Errno::notcapable);
  EXPECT_EQ(call("path_symlink", {path, size, 0, path, size}), Errno::notcapable);
  EXPECT_EQ(call("path_unlink_file", {0, path, size}), Errno::notcapable);
}

TEST_F(WasiPath, DirectoriesThatAreNotOpenAreBad) {
  EXPECT_EQ(call("path_create_directory", {3, path, size}), Errno::badf);
  EXPECT_EQ(call("path_filestat_get", {3, 0, path, size, 512}), Errno::badf);
  EXPECT_EQ(call("path_filestat_set_times", {3, 0, path, size, 0, 0, 0}), Errno::badf);
  EXPECT_EQ(call("path_link", {3, 0, path, size, 1, path, size}), Errno::badf);
  EXPECT_EQ(call("path_link", {0, 0, path, size, 3, path, size}), Errno::badf);
  EXPECT_EQ(call("path_open", {3, 0, path, size, 0, 0, 0, 0, 512}), Errno::badf);
  EXPECT_EQ(call("path_readlink", {3, path, size, 600, 10, 512}), Errno::badf);
  EXPECT_EQ(call("path_remove_directory", {3, path, size}), Errno::badf);
  EXPECT_EQ(call("path_rename", {3, path, size, 1, path, size}), Errno::badf);
  EXPECT_EQ(call("path_rename", {0, path, size, 3, path, size}), Errno::badf);
  EXPECT_EQ(call("path_symlink", {path, size, 3, path, size}), Errno::badf);
  EXPECT_EQ(call("path_unlink_file", {3, path, size}), Errno::badf);
}

TEST_F(WasiPath, PathsOutsideTheMemoryAreFaults) {
  EXPECT_EQ(call("path_create_directory", {0, far, 0x20}), Errno::fault);
  EXPECT_EQ(call("path_filestat_get", {0, 0, path, memory_size, 512}), Errno::fault);
  EXPECT_EQ(call("path_filestat_set_times", {0, 0, far, size, 0, 0, 0}), Errno::fault);
  EXPECT_EQ(call("path_link", {0, 0, path, size, 1, far, size}), Errno::fault);
  EXPECT_EQ(call("path_open", {0, 0, far, size, 0, 0, 0, 0, 512}), Errno::fault);
  EXPECT_EQ(call("path_readlink", {0, far, size, 600, 10, 512}), Errno::fault);
  EXPECT_EQ(call("path_remove_directory", {0, far, size}), Errno::fault);
  EXPECT_EQ(call("path_rename", {0, path, size, 1, far, size}), Errno::fault);
  EXPECT_EQ(call("path_symlink", {far, size, 0, path, size}), Errno::fault);
  EXPECT_EQ(call("path_symlink", {path, size, 0, far, size}), Errno::fault);
  EXPECT_EQ(call("path_unlink_file", {0, far, size}), Errno::fault);
}

TEST_F(WasiPath, AStreamIsNoSocket) {
  EXPECT_EQ(call("sock_accept", {0, 0, 512}), Errno::notsock);
  EXPECT_EQ(call("sock_recv", {0, 64, 1, 0, 512, 516}), Errno::notsock);
  EXPECT_EQ(call("sock_send", {1, 64, 1, 0, 512}), Errno::notsock);
  EXPECT_EQ(call("sock_shutdown", {1, 3}), Errno::notsock);
  EXPECT_EQ(call("sock_accept", {3, 0, 512}), Errno::badf);
  EXPECT_EQ(call("sock_recv", {3, 64, 1, 0, 512, 516}), Errno::badf);
  EXPECT_EQ(call("sock_send", {3, 64, 1, 0, 512}), Errno::badf);
  EXPECT_EQ(call("sock_shutdown", {3, 3}), Errno::badf);
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
