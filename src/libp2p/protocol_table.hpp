// The protocols that a host takes: by exact name, else by the first predicate that says yes.
//
// Thread: the host's loop. A handler may add or replace handlers.
#pragma once

#include "libp2p/host.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::libp2p {

class ProtocolTable {
 public:
  using Handler = Host::Handler;

  void add(std::string protocol, Handler handler);
  // Replaces the one with the same `advertised`.
  void add_match(std::string advertised, std::function<bool(std::string_view)> matches, Handler handler);

  bool speaks(std::string_view protocol) const { return find(protocol) != nullptr; }
  // Gives the stream to its handler; a stream that has none is reset by being dropped.
  void accept(std::unique_ptr<Stream> stream) const;
  // What identify tells, ordered.
  std::vector<std::string> advertised() const;

 private:
  struct Match {
    std::string advertised;
    std::function<bool(std::string_view)> matches;
    // Shared, so that a handler may replace itself while it runs.
    std::shared_ptr<const Handler> handler;
  };
  const std::shared_ptr<const Handler>* find(std::string_view protocol) const;

  std::map<std::string, std::shared_ptr<const Handler>, std::less<>> exact_;
  std::vector<Match> matches_;
};

}  // namespace myelin::libp2p
