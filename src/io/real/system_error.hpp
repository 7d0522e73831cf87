// From errno to our errors. `detail` holds the errno for those that are `io`.
// Thread: any.
#pragma once

#include "base/error.hpp"

#include <string_view>

namespace myelin::io::real {

// "open /x: No such file or directory"; code io, detail the errno.
Error io_error(std::string_view what, int error);
// Of a connection attempt: offline, timeout, limit (out of descriptors or memory) or io.
Error dial_error(std::string_view what, int error);
// Of an established connection: link_lost for what a peer or the net does to it, else io.
Error link_error(std::string_view what, int error);
// Of bind and listen: conflict, forbidden or io.
Error listen_error(std::string_view what, int error);
// Whether the process, the system or its memory has no room for a descriptor or socket.
bool is_exhausted(int error);

}  // namespace myelin::io::real
