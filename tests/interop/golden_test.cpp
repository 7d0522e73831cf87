// Conversations with real peers, recorded by interop_record, replayed: what we say must be, byte for byte, what we
// said.
#include "interop/conversation.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace myelin::interop {
namespace {

struct Recording {
  std::string peer;
  struct Turn {
    bool heard;
    Bytes bytes;
  };
  std::vector<Turn> turns;
};

Bytes from_hex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Recording load(const std::string& name) {
  Recording recording;
  std::ifstream file(std::filesystem::path(MYELIN_SOURCE_DIR) / "tests/golden/libp2p" / (name + ".txt"));
  EXPECT_TRUE(file) << name;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("peer ")) recording.peer = line.substr(5);
    if (line.starts_with("> ")) recording.turns.push_back({false, from_hex(line.substr(2))});
    if (line.starts_with("< ")) recording.turns.push_back({true, from_hex(line.substr(2))});
  }
  return recording;
}

// All bytes that were said, and those that the replay says when it hears the recorded ones in chunks of at most `size`.
void replay(const Recording& recording, std::size_t size, Conversation& conversation) {
  Bytes said = conversation.open();
  Bytes wanted;
  for (const auto& [heard, bytes] : recording.turns) {
    if (!heard) wanted.insert(wanted.end(), bytes.begin(), bytes.end());
    for (std::size_t at = 0; heard && at < bytes.size(); at += size) {
      const auto chunk = View(bytes).subspan(at, std::min(size, bytes.size() - at));
      const auto answer = conversation.receive(Bytes(chunk.begin(), chunk.end()));
      ASSERT_TRUE(answer) << to_string(answer.error());
      said.insert(said.end(), answer->begin(), answer->end());
    }
  }
  EXPECT_EQ(to_hex(said), to_hex(wanted));
}

struct Known {
  const char* name;
  const char* agent;
  bool early_muxer;
  bool record;  // rust-libp2p sends its older format, which is no record to others
};

class Golden : public ::testing::TestWithParam<Known> {};

TEST_P(Golden, ReplaysToTheByte) {
  const Recording recording = load(GetParam().name);
  const auto peer = identity::PeerId::parse(recording.peer);
  ASSERT_TRUE(peer);
  Conversation conversation(*peer);
  replay(recording, SIZE_MAX, conversation);
  ASSERT_TRUE(conversation.done());
  EXPECT_EQ(conversation.early_muxer(), GetParam().early_muxer);
  const libp2p::identify::Identity& identity = conversation.identity();
  EXPECT_EQ(identity.agent, GetParam().agent);
  EXPECT_EQ(identity.version, "ipfs/0.1.0");
  EXPECT_NE(std::ranges::find(identity.protocols, "/test/echo/1"), identity.protocols.end());
  ASSERT_EQ(identity.record.has_value(), GetParam().record);
  if (identity.record) EXPECT_EQ(identity.record->peer, *peer);
  EXPECT_FALSE(identity.addresses.empty());
  EXPECT_TRUE(identity.observed);
}

// How the bytes were cut on the wire changes nothing of what is heard.
TEST_P(Golden, HearsTheSameByteByByte) {
  const Recording recording = load(GetParam().name);
  Conversation conversation(*identity::PeerId::parse(recording.peer));
  conversation.open();
  for (const auto& [heard, bytes] : recording.turns) {
    for (std::size_t i = 0; heard && i < bytes.size(); ++i) ASSERT_TRUE(conversation.receive({bytes[i]}));
  }
  ASSERT_TRUE(conversation.done());
  EXPECT_EQ(conversation.identity().agent, GetParam().agent);
}

// Every flipped bit of the secure part is noticed, or the conversation does not come to its end.
TEST_P(Golden, NoFlippedBitPasses) {
  const Recording recording = load(GetParam().name);
  const auto peer = *identity::PeerId::parse(recording.peer);
  std::size_t total = 0;
  for (const auto& turn : recording.turns) total += turn.heard ? turn.bytes.size() : 0;
  const std::size_t step = std::max<std::size_t>(1, total / 200);
  for (std::size_t flipped = 0; flipped < total; flipped += step) {
    Conversation conversation(peer);
    conversation.open();
    std::size_t at = 0;
    for (const auto& [heard, bytes] : recording.turns) {
      if (!heard) continue;
      Bytes chunk = bytes;
      if (flipped >= at && flipped < at + bytes.size()) chunk[flipped - at] ^= 1;
      at += bytes.size();
      if (!conversation.receive(std::move(chunk))) break;
    }
    EXPECT_FALSE(conversation.done()) << "byte " << flipped << " of " << total;
  }
}

INSTANTIATE_TEST_SUITE_P(Peers, Golden,
                         ::testing::Values(Known{"go", "interop-go", true, true}, Known{"js", "interop-js", true, true},
                                           Known{"rust", "interop-rust", false, false}),
                         [](const auto& known) { return std::string(known.param.name); });

}  // namespace
}  // namespace myelin::interop
