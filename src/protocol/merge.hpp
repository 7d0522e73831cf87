// Merge frames: how two of our runtimes come to one connection after crossing dials, without a word that the original
// programs would stumble over.
//
// When both hosts dial at once, two connections stand in one session. A program of ours then writes `crossed` on the
// one that is to go, on a layer of its own. The originals, and those of ours that are older, warn of an unknown layer
// and drop it: both connections stay. Who reads it knows that the peer merges too, sends the rest on the connection
// that stays, and says where the order of what it sends goes on:
//
//   on the one that goes    crossed ... last      nothing but these, and messages before `last`
//   on the one that stays   follows ...           what comes now comes after `last` of the other
//
// The connection stays that the smaller host has dialled. Frames: layer 4d, one byte. Thread: values.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>

namespace myelin::protocol {

enum class Merge : std::uint8_t { crossed = 1, last = 2, follows = 3 };

// A whole frame, with length and layer.
Bytes merge_frame(Merge what);

}  // namespace myelin::protocol
