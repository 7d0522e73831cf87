// [idle-dense] [idle-guarded]: the memory of one live one-page guest that has answered a call and waits for the next.
//
//   bench_idle dense|guarded COUNT    bytes for each: resident memory, page tables, and what the kernel keeps for
//   mappings
//
// Of the kernel's memory this process's page tables are counted by the kernel, its mappings by us: the lines of
// /proc/self/maps, each at `mapping_bytes`.
#include "bench/world.hpp"

#include <algorithm>

namespace myelin::bench {
namespace {

constexpr std::uint64_t mapping_bytes = 256;  // vm_area_struct with its share of the tree that holds it
constexpr std::size_t at_once = 512;

std::uint64_t memory_now() {
  std::ifstream maps("/proc/self/maps");
  std::uint64_t mappings = 0;
  for (std::string line; std::getline(maps, line);) ++mappings;
  return status_bytes("VmRSS") + status_bytes("VmPTE") + mappings * mapping_bytes;
}

struct Crowd {
  World& world;
  Buffer module;
  std::vector<Pid> pids;

  io::Task<void> one() {
    kernel::SpawnSpec spec;
    spec.module = module;
    spec.limits.memory_pages = 1;
    auto info = co_await world.kernel().spawn(world.loop(), std::move(spec));
    if (!info) give_up("spawn: " + to_string(info.error()));
    pids.push_back(info->pid);
  }
  io::Task<bool> spawn(std::size_t count) {
    while (count > 0) {
      const std::size_t now = std::min(count, at_once);
      io::Scope scope(world.loop());
      for (std::size_t i = 0; i < now; ++i) scope.spawn(one());
      co_await scope.join();
      count -= now;
    }
    co_return true;
  }
};

void all_answer(World& world, const std::vector<Pid>& pids) {
  for (std::size_t at = 0; at < pids.size();) {
    std::vector<std::future<Buffer>> answers;
    for (std::size_t i = 0; i < at_once && at < pids.size(); ++i, ++at) {
      answers.push_back(world.request(pids[at], "reply", Buffer()));
    }
    for (auto& answer : answers) {
      if (as_text(answer.get().view()) != "ok") give_up("a guest did not answer");
    }
  }
}

int run(const std::string& preset, std::size_t count) {
  wasm::EngineConfig engine;
  if (preset != "dense" && preset != "guarded") give_up("a preset is dense or guarded");
  engine.preset = preset == "dense" ? wasm::MemoryPreset::dense : wasm::MemoryPreset::guarded;
  engine.max_instances = static_cast<std::uint32_t>(count + 16);
  World world(1, std::move(engine));
  Crowd crowd{world, guest("bench_page"), {}};
  const auto spawn = [&](std::size_t n) { world.threads().run<bool>([&] { return crowd.spawn(n); }); };
  spawn(8);
  all_answer(world, crowd.pids);
  const std::uint64_t before = memory_now();
  crowd.pids.clear();
  spawn(count);
  all_answer(world, crowd.pids);
  const std::uint64_t after = memory_now();
  report(static_cast<double>(after - before) / static_cast<double>(count), std::to_string(crowd.pids.size()));
  return 0;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) {
  using namespace myelin::bench;
  if (argc != 3) give_up("usage: bench_idle dense|guarded COUNT");
  return run(argv[1], static_cast<std::size_t>(number(argv[2])));
}
