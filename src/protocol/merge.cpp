#include "protocol/merge.hpp"

#include "protocol/frame.hpp"

namespace myelin::protocol {

Bytes merge_frame(Merge what) {
  Bytes frame(frame_head_bytes);
  put_frame_length(frame.data(), 2);
  frame.push_back(static_cast<std::uint8_t>(Layer::merge));
  frame.push_back(static_cast<std::uint8_t>(what));
  return frame;
}

}  // namespace myelin::protocol
