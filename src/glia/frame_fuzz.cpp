// Frames from any bytes, in pieces of a size that the first byte chooses: the same frames as in one piece, and never
// more memory than came.
#include "base/check.hpp"
#include "glia/frame.hpp"

#include <algorithm>
#include <vector>

namespace {

using namespace myelin;

struct Read {
  std::vector<Bytes> bodies;
  int fault = -1;
  bool operator==(const Read&) const = default;
};

Read read_all(View bytes, std::size_t step) {
  glia::FrameReader reader(4096);
  Read read;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const View piece = bytes.subspan(at, std::min(step, bytes.size() - at));
    reader.feed(Buffer::copy_of(piece));
    while (true) {
      auto body = reader.next();
      if (!body) {
        read.fault = static_cast<int>(body.error());
        return read;
      }
      if (!*body) break;
      MYELIN_CHECK((*body)->size() <= 4096, "a body keeps the limit");
      const Buffer flat = (*body)->flatten();
      read.bodies.emplace_back(flat.view().begin(), flat.view().end());
    }
    MYELIN_CHECK(reader.buffered() <= at + piece.size(), "no more is kept than came");
  }
  if (auto end = reader.finish(); !end) read.fault = static_cast<int>(end.error());
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const View bytes(data + 1, size - 1);
  MYELIN_CHECK(read_all(bytes, 1u + data[0]) == read_all(bytes, size), "pieces make no difference");
  return 0;
}
