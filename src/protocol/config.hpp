// The configuration file of a program of native protocols, as the README of the Simple Protocol Runtime has it:
//
//   logging:
//     level: debug                # debug, info, warn, error
//     components: ["protocol"]    # runtime, session, transport, protocol; all if left out
//     format: text                # text or json
//   runtime:
//     self: {ip: 127.0.0.1, port: 5001}
//     peer: {ip: 127.0.0.1, port: 5002}
//     wire: w0                    # w0 or w3: what a dialler speaks first
//     mailboxCapacity: 1024       # events of one protocol that wait (channelBuffer is its older name)
//     queueBytes: 4194304         # what waits for one peer that does not read
//
// Unlike there, an unknown key, a value of the wrong type and a value out of range are errors that name the place.
// Thread: values.
#pragma once

#include "base/error.hpp"
#include "myelin/protocol/host.hpp"
#include "myelin/protocol/runtime.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace myelin::protocol {

struct FileConfig {
  LogOptions log;
  std::optional<std::string> self_ip, peer_ip;
  std::optional<std::uint16_t> self_port, peer_port;
  Wire wire = Wire::w0;
  std::size_t mailbox_capacity = 1024;
  std::size_t queue_bytes = 4 << 20;
};

// `origin` names the text in errors ("node.yaml:3:5: unknown key 'levl' in logging …"). Errors: bad_request.
Result<FileConfig> parse_config(std::string_view text, std::string_view origin);
// Errors: io (there is no such file, it cannot be read), as parse_config.
Result<FileConfig> load_config(const std::string& path);

}  // namespace myelin::protocol
