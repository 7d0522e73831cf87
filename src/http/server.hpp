// The HTTP API of a node: calls, processes, health, metrics. docs/openapi.yaml is its contract, held against it by a
// test.
//
// HTTP/1.1 by Beast's parser and serializer over io::Stream, so that it runs in the simulated world too. Full duplex: a
// guest may answer while the request's body still arrives. The status is committed at the first byte of output; what
// fails later stands in the trailer. Thread: connections are spread over the node's shards. Lifetime: stop() has ended
// before it is destroyed; the node outlives it.
#pragma once

#include "base/error.hpp"
#include "io/network.hpp"
#include "node/node.hpp"

#include <memory>

namespace myelin::http {

class Server {
 public:
  // Listens as the node's configuration says. Errors: conflict (in use), forbidden (beyond loopback without
  // insecure_http), bad_request, io.
  static Result<std::unique_ptr<Server>> start(node::Node& node);
  virtual ~Server() = default;
  virtual io::SocketAddress address() const = 0;
  // No new connections; those under way are told to close after their answer; waits at most `limit`.
  virtual io::Task<void> stop(Duration limit) = 0;
};

}  // namespace myelin::http
