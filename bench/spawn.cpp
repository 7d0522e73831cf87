// [spawn]: spawn, first reply and exit of a one-page guest from a cached module, guarded preset, through the public
// API.
//
//   bench_spawn COUNT    by as many threads of the embedding program as hide the way into the node; rounds a second
#include "bench/report.hpp"
#include "myelin/node.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace myelin::bench {
namespace {

constexpr std::size_t clients = 16;

void rounds(Node* node, const std::vector<std::uint8_t>* module, std::atomic<std::int64_t>* left) {
  while (left->fetch_sub(1) > 0) {
    auto pid = node->spawn(*module);
    if (!pid) give_up("spawn: " + to_string(pid.error()));
    auto answer = node->call(*pid, "reply", "");
    if (!answer || *answer != "ok") give_up("no reply");
    if (auto removed = node->remove(*pid); !removed) give_up("remove: " + to_string(removed.error()));
  }
}

double measure(Node& node, const std::vector<std::uint8_t>& module, std::uint64_t count) {
  std::atomic<std::int64_t> left(static_cast<std::int64_t>(count));
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < clients; ++i) threads.emplace_back(rounds, &node, &module, &left);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int run(std::uint64_t count) {
  std::string pattern = (std::filesystem::temp_directory_path() / "myelin-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) give_up("no temporary folder");
  std::ifstream file(MYELIN_BINARY_DIR "/guests/bench_page.wasm", std::ios::binary);
  const std::vector<std::uint8_t> module{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  ::dup2(::fileno(std::fopen("/dev/null", "w")), STDERR_FILENO);
  {
    auto node = Node::start(
        {.home = pattern, .listen = {}, .peers = {}, .shards = 0, .compiler = MYELIN_BINARY_DIR "/bin/myelin-compile"});
    if (!node) give_up("no node: " + to_string(node.error()));
    measure(**node, module, count / 20 + 1);
    const double took = measure(**node, module, count);
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
