#include "io/simulated/fabric.hpp"

#include "base/check.hpp"
#include "io/simulated/connection.hpp"

#include <algorithm>
#include <vector>

namespace myelin::io::simulated {

namespace {

constexpr std::uint16_t first_dial_port = 32768;
constexpr std::uint16_t last_dial_port = 49151;
constexpr Duration loopback_delay = std::chrono::microseconds(10);

bool overlap(const IpAddress& a, const IpAddress& b) {
  return a == b || (a.family == b.family && (a.is_unspecified() || b.is_unspecified()));
}

// The connections as they are now: breaking one may change the map.
std::vector<std::shared_ptr<Connection>> snapshot(const std::map<std::uint64_t, Connection*>& connections) {
  std::vector<std::shared_ptr<Connection>> alive;
  for (const auto& [number, connection] : connections) {
    if (auto owned = connection->weak_from_this().lock()) alive.push_back(std::move(owned));
  }
  return alive;
}

}  // namespace

std::shared_ptr<ListenerState> Machine::listener_for(SocketAddress to) const {
  auto found = listeners.find(to);
  if (found == listeners.end()) {
    found =
        listeners.find({to.ip.family == IpAddress::Family::v4 ? IpAddress::any_v4() : IpAddress::any_v6(), to.port});
  }
  return found == listeners.end() ? nullptr : found->second;
}

bool Machine::in_use(SocketAddress at) const {
  return std::ranges::any_of(
      listeners, [&](const auto& entry) { return entry.first.port == at.port && overlap(entry.first.ip, at.ip); });
}

std::uint16_t Machine::take_dial_port() {
  const std::uint16_t port = next_dial_port;
  next_dial_port = port == last_dial_port ? first_dial_port : static_cast<std::uint16_t>(port + 1);
  return port;
}

Fabric::Fabric(std::uint64_t seed, Scheduler& scheduler, Trace& trace)
    : seed_(seed), scheduler_(scheduler), trace_(trace) {
  loopback_model_.delay = loopback_delay;
}

void Fabric::add_machine(Machine& machine) {
  auto& entry = machines_[machine.address];
  MYELIN_CHECK(entry == nullptr || entry->crashed, "two living hosts with one address");
  entry = &machine;
}

Machine* Fabric::machine_at(const IpAddress& ip) const {
  const auto found = machines_.find(ip);
  return found == machines_.end() ? nullptr : found->second;
}

Link& Fabric::link(const IpAddress& from, const IpAddress& to) {
  auto& entry = links_[{from, to}];
  if (!entry) {
    entry = std::make_unique<Link>();
    entry->standard = from == to ? &loopback_model_ : &default_model_;
  }
  return *entry;
}

void Fabric::set_partitioned(const IpAddress& from, const IpAddress& to, bool partitioned) {
  Link& cut = link(from, to);
  if (cut.partitioned == partitioned) return;
  cut.partitioned = partitioned;
  note(from.to_string() + ">" + to.to_string(), partitioned ? "partitioned" : "healed");
  if (!partitioned) return;
  const std::uint64_t partition = ++cut.partitions;
  for (const auto& connection : snapshot(cut.connections)) connection->cut_off(cut);
  scheduler_.at(Scheduler::no_loop, scheduler_.now() + keepalive, [&cut, partition] {
    if (!cut.partitioned || cut.partitions != partition) return;
    for (const auto& connection : snapshot(cut.connections)) connection->fall_silent();
  });
}

void Fabric::crash(Machine& machine) {
  machine.crashed = true;
  note(machine.name, "crashed");
  for (const auto& connection : snapshot(machine.connections)) connection->crash(machine);
  for (const auto& [at, listener] : std::exchange(machine.listeners, {})) listener->die();
}

void Fabric::note(std::string_view subject, std::string_view event) {
  line_ = std::to_string(scheduler_.now().time_since_epoch().count());
  line_ += ' ';
  line_ += subject;
  line_ += ' ';
  line_ += event;
  trace_.add(line_);
}

void Fabric::note(std::uint64_t connection, std::string_view event) { note("#" + std::to_string(connection), event); }

}  // namespace myelin::io::simulated
