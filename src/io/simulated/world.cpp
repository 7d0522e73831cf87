#include "io/simulated/world.hpp"

#include "base/check.hpp"
#include "io/simulated/connection.hpp"

#include <algorithm>
#include <utility>

namespace myelin::io {

namespace simulated {

SimulatedHost::SimulatedHost(World& world, std::string name, IpAddress address, Disk& disk)
    : world_(world), disk_(disk) {
  machine_.name = std::move(name);
  machine_.address = address;
  world_.fabric_.add_machine(machine_);
}

Loop& SimulatedHost::add_loop() {
  loops_.push_back(std::make_unique<SimulatedLoop>(++world_.loops_, world_.fabric_, machine_, disk_, world_.names_,
                                                   world_.programs_));
  return *loops_.back();
}

void SimulatedHost::crash() {
  if (machine_.crashed) return;
  world_.fabric_.crash(machine_);
  for (const auto& loop : loops_) loop->stop();
}

World::World(std::uint64_t seed)
    : scheduler_(derive_seed(seed, Purpose::schedule, 0)), fabric_(seed, scheduler_, trace_) {}

World::~World() {
  // Whatever still waits is dropped while all that it may refer to is here.
  scheduler_.stop_all();
  for (const auto& host : hosts_) {
    for (const auto& [at, listener] : host->machine().listeners) listener->die();
  }
}

SimulatedWorld::Host& World::add_host(std::string name, IpAddress address) {
  MYELIN_CHECK(!address.is_loopback() && !address.is_unspecified(), "a host needs an address of its own");
  const bool taken = std::ranges::any_of(
      hosts_, [&](const auto& host) { return !host->machine().crashed && host->machine().name == name; });
  MYELIN_CHECK(!taken, "two living hosts with one name");
  auto& disk = disks_[name];
  if (!disk) disk = std::make_unique<Disk>();
  hosts_.push_back(std::make_unique<SimulatedHost>(*this, std::move(name), address, *disk));
  return *hosts_.back();
}

void World::set_link(IpAddress from, IpAddress to, LinkModel model) { fabric_.link(from, to).own = model; }

void World::set_partitioned(IpAddress from, IpAddress to, bool partitioned) {
  fabric_.set_partitioned(from, to, partitioned);
}

void World::add_name(std::string host, std::vector<IpAddress> addresses) {
  names_.add_addresses(host, std::move(addresses));
}

void World::add_txt(std::string name, std::vector<std::string> records) { names_.add_txt(name, std::move(records)); }

void World::add_program(std::string program, Duration duration, Program run) {
  programs_.insert_or_assign(std::move(program), simulated::Program{duration, std::move(run)});
}

void World::run_until(Instant when) {
  while (scheduler_.step(when)) {
  }
  // Time without an end is "until nothing is left": the clock stays where the last turn put it.
  if (when != Instant::max()) scheduler_.advance(when);
}

bool World::run_until(std::function<bool()> done, Duration limit) {
  const Instant end = limit > Instant::max() - now() ? Instant::max() : now() + limit;
  while (!done()) {
    if (scheduler_.step(end)) continue;
    if (end != Instant::max()) scheduler_.advance(end);
    return done();
  }
  return true;
}

}  // namespace simulated

std::unique_ptr<SimulatedWorld> SimulatedWorld::create(std::uint64_t seed) {
  return std::make_unique<simulated::World>(seed);
}

}  // namespace myelin::io
