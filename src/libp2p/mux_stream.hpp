// MuxStream: one yamux stream as an io::Stream.
//
// Its core is shared by the holder of the stream and the connection, since either may end first: the connection puts in
// what arrives, the holder takes it out. Small pieces are copied together on arrival, so that a peer cannot make a few
// bytes pin a large segment each; large ones stay slices of what was decrypted.
// Thread: one loop. Lifetime: as io::Stream.
#pragma once

#include "base/error.hpp"
#include "io/rope_builder.hpp"
#include "io/sync.hpp"
#include "libp2p/host.hpp"
#include "libp2p/multistream.hpp"
#include "libp2p/yamux_frame.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace myelin::libp2p {

struct Link;

struct StreamCore {
  StreamCore(io::Loop& loop, std::shared_ptr<Link> l, yamux::StreamId i, bool in)
      : link(std::move(l)), id(i), inbound(in), readable(loop), writable(loop) {}

  std::shared_ptr<Link> link;
  yamux::StreamId id;
  bool inbound;
  bool attached = true;  // known to the connection; false once reset or the connection is closed
  io::RopeBuilder arrived;
  bool ended = false;        // the peer's half
  bool write_ended = false;  // ours
  std::optional<Error> read_error;
  std::optional<Error> write_error;
  bool reading = false;
  bool writing = false;
  io::Event readable;
  io::Event writable;

  void put(Buffer piece);
  void end();
  // Both halves fail, but for what had arrived whole when the peer resets or the connection ends.
  void break_off(const Error& why, bool by_us);
};

class MuxStream : public Stream {
 public:
  explicit MuxStream(std::shared_ptr<StreamCore> core) : core_(std::move(core)) {}
  MuxStream(const MuxStream&) = delete;
  MuxStream& operator=(const MuxStream&) = delete;
  ~MuxStream() override;

  io::Task<Result<Buffer>> read(std::size_t max) override;
  io::Task<Result<void>> write(Rope bytes) override;
  io::Task<Result<void>> close_write() override;
  void reset() override;
  const identity::PeerId& peer() const override;
  std::string_view protocol() const override { return protocol_; }

  // What negotiation leaves: the name, and bytes after it that it had read.
  void negotiated(std::string protocol, Rope unread);
  // `dialer` has proposed `protocol`, which the peer is known to speak, and what it had to say is written. The peer's
  // answer is taken off what is read; a refusal is the error of the first read.
  void proposed(multistream::Dialer dialer, std::string protocol);
  const StreamCore& core() const { return *core_; }

 private:
  Result<void> settle(Buffer answer);

  std::shared_ptr<StreamCore> core_;
  std::optional<multistream::Dialer> dialer_;  // while the peer's answer is to come
  std::string protocol_;
  Rope unread_;
};

}  // namespace myelin::libp2p
