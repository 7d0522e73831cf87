// Core: what the shards of one kernel share, and the way between them.
//
// Shared by the Kernel, its calls and every post under way, since a post may run after the Kernel is gone; nothing else
// keeps it. Everything in it is constant after creation, or atomic, or belongs to one shard. Thread: any.
#pragma once

#include "identity/peer_id.hpp"
#include "io/loop.hpp"
#include "kernel/kernel.hpp"
#include "wasm/engine.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace myelin::kernel {

class Shard;
struct Delivery;

struct Core : std::enable_shared_from_this<Core> {
  Core(KernelConfig the_config, wasm::Engine& the_engine, const std::vector<io::Loop*>& loops);
  ~Core();

  const KernelConfig config;
  const std::string node_text;
  wasm::Engine& engine;
  RemoteRoute* route = nullptr;     // set before the first call
  SendWatch* send_watch = nullptr;  // set before the first spawn
  std::vector<std::unique_ptr<Shard>> shards;

  std::atomic<std::uint64_t> next_ticket{1};
  std::atomic<std::uint64_t> in_flight{0};  // calls and requests from outside without an outcome yet
  std::atomic<std::uint32_t> processes{0};  // that are not ended
  std::atomic<bool> draining{false};
  std::atomic<bool> stopped{false};

  bool own(const identity::PeerId& node) const { return node.empty() || node == config.node; }
  Shard& shard_of(const Pid& pid);
  // REQUIRES: `loop` is a shard's.
  Shard& shard_at(const io::Loop& loop);
  // Runs `work` on the shard's loop, in a later turn.
  void post(Shard& shard, std::move_only_function<void(Shard&)> work);
  // Takes a place for one more process, false if all are taken.
  bool take_place();
  std::uint32_t max_processes() const;
  // Sends it to its process. `from`: the shard that this runs on. A name that nobody has ends it.
  void route_delivery(Shard& from, const std::variant<Pid, std::string>& process, std::unique_ptr<Delivery> delivery);
};

}  // namespace myelin::kernel
