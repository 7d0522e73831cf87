// [kill]: an endless loop with about 30 MiB of touched memory; from the command to the process gone and its caller
// told.
//
//   bench_kill ROUNDS    the slowest of them, in seconds
#include "bench/world.hpp"

#include <algorithm>
#include <thread>

namespace myelin::bench {
namespace {

constexpr std::uint64_t held_bytes = 30ull << 20;

io::Task<Result<kernel::ProcessInfo>> inspect(World* world, Pid pid) {
  co_return co_await world->kernel().inspect(world->loop(), pid);
}

double one_kill(World& world, const Buffer& module) {
  kernel::SpawnSpec spec;
  spec.limits.memory_pages = 512;
  const Pid pid = world.spawn(module, std::move(spec)).pid;
  std::future<Buffer> call = world.request(pid, "hold", Buffer(), true);
  for (;;) {
    auto info = world.threads().run<Result<kernel::ProcessInfo>>([&] { return inspect(&world, pid); });
    if (!info) give_up("inspect: " + to_string(info.error()));
    if (info->memory_bytes >= held_bytes && info->fuel_used > 20'000'000) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const std::uint64_t before = status_bytes("VmRSS");
  const auto begin = Clock::now();
  auto removed = world.threads().run<Result<void>>([&] { return world.kernel().remove(world.loop(), pid); });
  call.get();
  const double took = seconds_since(begin);
  if (!removed) give_up("remove: " + to_string(removed.error()));
  auto info = world.threads().run<Result<kernel::ProcessInfo>>([&] { return inspect(&world, pid); });
  if (info) give_up("the process is still there");
  if (before < status_bytes("VmRSS") + held_bytes / 2) give_up("its memory is still there");
  return took;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) {
  using namespace myelin::bench;
  if (argc != 2) give_up("usage: bench_kill ROUNDS");
  World world(1);
  const myelin::Buffer module = guest("bench_load");
  double slowest = 0;
  const std::uint64_t rounds = number(argv[1]);
  for (std::uint64_t i = 0; i < rounds; ++i) slowest = std::max(slowest, one_kill(world, module));
  report(slowest, std::to_string(rounds));
  return 0;
}
