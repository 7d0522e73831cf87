#include "wasm/wasi_descriptor_table.hpp"
#include "wasm/wasi_testing.hpp"

namespace myelin::wasm::wasi::testing {
namespace {

class WasiFd : public WasiTest {};

TEST_F(WasiFd, CloseEndsTheDescriptorAndFreesItsNumber) {
  EXPECT_EQ(call("fd_close", {1}), Errno::success);
  EXPECT_TRUE(tapes[1]->closed);
  EXPECT_FALSE(tapes[0]->closed);
  EXPECT_EQ(context->find(1), nullptr);
  EXPECT_EQ(call("fd_close", {1}), Errno::badf);
  EXPECT_EQ(call("fd_write", {1, 64, 0, 32}), Errno::badf);
  EXPECT_EQ(call("fd_close", {0xffff'ffff}), Errno::badf);
  context->bind(1, std::make_unique<TapeDescriptor>(tapes[1]));
  EXPECT_EQ(call("fd_write", {1, 64, 0, 32}), Errno::success);
}

TEST_F(WasiFd, RenumberMovesAndClosesWhatWasThere) {
  ASSERT_EQ(call("fd_fdstat_set_flags", {1, 4}), Errno::success);
  EXPECT_EQ(call("fd_renumber", {1, 2}), Errno::success);
  EXPECT_TRUE(tapes[2]->closed);
  EXPECT_FALSE(tapes[1]->closed);
  EXPECT_EQ(context->find(1), nullptr);
  put_text(1000, "moved");
  put_iovecs(64, {{1000, 5}});
  EXPECT_EQ(call("fd_write", {2, 64, 1, 32}), Errno::success);
  EXPECT_EQ(tapes[1]->output, "moved");
  ASSERT_EQ(call("fd_fdstat_get", {2, 512}), Errno::success);
  EXPECT_EQ(u32(512) >> 16, 4u) << "the flags move with it";
}

TEST_F(WasiFd, RenumberWantsBothOpen) {
  EXPECT_EQ(call("fd_renumber", {1, 3}), Errno::badf);
  EXPECT_EQ(call("fd_renumber", {3, 1}), Errno::badf);
  EXPECT_EQ(call("fd_renumber", {0xffff'ffff, 0xffff'ffff}), Errno::badf);
  EXPECT_EQ(call("fd_renumber", {1, 1}), Errno::success);
  for (const auto& tape : tapes) EXPECT_FALSE(tape->closed);
}

TEST_F(WasiFd, FdstatShowsTypeFlagsAndRights) {
  std::ranges::fill(instance.bytes, std::uint8_t{0xaa});
  ASSERT_EQ(call("fd_fdstat_set_flags", {1, 5}), Errno::success);
  ASSERT_EQ(call("fd_fdstat_get", {1, 512}), Errno::success);
  EXPECT_EQ(u32(512), 6u | 5u << 16);
  EXPECT_EQ(u32(516), 0u);
  EXPECT_EQ(u64(520), rights::stream);
  EXPECT_EQ(u64(528), 0u);
  EXPECT_EQ(instance.bytes[536], 0xaa);
  EXPECT_EQ(call("fd_fdstat_get", {1, memory_size - 23}), Errno::fault);
  EXPECT_EQ(call("fd_fdstat_get", {1, memory_size - 24}), Errno::success);
  EXPECT_EQ(call("fd_fdstat_get", {9, 512}), Errno::badf);
}

TEST_F(WasiFd, FlagsThatAStreamCannotKeepAreRefused) {
  EXPECT_EQ(call("fd_fdstat_set_flags", {1, 2}), Errno::notsup);
  EXPECT_EQ(call("fd_fdstat_set_flags", {1, 8}), Errno::notsup);
  EXPECT_EQ(call("fd_fdstat_set_flags", {1, 16 | 4}), Errno::notsup);
  EXPECT_EQ(call("fd_fdstat_set_flags", {1, 32}), Errno::inval);
  EXPECT_EQ(call("fd_fdstat_set_flags", {1, 0x1'0004}), Errno::inval);
  EXPECT_EQ(call("fd_fdstat_set_flags", {7, 4}), Errno::badf);
  ASSERT_EQ(call("fd_fdstat_get", {1, 512}), Errno::success);
  EXPECT_EQ(u32(512) >> 16, 0u) << "a refused change changes nothing";
}

TEST_F(WasiFd, RightsOnlyShrink) {
  EXPECT_EQ(call("fd_fdstat_set_rights", {0, UINT64_MAX, 0}), Errno::notcapable);
  EXPECT_EQ(call("fd_fdstat_set_rights", {0, rights::fd_read, 1}), Errno::notcapable);
  EXPECT_EQ(call("fd_fdstat_set_rights", {0, rights::fd_read, 0}), Errno::success);
  EXPECT_EQ(call("fd_fdstat_set_rights", {0, rights::stream, 0}), Errno::notcapable);
  EXPECT_EQ(call("fd_fdstat_set_rights", {5, 0, 0}), Errno::badf);
  ASSERT_EQ(call("fd_fdstat_get", {0, 512}), Errno::success);
  EXPECT_EQ(u64(520), rights::fd_read);
  EXPECT_EQ(call("fd_fdstat_set_flags", {0, 4}), Errno::notcapable);
  EXPECT_EQ(call("fd_filestat_get", {0, 512}), Errno::notcapable);
}

TEST_F(WasiFd, FilestatIsAStreams) {
  std::ranges::fill(instance.bytes, std::uint8_t{0xaa});
  ASSERT_EQ(call("fd_filestat_get", {2, 512}), Errno::success);
  EXPECT_EQ(u64(512), 0u);
  EXPECT_EQ(u64(520), 0u);
  EXPECT_EQ(u64(528), 6u);
  EXPECT_EQ(u64(536), 1u);
  for (const std::uint32_t at : {544u, 552u, 560u, 568u}) EXPECT_EQ(u64(at), 0u) << at;
  EXPECT_EQ(instance.bytes[576], 0xaa);
  EXPECT_EQ(call("fd_filestat_get", {2, memory_size - 63}), Errno::fault);
  EXPECT_EQ(call("fd_filestat_get", {3, 512}), Errno::badf);
}

TEST_F(WasiFd, WhatStreamsCannotDoHasItsErrno) {
  EXPECT_EQ(call("fd_seek", {0, 0, 1, 512}), Errno::spipe);
  EXPECT_EQ(call("fd_seek", {0, 0, 3, 512}), Errno::inval);
  EXPECT_EQ(call("fd_tell", {0, 512}), Errno::spipe);
  EXPECT_EQ(call("fd_advise", {0, 0, 0, 0}), Errno::spipe);
  EXPECT_EQ(call("fd_advise", {0, 0, 0, 6}), Errno::inval);
  EXPECT_EQ(call("fd_allocate", {0, 0, 1}), Errno::spipe);
  EXPECT_EQ(call("fd_filestat_set_size", {0, 0}), Errno::inval);
  EXPECT_EQ(call("fd_filestat_set_times", {0, 0, 0, 0}), Errno::notsup);
  EXPECT_EQ(call("fd_filestat_set_times", {0, 0, 0, 16}), Errno::inval);
  EXPECT_EQ(call("fd_readdir", {0, 512, 64, 0, 32}), Errno::notdir);
  EXPECT_EQ(call("fd_sync", {1}), Errno::success);
  EXPECT_EQ(call("fd_datasync", {1}), Errno::success);
}

TEST_F(WasiFd, NumbersThatAreNotOpenAreBad) {
  EXPECT_EQ(call("fd_seek", {3, 0, 3, 512}), Errno::badf);
  EXPECT_EQ(call("fd_tell", {3, 512}), Errno::badf);
  EXPECT_EQ(call("fd_advise", {3, 0, 0, 9}), Errno::badf);
  EXPECT_EQ(call("fd_allocate", {3, 0, 1}), Errno::badf);
  EXPECT_EQ(call("fd_filestat_set_size", {3, 0}), Errno::badf);
  EXPECT_EQ(call("fd_filestat_set_times", {3, 0, 0, 0}), Errno::badf);
  EXPECT_EQ(call("fd_readdir", {3, 512, 64, 0, 32}), Errno::badf);
  EXPECT_EQ(call("fd_sync", {3}), Errno::badf);
  EXPECT_EQ(call("fd_datasync", {3}), Errno::badf);
}

TEST_F(WasiFd, ThereIsNoPreopenedDirectory) {
  for (const std::uint64_t fd : {0ull, 3ull, 4ull, 0xffff'ffffull}) {
    EXPECT_EQ(call("fd_prestat_get", {fd, 512}), Errno::badf) << fd;
    EXPECT_EQ(call("fd_prestat_dir_name", {fd, 512, 10}), Errno::badf) << fd;
  }
}

TEST(DescriptorTable, GrowsOnlyAsFarAsItIsBound) {
  DescriptorTable table(10);
  EXPECT_EQ(table.find(0), nullptr);
  table.bind(7, null_descriptor());
  EXPECT_NE(table.find(7), nullptr);
  EXPECT_EQ(table.find(6), nullptr);
  EXPECT_EQ(table.close(6), Errno::badf);
  EXPECT_DEATH(table.bind(10, null_descriptor()), "capacity");
}

}  // namespace
}  // namespace myelin::wasm::wasi::testing
