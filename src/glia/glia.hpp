// Glia: how processes reach each other across nodes.
//
// Serves three libp2p protocols and implements kernel::RemoteRoute over them:
//   /ww/0.1.0/<peer>/<pid>/<method>   raw bytes to EOF, as the reference speaks; what is not there is refused with `na`
//   /myelin/glia/1                    framed calls between Myelin nodes (docs/wire/glia.md)
//   /myelin/message/1                 the kernel's messages
// A call is forwarded only for this node's own clients and processes, never for third parties.
//
// Thread: the host's loop. Lifetime: stop() has ended before it is destroyed; host and kernel outlive it.
#pragma once

#include "kernel/kernel.hpp"
#include "libp2p/host.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace myelin::glia {

struct Config {
  double calls_per_second_per_peer = 1000;  // token bucket, `limit` beyond it; 0: no limit
  std::uint32_t burst_per_peer = 2000;
  std::uint32_t calls_per_peer = 256;  // under way at a time, inbound
  std::size_t pipe_bytes = limits::pipe_bytes;
  // Whether this node has a process that offers the method of `path`: what decides between taking the raw protocol ID
  // and refusing it with `na`. Asked on the host's loop, answers at once. Empty: every path that names this node is
  // taken, and one that leads nowhere is reset.
  std::function<bool(const kernel::CallPath& path)> offers;
};

struct Metrics {
  std::uint64_t calls_in = 0, calls_out = 0, refused_rate = 0, refused_limit = 0, bytes_in = 0, bytes_out = 0,
                protocol_errors = 0;
};

class Glia : public kernel::RemoteRoute {
 public:
  static std::unique_ptr<Glia> create(libp2p::Host& host, kernel::Kernel& kernel, io::Loop& loop, Config config);
  virtual Metrics metrics() const = 0;
  virtual io::Task<void> stop() = 0;
};

}  // namespace myelin::glia
