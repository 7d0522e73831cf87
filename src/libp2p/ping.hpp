// ping: 32 random bytes there and back, as often as wanted on one stream, `/ipfs/ping/1.0.0` (libp2p specs,
// ping/ping.md).
//
// Thread: the loop's.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"
#include "libp2p/host.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace myelin::libp2p::ping {

inline constexpr std::string_view protocol_id = "/ipfs/ping/1.0.0";
inline constexpr std::size_t payload_bytes = 32;
inline constexpr Duration answer_timeout = std::chrono::seconds(10);
inline constexpr Duration idle_timeout = std::chrono::seconds(60);

// One round trip. Errors: protocol (another answer than the question), timeout, link_lost, cancelled.
io::Task<Result<Duration>> measure(io::Loop* loop, std::unique_ptr<Stream> stream, io::CancelToken token);
// Answers until the peer ends the stream or is silent for idle_timeout.
io::Task<void> serve(io::Loop* loop, std::unique_ptr<Stream> stream, io::CancelToken token);

}  // namespace myelin::libp2p::ping
