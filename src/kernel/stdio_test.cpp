// What stands behind a guest's stdio: how much there is to read, and when its end is next.
#include "kernel/stdio.hpp"

#include "io/simulated.hpp"

#include <array>
#include <gtest/gtest.h>

namespace myelin::kernel {
namespace {

using wasm::wasi::Errno;

class Stdio : public ::testing::Test {
 protected:
  std::unique_ptr<io::SimulatedWorld> world = io::SimulatedWorld::create(1);
  io::Loop& loop = world->add_host("h", io::IpAddress{io::IpAddress::Family::v4, {10, 0, 0, 1}}).add_loop();
  std::array<std::uint8_t, 16> into{};
};

TEST_F(Stdio, AnInputSaysHowMuchIsHereAndWhenItsEndIsNext) {
  auto [writer, reader] = io::make_pipe(loop, loop, 100);
  auto link = std::make_shared<io::PipeReader*>(&reader);
  const DescriptorPtr input = pipe_input(link);
  EXPECT_FALSE(input->readable());
  EXPECT_EQ(input->available(), 0u);
  ASSERT_EQ(*writer.try_write(as_view("abcde")), 5u);
  world->run_for(Duration(1'000'000));
  EXPECT_TRUE(input->readable());
  EXPECT_EQ(input->available(), 5u);
  EXPECT_EQ(input->read(MutableView(into).first(3)).size, 3u);
  EXPECT_EQ(input->available(), 2u);
  EXPECT_EQ(input->read(into).size, 2u);
  EXPECT_FALSE(input->readable()) << "nothing now is not the end";
  writer.close();
  world->run_for(Duration(1'000'000));
  EXPECT_TRUE(input->readable());
  EXPECT_EQ(input->available(), 0u) << "readable and nothing: the end";
  EXPECT_EQ(input->read(into).size, 0u);
}

TEST_F(Stdio, AnInputThatWasCutIsAtItsEnd) {
  auto [writer, reader] = io::make_pipe(loop, loop, 100);
  auto link = std::make_shared<io::PipeReader*>(&reader);
  const DescriptorPtr input = pipe_input(link);
  ASSERT_EQ(*writer.try_write(as_view("abc")), 3u);
  world->run_for(Duration(1'000'000));
  *link = nullptr;
  EXPECT_TRUE(input->readable());
  EXPECT_EQ(input->available(), 0u);
  EXPECT_EQ(input->read(into).size, 0u);
}

TEST_F(Stdio, ACallerThatLeftIsReadableAndAnError) {
  auto [writer, reader] = io::make_pipe(loop, loop, 100);
  const DescriptorPtr input = pipe_input(std::make_shared<io::PipeReader*>(&reader));
  writer.fail(Error{ErrorCode::cancelled, "left", 0});
  world->run_for(Duration(1'000'000));
  EXPECT_TRUE(input->readable());
  EXPECT_EQ(input->available(), 0u);
  EXPECT_EQ(input->read(into).errno_code, Errno::canceled);
}

TEST_F(Stdio, AMessageSaysWhatIsLeftOfIt) {
  const DescriptorPtr input = rope_input(loop, Rope(Buffer::copy_of("abcde")));
  EXPECT_EQ(input->available(), 5u);
  EXPECT_EQ(input->read(MutableView(into).first(4)).size, 4u);
  EXPECT_EQ(input->available(), 1u);
  EXPECT_EQ(input->read(into).size, 1u);
  EXPECT_EQ(input->available(), 0u);
  EXPECT_TRUE(input->readable());
}

}  // namespace
}  // namespace myelin::kernel
