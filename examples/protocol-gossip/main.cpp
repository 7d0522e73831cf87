// gossip SELF [PEER...] [--say TEXT]: gossips for three seconds, and prints what it hears.
#include "gossip.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

int main(int argc, char** argv) {
  std::set<Host> peers;
  Host self;
  std::string text;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--say" && i + 1 < argc) {
      text = argv[++i];
    } else if (auto host = Host::parse(argv[i]); host && self.empty()) {
      self = *host;
    } else if (host) {
      peers.insert(*host);
    }
  }
  auto runtime = Runtime::create({.self = self});
  if (!runtime) {
    std::fprintf(stderr, "gossip: %s\n", myelin::to_string(runtime.error()).c_str());
    return 1;
  }
  auto gossip = std::make_unique<Gossip>(peers, [self](const std::string& heard) {
    std::printf("%s heard: %s\n", self.to_string().c_str(), heard.c_str());
    std::fflush(stdout);
  });
  Gossip* protocol = gossip.get();
  if (auto added = (*runtime)->add(std::move(gossip)); !added) return 1;
  if (auto started = (*runtime)->start(); !started) {
    std::fprintf(stderr, "gossip: %s\n", myelin::to_string(started.error()).c_str());
    return 1;
  }
  if (!text.empty()) (*runtime)->post([protocol, text] { protocol->say(text); });
  std::this_thread::sleep_for(std::chrono::seconds(3));
  (*runtime)->shutdown();
  return 0;
}
