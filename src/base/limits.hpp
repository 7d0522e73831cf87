// Every limit of Myelin, in one place, related to each other by static_assert. Configuration may lower or raise those
// that a `…Limits` struct elsewhere repeats; what stands here are the defaults and the hard ends.
//
// Units last: _bytes, _ms, _count, _pages (64 KiB of guest memory).
#pragma once

#include <cstddef>
#include <cstdint>

namespace myelin::limits {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

// Payload bytes buffered between a writer and a reader of one pipe (one direction of one call), all hops of one node
// together.
inline constexpr std::size_t pipe_bytes = 256 * kib;
// Largest piece in which bytes travel through a pipe.
inline constexpr std::size_t chunk_bytes = 64 * kib;

// Mailboxes and messages.
inline constexpr std::size_t mailbox_messages = 1024;
inline constexpr std::size_t mailbox_bytes = 8 * mib;
inline constexpr std::size_t message_body_bytes = 1 * mib;
inline constexpr std::size_t payload_rope_bytes = 16 * mib;
inline constexpr std::size_t open_requests = 1024;
inline constexpr std::size_t method_name_bytes = 128;
inline constexpr std::size_t process_name_bytes = 64;

// Guests.
inline constexpr std::size_t module_bytes = 16 * mib;
inline constexpr std::uint32_t guest_memory_pages = 1024;  // 64 MiB
inline constexpr std::size_t guest_table_elements = 100'000;
inline constexpr std::size_t guest_stack_bytes = 512 * kib;
inline constexpr std::size_t log_line_bytes = 4 * kib;
inline constexpr std::size_t process_log_bytes = 256 * kib;

// Glia frames (docs/wire/glia.md).
inline constexpr std::size_t glia_frame_bytes = 64 * kib + 16;
inline constexpr std::size_t glia_request_bytes = 8 * kib;

// libp2p.
inline constexpr std::size_t multistream_token_bytes = 1024;  // go-multistream refuses longer ones
inline constexpr std::size_t noise_frame_bytes = 65535;
inline constexpr std::size_t yamux_initial_window_bytes = 256 * kib;
inline constexpr std::size_t yamux_max_window_bytes = 16 * mib;
inline constexpr std::size_t identify_message_bytes = 8 * kib;
inline constexpr std::size_t protobuf_key_bytes = 4 * kib;

static_assert(chunk_bytes <= pipe_bytes);
static_assert(chunk_bytes < glia_frame_bytes);
static_assert(message_body_bytes <= mailbox_bytes);
static_assert(yamux_initial_window_bytes <= yamux_max_window_bytes);

}  // namespace myelin::limits
