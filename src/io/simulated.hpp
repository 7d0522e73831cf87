// The simulated world: many loops (shards of many nodes) on one thread, driven by one seeded scheduler in virtual time.
//
// Same seed and same calls: same run, byte for byte. Nothing here reads a clock or real entropy, and no decision
// depends on an address or on the order of an unordered container. Each turn picks the next due callback; ties are
// broken by the seed. The network is a link model between hosts: delay, jitter, loss (a lost TCP segment costs a
// retransmission delay, as the bytes themselves arrive whole or the connection breaks), bandwidth, partition (nothing
// passes; a connection breaks after its retransmissions time out). An idle end whose peer is gone or cut off is told by
// keepalive, after 150 s. A host reaches itself, under its address and as 127.0.0.1 or ::1, in 10 µs and without loss,
// unless a link is set. Over links with jitter or loss a read may give fewer bytes than are there, by the seed.
//
// A turn takes no virtual time. Loops have queues of their own, in the order of the posts; which loop runs next, and
// which of two timers of one instant, is drawn. At the end of the world what still waits is destroyed without running.
//
// Thread: one. Lifetime: the World outlives its hosts, which outlive their loops' users.
#pragma once

#include "io/children.hpp"
#include "io/loop.hpp"
#include "io/network.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace myelin::io {

struct LinkModel {
  Duration delay = std::chrono::milliseconds(1);
  Duration jitter{};  // uniform in [0, jitter], never reordering one stream
  double loss = 0;    // probability per segment of 1460 bytes, 0 to 1
  Duration retransmission = std::chrono::milliseconds(
      200);  // added per lost segment, doubled for repeats, up to 6 times, then the connection breaks
  std::uint64_t bandwidth_bytes_s = 0;  // 0: no limit
};

class SimulatedWorld {
 public:
  static std::unique_ptr<SimulatedWorld> create(std::uint64_t seed);
  virtual ~SimulatedWorld() = default;

  class Host {
   public:
    virtual ~Host() = default;
    // A further loop (shard) of this host; all share its address, files and children.
    virtual Loop& add_loop() = 0;
    virtual IpAddress address() const = 0;
    // All its connections break without a word, its timers and posts never run again.
    virtual void crash() = 0;
  };
  // `address` is no loopback one. REQUIRES: no living host has that name or address. A crashed host may be added again:
  // under its old name it finds its files, and it answers old connections with a reset.
  virtual Host& add_host(std::string name, IpAddress address) = 0;

  virtual void set_link(IpAddress from, IpAddress to, LinkModel model) = 0;  // one direction
  virtual void set_default_link(LinkModel model) = 0;
  virtual void set_partitioned(IpAddress from, IpAddress to, bool partitioned) = 0;  // one direction
  virtual void add_name(std::string host, std::vector<IpAddress> addresses) = 0;
  virtual void add_txt(std::string name, std::vector<std::string> records) = 0;
  // What Children::run(program) does in this world: a pure function, whose end is an event `duration` later.
  using Program = std::function<ChildEnd(const ChildSpec&)>;
  virtual void add_program(std::string program, Duration duration, Program run) = 0;

  virtual Instant now() const = 0;
  // Runs one due callback, advancing the clock to it. False if nothing is left to do.
  virtual bool step() = 0;
  // Runs what is due until `when`; the clock then stands there. Instant::max(): runs until nothing is left, and the
  // clock stands at the last turn.
  virtual void run_until(Instant when) = 0;
  void run_for(Duration duration) { run_until(now() + duration); }
  // Runs until `done()` or until virtual time `limit` has passed; returns done().
  virtual bool run_until(std::function<bool()> done, Duration limit) = 0;

  // Appends a line to the trace; the world itself writes one per connection event and delivery. Hash of all lines so
  // far, for comparing runs.
  virtual void trace(std::string_view line) = 0;
  virtual std::uint64_t trace_hash() const = 0;
  // Keeps the lines themselves as well (off by default).
  virtual void keep_trace(bool keep) = 0;
  virtual const std::vector<std::string>& trace_lines() const = 0;
};

}  // namespace myelin::io
