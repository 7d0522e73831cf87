// What a guest's descriptors 0, 1 and 2 are bound to: pipes of a call, ropes of a message, the process's log.
//
// A guest may move its descriptors about and keep them beyond the call they belong to. So they hold a Link, which the
// process cuts when the call ends: reads then give the end, writes EPIPE.
// Thread: the process's shard.
#pragma once

#include "base/bytes.hpp"
#include "io/loop.hpp"
#include "io/pipe.hpp"
#include "io/rope_builder.hpp"
#include "wasm/wasi.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace myelin::kernel {

using DescriptorPtr = std::unique_ptr<wasm::wasi::Descriptor>;

// A reference that can be cut. Shared: by the process that cuts it and the descriptors that follow it.
template <typename T>
using Link = std::shared_ptr<T*>;

// A limit of output, told once through `exceeded` when the guest writes beyond it.
struct OutputLimit {
  std::uint64_t bytes = 0;  // 0: none
  std::function<void()> exceeded;
};

// Reads what the caller writes; ECANCELED when the caller has left.
DescriptorPtr pipe_input(Link<io::PipeReader> reader);
// Writes to the caller; EPIPE when nobody reads.
DescriptorPtr pipe_output(Link<io::PipeWriter> writer, OutputLimit limit);
// Reads the payload (or body) of a message.
DescriptorPtr rope_input(io::Loop& loop, Rope rope);
// Collects the output for the response, in few large segments.
DescriptorPtr rope_output(io::Loop& loop, Link<io::RopeBuilder> builder, OutputLimit limit);
// Takes everything, at once. What `sink` refers to outlives the descriptor.
DescriptorPtr sink_output(io::Loop& loop, std::function<void(View)> sink);

}  // namespace myelin::kernel
