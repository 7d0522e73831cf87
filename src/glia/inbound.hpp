// Calls from peers: a stream becomes a call of the kernel, framed (/myelin/glia/1) or raw (the path as protocol ID).
//
// Input and output are copied at the same time, each under back-pressure: a peer that does not read holds up its own
// call only. A peer that leaves (CANCEL, reset, lost link) is the caller that leaves. A path that names another node is
// refused: nothing is forwarded for third parties. The principal is the peer that the connection authenticated.
//
// Thread: the host's loop. Lifetime: the context's scope has been joined before it is destroyed.
#pragma once

#include "glia/context.hpp"
#include "glia/path_cache.hpp"
#include "glia/sweep.hpp"

#include <memory>
#include <string_view>

namespace myelin::glia {

class Inbound {
 public:
  explicit Inbound(Context& context) : context_(context), sweep_(context.loop) {}

  // Whether a raw stream of that protocol ID is taken: five segments, this node in any spelling, and what
  // Config::offers says.
  bool takes(std::string_view protocol);

  // Each runs to the end of its stream; spawned into the context's scope.
  io::Task<void> serve_framed(std::unique_ptr<libp2p::Stream> stream);
  io::Task<void> serve_raw(std::unique_ptr<libp2p::Stream> stream);
  // Resets the streams of all calls.
  void stop() { sweep_.stop(); }

 private:
  struct Served;

  Result<kernel::CallSpec> spec_of(const identity::PeerId& peer, std::string_view path);
  io::Task<Result<kernel::CallSpec>> read_request(Served* served);
  io::Task<void> take_framed_input(Served* served);
  io::Task<void> take_raw_input(Served* served);
  // Writes the output as it comes; gives back what came together with its end, to go out with the last frame.
  io::Task<Rope> give_output(Served* served);
  static Rope packed(Served* served, Buffer output);
  static Rope answer_of(Served* served);
  // Waits, for a bounded time, until the peer has closed its half too.
  io::Task<void> linger(Served* served);
  io::Task<void> refuse(std::unique_ptr<libp2p::Stream> stream, Error why);
  io::Task<void> write_end(Served* served, Rope output, Result<void> outcome);

  Context& context_;
  PathCache paths_;
  Sweep sweep_;
};

}  // namespace myelin::glia
