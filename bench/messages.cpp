// The claims about messages between guests of one node: [request] [request-cross] [ring] [many-to-one].
//
//   bench_messages request COUNT      as many pairs as shards, each pair on one shard; requests a second of all pairs
//   bench_messages cross COUNT        the same with the two of each pair on different shards
//   bench_messages ring HOPS          one token round 1,000 guests of one shard, in the dense preset; hops a second
//   (HOPS
//                                     a multiple of 1,000)
//   bench_messages many COUNT         4 senders on one shard, the receiver on another if there are two; messages a
//   second
#include "bench/world.hpp"

#include <algorithm>
#include <string_view>
#include <thread>

namespace myelin::bench {
namespace {

constexpr std::size_t ring_size = 1000;
constexpr std::size_t senders = 4;
constexpr std::uint32_t dense_pages = 16;  // 1 MiB

void join_to(World& world, const Pid& from, const Pid& to) { world.ask(from, "p", Buffer::copy_of(to.to_string())); }

void requests(std::uint64_t count, bool cross) {
  const std::uint32_t shards = std::max(1u, std::thread::hardware_concurrency());
  if (cross && shards < 2) give_up("one shard has no other");
  World world(shards);
  const Buffer module = guest("bench_actor");
  std::vector<std::vector<Pid>> by_shard(shards);
  for (std::uint32_t i = 0; i < 2 * shards; ++i) {
    const kernel::ProcessInfo info = world.spawn(module);
    by_shard[info.shard].push_back(info.pid);
  }
  std::vector<Pid> clients;
  for (std::uint32_t i = 0; i < shards; ++i) {
    if (by_shard[i].size() != 2) give_up("the guests are not spread evenly");
    const std::size_t other = cross ? (i + 1) % shards : i;
    join_to(world, by_shard[i][0], by_shard[other][1]);
    clients.push_back(by_shard[i][0]);
  }
  const auto run = [&](std::uint64_t each) {
    std::vector<std::future<Buffer>> ends;
    for (const Pid& pid : clients) ends.push_back(world.request(pid, "r", number_body(each)));
    for (auto& end : ends) {
      if (body_number(end.get().view()) != each) give_up("a pair lost count");
    }
  };
  run(std::max<std::uint64_t>(1, count / 20));
  const auto begin = Clock::now();
  run(count);
  const double took = seconds_since(begin);
  report(static_cast<double>(count * shards) / took, std::to_string(count * shards));
}

void ring(std::uint64_t hops) {
  if (hops == 0 || hops % ring_size != 0) give_up("HOPS is a multiple of 1000");
  // Small guests in great number are what the dense preset is for: their memories lie side by side, so that a turn
  // costs fewer page walks.
  wasm::EngineConfig dense;
  dense.preset = wasm::MemoryPreset::dense;
  dense.max_memory_pages = dense_pages;
  dense.max_instances = 2 * ring_size;
  World world(1, std::move(dense));
  const Buffer module = guest("bench_actor");
  std::vector<Pid> guests;
  kernel::SpawnSpec small;
  small.limits.memory_pages = dense_pages;
  for (std::size_t i = 0; i < ring_size; ++i) guests.push_back(world.spawn(module, small).pid);
  for (std::size_t i = 0; i < ring_size; ++i) join_to(world, guests[i], guests[(i + 1) % ring_size]);
  world.ask(guests[0], "t", number_body(ring_size));
  const auto begin = Clock::now();
  const Buffer end = world.ask(guests[0], "t", number_body(hops));
  const double took = seconds_since(begin);
  if (body_number(end.view()) != 0) give_up("the token was lost");
  report(static_cast<double>(hops) / took, std::to_string(hops));
}

void many_to_one(std::uint64_t count) {
  const std::uint32_t shards = std::clamp(std::thread::hardware_concurrency(), 1u, 2u);
  World world(shards);
  const Buffer module = guest("bench_actor");
  const kernel::ProcessInfo info = world.spawn(module);
  const Pid receiver = info.pid;
  std::vector<Pid> from;
  // The node places them by turns: those that fell beside the receiver stay idle.
  while (from.size() < senders) {
    const kernel::ProcessInfo sender = world.spawn(module);
    if (shards > 1 && sender.shard == info.shard) continue;
    from.push_back(sender.pid);
    join_to(world, from.back(), receiver);
  }
  const auto begin = Clock::now();
  std::vector<std::future<Buffer>> ends;
  for (const Pid& pid : from) ends.push_back(world.request(pid, "f", number_body(count)));
  for (auto& end : ends) end.get();
  // Whatever was accepted before this request is received before it.
  const Buffer end = world.ask(receiver, "s", Buffer());
  const double took = seconds_since(begin);
  const std::uint64_t got = body_number(end.view());
  if (got != senders * count || body_number(end.view(), 8) != senders * (count * (count - 1) / 2)) {
    give_up("messages were lost");
  }
  report(static_cast<double>(got) / took, std::to_string(got));
}

int run(int argc, char** argv) {
  const std::string_view claim = argc == 3 ? argv[1] : "";
  if (claim == "request" || claim == "cross") {
    requests(number(argv[2]), claim == "cross");
  } else if (claim == "ring") {
    ring(number(argv[2]));
  } else if (claim == "many") {
    many_to_one(number(argv[2]));
  } else {
    give_up("usage: bench_messages request|cross|ring|many COUNT");
  }
  return 0;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) { return myelin::bench::run(argc, argv); }
