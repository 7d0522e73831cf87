// [bystander] [bystander-chase] [bystander-fill]: the latency of an echo guest beside 8 guests of the same shard that
// use up whatever they get, against its latency alone.
//
//   bench_bystander spin|chase|fill CALLS    p99 beside them minus p99 alone, in seconds
//
// The client runs on the shard's own loop, a call each millisecond or so: what is measured is the node's scheduling,
// not the operating system's. A call's time begins when it is handed to the kernel and ends when its outcome is called
// back.
#include "bench/world.hpp"
#include "io/sync.hpp"

#include <algorithm>

namespace myelin::bench {
namespace {

constexpr std::size_t loads = 8;

double p99(std::vector<double> times) {
  std::ranges::sort(times);
  return times[times.size() * 99 / 100];
}

struct Probe {
  World& world;
  Pid pid;
  std::uint64_t calls;

  io::Task<std::vector<double>> run() {
    std::vector<double> times;
    const Buffer body = Buffer::copy_of("still here");
    for (std::uint64_t i = 0; i < calls; ++i) {
      if (!co_await io::sleep_for(world.loop(), std::chrono::microseconds(700 + 37 * (i % 17)))) give_up("no sleep");
      io::Event done(world.loop());
      double took = 0;
      bool right = false;
      const auto begin = Clock::now();
      world.kernel().request(world.loop(), World::message_for(pid, "echo", body), [&](kernel::Outcome outcome) {
        took = seconds_since(begin);
        right = outcome && as_text(outcome->body.view()) == "still here";
        done.set();
      });
      co_await done.wait();
      if (!right) give_up("the echo did not answer");
      times.push_back(took);
    }
    co_return times;
  }
};

int run(const std::string& method, std::uint64_t calls) {
  World world(1);
  const Buffer module = guest("bench_load");
  Probe probe{world, world.spawn(module).pid, calls};
  const auto measure = [&] { return p99(world.threads().run<std::vector<double>>([&] { return probe.run(); })); };
  const double alone = measure();
  std::vector<Pid> pids;
  std::vector<std::future<Buffer>> ends;
  for (std::size_t i = 0; i < loads; ++i) {
    pids.push_back(world.spawn(module).pid);
    ends.push_back(world.request(pids.back(), method, Buffer(), true));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // until each has set itself up
  const double beside = measure();
  for (auto& end : ends) {
    if (end.wait_for(std::chrono::seconds(0)) == std::future_status::ready) give_up("a guest has ended by itself");
  }
  for (const Pid& pid : pids) world.signal(pid, kernel::Signal::kill);
  for (auto& end : ends) end.get();
  report(beside - alone, std::to_string(calls),
         ", \"alone\": " + std::to_string(alone) + ", \"beside\": " + std::to_string(beside));
  return 0;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) {
  using namespace myelin::bench;
  if (argc != 3) give_up("usage: bench_bystander spin|chase|fill CALLS");
  return run(argv[1], number(argv[2]));
}
