// [spawn]: spawn, first reply and exit of a one-page guest from a cached module, guarded preset, through the public
// API.
//
//   bench_spawn COUNT    rounds a second, in batches of 1,000; each round is a process of its own, and its answer is
//                        checked
#include "bench/report.hpp"
#include "myelin/node.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace myelin::bench {
namespace {

constexpr std::size_t batch = 1000;

double measure(Node& node, const Module& module, std::uint64_t count) {
  const std::vector<std::string> inputs(batch);
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t left = count; left > 0;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, batch));
    left -= size;
    for (const auto& answer : node.spawn_calls(module, "reply", std::span(inputs).first(size))) {
      if (!answer) give_up("spawn: " + to_string(answer.error()));
      if (*answer != "ok") give_up("no reply");
    }
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int run(std::uint64_t count) {
  std::string pattern = (std::filesystem::temp_directory_path() / "myelin-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) give_up("no temporary folder");
  std::ifstream file(MYELIN_BINARY_DIR "/guests/bench_page.wasm", std::ios::binary);
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  keep_freed_memory();
  ::dup2(::fileno(std::fopen("/dev/null", "w")), STDERR_FILENO);
  {
    auto node = Node::start(
        {.home = pattern, .listen = {}, .peers = {}, .shards = 0, .compiler = MYELIN_BINARY_DIR "/bin/myelin-compile"});
    if (!node) give_up("no node: " + to_string(node.error()));
    const auto module = (*node)->load(bytes);
    if (!module) give_up("no module: " + to_string(module.error()));
    measure(**node, *module, count / 20 + 1);
    const double took = measure(**node, *module, count);
    if (!(*node)->processes().empty()) give_up("processes were left");
    report(static_cast<double>(count) / took, std::to_string(count));
  }
  std::filesystem::remove_all(pattern);
  return 0;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) {
  if (argc != 2) myelin::bench::give_up("usage: bench_spawn COUNT");
  return myelin::bench::run(myelin::bench::number(argv[1]));
}
