// A program with a Myelin node inside: it spawns a guest and calls it. Built against the installed package, see CMakeLists.txt.
#include <myelin/node.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: embed HOME ECHO.wasm\n");
    return 2;
  }
  std::ifstream file(argv[2], std::ios::binary);
  const std::vector<std::uint8_t> module{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};

  auto node = myelin::Node::start({.home = argv[1], .listen = {"/ip4/127.0.0.1/tcp/0"}, .peers = {}, .compiler = {}});
  if (!node) {
    std::fprintf(stderr, "no node: %s\n", myelin::to_string(node.error()).c_str());
    return 1;
  }
  auto pid = (*node)->spawn(module, {.name = "echo"});
  if (!pid) {
    std::fprintf(stderr, "no process: %s\n", myelin::to_string(pid.error()).c_str());
    return 1;
  }
  auto answer = (*node)->call("echo", "echo", "Hello from inside!");
  if (!answer) {
    std::fprintf(stderr, "no answer: %s\n", myelin::to_string(answer.error()).c_str());
    return 1;
  }
  std::printf("%s %s: %s\n", (*node)->peer_id().c_str(), pid->c_str(), answer->c_str());

  auto nobody = (*node)->call("nobody", "echo", "");
  std::printf("a call of nobody: %s\n", nobody ? "?" : std::string(myelin::name(nobody.error().code)).c_str());
  return !nobody && nobody.error().code == myelin::ErrorCode::no_such_process ? 0 : 1;
}
