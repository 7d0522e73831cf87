// Calls to processes of other nodes: framed if the peer speaks /myelin/glia/1, otherwise raw under the path itself.
//
// Ends, each exactly once: what the peer's END or ERROR says; `link_lost` if the stream breaks; `timeout` at the
// deadline, whether the peer answers or not; `cancelled` when the caller leaves (the peer gets CANCEL, or a reset where
// the stream is full or raw); the errors of libp2p::Host::open before that. A raw peer has no errors: `na` becomes
// no_such_process, as it does not say which part of the path it lacks, and a reset becomes link_lost.
//
// Thread: the host's loop. Lifetime: the context's scope has been joined before it is destroyed.
#pragma once

#include "glia/context.hpp"
#include "glia/path_cache.hpp"
#include "glia/sweep.hpp"

#include <string>

namespace myelin::glia {

class Outbound {
 public:
  explicit Outbound(Context& context) : context_(context), sweep_(context.loop) {}
  // Runs one call to its end; spawned into the context's scope.
  io::Task<void> run(kernel::RemoteCall call);
  // Ends all calls with `stopping`.
  void stop() { sweep_.stop(); }

 private:
  struct Placed;

  io::Task<Result<void>> open(Placed* placed);
  Result<Rope> first_frames(Placed* placed, const std::string& path, bool* whole) const;
  io::Task<void> give_framed(Placed* placed);
  io::Task<void> give_raw(Placed* placed);
  io::Task<void> take_framed(Placed* placed);
  io::Task<void> take_raw(Placed* placed);
  io::Task<void> close(Placed* placed);

  Context& context_;
  PathCache paths_;
  Sweep sweep_;
};

}  // namespace myelin::glia
