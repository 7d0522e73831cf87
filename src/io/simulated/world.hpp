// SimulatedWorld put together: scheduler, network, names, programs, hosts.
#pragma once

#include "io/simulated.hpp"
#include "io/simulated/disk.hpp"
#include "io/simulated/fabric.hpp"
#include "io/simulated/loop.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace myelin::io::simulated {

class World;

class SimulatedHost final : public SimulatedWorld::Host {
 public:
  SimulatedHost(World& world, std::string name, IpAddress address, Disk& disk);

  Loop& add_loop() override;
  IpAddress address() const override { return machine_.address; }
  void crash() override;

  Machine& machine() { return machine_; }

 private:
  World& world_;
  Disk& disk_;
  Machine machine_;
  std::vector<std::unique_ptr<SimulatedLoop>> loops_;
};

class World final : public SimulatedWorld {
 public:
  explicit World(std::uint64_t seed);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() override;

  Host& add_host(std::string name, IpAddress address) override;
  void set_link(IpAddress from, IpAddress to, LinkModel model) override;
  void set_default_link(LinkModel model) override { fabric_.set_default_link(model); }
  void set_partitioned(IpAddress from, IpAddress to, bool partitioned) override;
  void add_name(std::string host, std::vector<IpAddress> addresses) override;
  void add_txt(std::string name, std::vector<std::string> records) override;
  void add_program(std::string program, Duration duration, Program run) override;
  Instant now() const override { return scheduler_.now(); }
  bool step() override { return scheduler_.step(Instant::max()); }
  void run_until(Instant when) override;
  bool run_until(std::function<bool()> done, Duration limit) override;
  void trace(std::string_view line) override { trace_.add(line); }
  std::uint64_t trace_hash() const override { return trace_.hash(); }
  void keep_trace(bool keep) override { trace_.keep(keep); }
  const std::vector<std::string>& trace_lines() const override { return trace_.lines(); }

 private:
  friend class SimulatedHost;

  Scheduler scheduler_;
  Trace trace_;
  Fabric fabric_;
  Names names_;
  Programs programs_;
  std::map<std::string, std::unique_ptr<Disk>> disks_;  // by host name: a host started again finds its files
  std::vector<std::unique_ptr<SimulatedHost>> hosts_;
  std::uint64_t loops_ = 0;
};

}  // namespace myelin::io::simulated
