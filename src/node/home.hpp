// The home of a node: its key, its token and its root PID, read or made.
//
//   key     the libp2p private-key protobuf, base58, one line; mode 0600
//   token   32 random bytes, hexadecimal, one line; mode 0600
//   root    the root PID, base58, one line
//
// The folder has mode 0700. A key or token that others can read is refused: it may be known already. Files are written
// whole or not at all. Thread: the loop. Source: docs/configuration.md.
#pragma once

#include "base/error.hpp"
#include "base/ids.hpp"
#include "identity/keys.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

#include <string>
#include <string_view>

namespace myelin::node {

struct Home {
  identity::KeyPair key;
  std::string token;
  Pid root;
};

// Makes the folder and what is missing in it. Errors: forbidden (others can read a secret), bad_request (a file does
// not hold what it should), io.
io::Task<Result<Home>> open_home(io::Loop& loop, std::string path);

// The text of a key file, without line feed, and back. Errors: bad_request.
std::string write_key(const identity::KeyPair& key);
Result<identity::KeyPair> read_key(std::string_view text);

}  // namespace myelin::node
