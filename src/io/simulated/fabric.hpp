// The network between the simulated hosts: who has which address, the links, and what is written to the trace.
//
// Thread: one. Lifetime: outlives all machines, connections and listeners.
#pragma once

#include "io/network.hpp"
#include "io/simulated.hpp"
#include "io/simulated/link.hpp"
#include "io/simulated/scheduler.hpp"
#include "io/simulated/trace.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace myelin::io::simulated {

struct ListenerState;

// The network side of one host.
struct Machine {
  std::string name;
  IpAddress address;
  bool crashed = false;
  std::map<SocketAddress, std::shared_ptr<ListenerState>> listeners;
  std::map<std::uint64_t, Connection*> connections;  // by number; those with an end here
  std::uint16_t next_dial_port = 32768;
  std::uint16_t next_listen_port = 49152;

  // The listener that takes a connection to `to`, which is an address of this machine.
  std::shared_ptr<ListenerState> listener_for(SocketAddress to) const;
  // Whether a listener at `at` would take connections of one that is here.
  bool in_use(SocketAddress at) const;
  std::uint16_t take_dial_port();
  // Whether `ip` is this machine's own.
  bool owns(const IpAddress& ip) const { return ip == address || ip.is_loopback() || ip.is_unspecified(); }
};

class Fabric {
 public:
  // How long a connection of which nothing is heard any more lives on: 15 s of silence, then 9 probes every 15 s.
  static constexpr Duration keepalive = std::chrono::seconds(150);

  Fabric(std::uint64_t seed, Scheduler& scheduler, Trace& trace);
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  // REQUIRES: no living machine has that address.
  void add_machine(Machine& machine);
  // The machine with that address, crashed or not; the latest, if it was added again.
  Machine* machine_at(const IpAddress& ip) const;

  Link& link(const IpAddress& from, const IpAddress& to);
  void set_default_link(const LinkModel& model) { default_model_ = model; }
  void set_partitioned(const IpAddress& from, const IpAddress& to, bool partitioned);
  // Breaks the machine's connections without a word.
  void crash(Machine& machine);

  std::uint64_t next_connection() { return ++connections_; }
  std::uint64_t seed() const { return seed_; }
  Scheduler& scheduler() { return scheduler_; }
  // Writes `<virtual time in ns> <subject> <event>` to the trace.
  void note(std::string_view subject, std::string_view event);
  // The same for the connection with that number.
  void note(std::uint64_t connection, std::string_view event);

 private:
  std::uint64_t seed_;
  Scheduler& scheduler_;
  Trace& trace_;
  LinkModel default_model_;
  LinkModel loopback_model_;
  std::map<std::pair<IpAddress, IpAddress>, std::unique_ptr<Link>> links_;
  std::map<IpAddress, Machine*> machines_;
  std::uint64_t connections_ = 0;
  std::string line_;  // reused
};

}  // namespace myelin::io::simulated
