// One loop's Network in the simulated world.
//
// Lifetime: as its loop, which outlives all that uses it; so its member coroutines may refer to it.
#pragma once

#include "io/network.hpp"
#include "io/simulated/fabric.hpp"
#include "io/simulated/names.hpp"

namespace myelin::io::simulated {

class SimulatedNetwork final : public Network {
 public:
  // How long the resolver takes.
  static constexpr Duration resolve_delay = std::chrono::milliseconds(5);

  SimulatedNetwork(Loop& loop, Fabric& fabric, Machine& machine, const Names& names)
      : loop_(loop), fabric_(fabric), machine_(machine), names_(names) {}

  Task<Result<std::unique_ptr<TcpStream>>> dial(SocketAddress to, Duration timeout, CancelToken token) override;
  Result<std::unique_ptr<TcpListener>> listen(SocketAddress at) override;
  Result<std::unique_ptr<TcpStream>> attach(std::unique_ptr<DetachedSocket> socket) override;
  Task<Result<std::vector<IpAddress>>> resolve(std::string host, Duration timeout, CancelToken token) override;
  Task<Result<std::vector<std::string>>> resolve_txt(std::string name, Duration timeout, CancelToken token) override;
  std::vector<IpAddress> interfaces() override;

 private:
  Task<Result<void>> ask_resolver(Duration timeout, CancelToken token);

  Loop& loop_;
  Fabric& fabric_;
  Machine& machine_;
  const Names& names_;
};

}  // namespace myelin::io::simulated
