// The bytes of the overlays' messages, and the two tables of broadcasts.
#include "protocol/overlays/cyclon.hpp"
#include "protocol/overlays/gossip.hpp"
#include "protocol/overlays/hyparview_messages.hpp"
#include "protocol/overlays/missing_messages.hpp"
#include "protocol/overlays/plumtree_messages.hpp"
#include "protocol/overlays/recent_messages.hpp"
#include "protocol/overlays/scripted_context_test.hpp"

#include <gtest/gtest.h>
#include <set>

namespace myelin::protocol {
namespace {

using std::chrono::milliseconds;

template <Message M>
Bytes bytes_of(const M& message) {
  Bytes bytes;
  Writer out(bytes);
  EXPECT_TRUE(codec_of(serializer_of<M>()).encode(MessageBox::make(M(message)), out));
  return bytes;
}
template <Message M>
M back(const Bytes& bytes) {
  auto box = codec_of(serializer_of<M>()).decode(bytes);
  EXPECT_TRUE(box) << (box ? "" : to_string(box.error()));
  return box ? box->template as<M>() : M{};
}

TEST(OverlayMessages, HaveTheseBytes) {
  EXPECT_EQ(bytes_of(hyparview::JoinMessage{}), Bytes{});
  EXPECT_EQ(bytes_of(hyparview::ForwardJoin{{"ab", 0x0102}, 6}), (Bytes{2, 0, 'a', 'b', 2, 1, 6}));
  EXPECT_EQ(bytes_of(hyparview::Neighbor{true}), Bytes{1});
  EXPECT_EQ(bytes_of(hyparview::Shuffle{{"a", 1}, 5, Shared<std::vector<Host>>::of({{"b", 2}})}),
            (Bytes{1, 0, 'a', 1, 0, 5, 1, 1, 0, 'b', 2, 0}));
  EXPECT_EQ(bytes_of(plumtree::Graft{std::nullopt, 3}), (Bytes{0, 3, 0, 0, 0}));
  EXPECT_EQ(bytes_of(plumtree::Gossip{{1, 2}, 3, Shared<Bytes>::of({9, 8})}),
            (Bytes{1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2, 9, 8}));
}

TEST(OverlayMessages, ComeBack) {
  const auto shuffle =
      back<hyparview::Shuffle>(bytes_of(hyparview::Shuffle{{"a", 1}, 5, Shared<std::vector<Host>>::of(hosts(1, 8))}));
  EXPECT_EQ(shuffle.origin, (Host{"a", 1}));
  ASSERT_TRUE(shuffle.nodes.value);
  EXPECT_EQ(*shuffle.nodes.value, hosts(1, 8));
  const auto ihave = back<plumtree::IHave>(bytes_of(plumtree::IHave{{{1, 2}, 3}, {{{4, 5}, 6}}}));
  EXPECT_EQ(ihave.first.uid, (MessageUid{1, 2}));
  ASSERT_EQ(ihave.more.size(), 1u);
  EXPECT_EQ(ihave.more[0].round, 6u);
  const auto graft = back<plumtree::Graft>(bytes_of(plumtree::Graft{MessageUid{7, 8}, 9}));
  EXPECT_EQ(graft.uid, (MessageUid{7, 8}));
  const auto push = back<gossip::Push>(bytes_of(gossip::Push{{1, 2}, 3, Shared<Bytes>::of({1, 2, 3})}));
  EXPECT_EQ(*push.payload.value, (Bytes{1, 2, 3}));
  const auto request = back<cyclon::ShuffleRequest>(bytes_of(cyclon::ShuffleRequest{{{host(1), 4}}}));
  EXPECT_EQ(request.entries, (std::vector<CyclonEntry>{{host(1), 4}}));
}

TEST(OverlayMessages, CutShortTheyAreErrors) {
  const Bytes whole = bytes_of(hyparview::Shuffle{{"a", 1}, 5, Shared<std::vector<Host>>::of(hosts(1, 8))});
  const Codec codec = codec_of(serializer_of<hyparview::Shuffle>());
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(codec.decode(View(whole).first(size))) << size;
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(codec.decode(longer));
}

TEST(OverlayMessages, HaveWireNamesOfTheirOwn) {
  std::set<WireId> ids;
  for (const MessageType* type :
       {&type_of<hyparview::JoinMessage>(), &type_of<hyparview::ForwardJoin>(), &type_of<hyparview::Neighbor>(),
        &type_of<hyparview::NeighborReply>(), &type_of<hyparview::Disconnect>(), &type_of<hyparview::Shuffle>(),
        &type_of<hyparview::ShuffleReply>(), &type_of<cyclon::ShuffleRequest>(), &type_of<cyclon::ShuffleAnswer>(),
        &type_of<cyclon::JoinRequest>(), &type_of<cyclon::JoinWalk>(), &type_of<cyclon::JoinPlace>(),
        &type_of<plumtree::Gossip>(), &type_of<plumtree::IHave>(), &type_of<plumtree::Graft>(),
        &type_of<plumtree::Prune>(), &type_of<gossip::Push>()})
    EXPECT_TRUE(ids.insert(type->wire).second) << type->name;
}

std::shared_ptr<const Bytes> payload(std::uint8_t byte) { return std::make_shared<const Bytes>(Bytes{byte}); }

TEST(RecentMessages, RemembersIdsLongerThanPayloads) {
  RecentMessages recent(8, 3);
  recent.set_salt(5);
  for (std::uint64_t i = 0; i < 8; ++i) EXPECT_TRUE(recent.add({i, i}, payload(1), 2));
  EXPECT_FALSE(recent.add({3, 3}, payload(1), 2));
  for (std::uint64_t i = 0; i < 8; ++i) {
    ASSERT_NE(recent.find({i, i}), nullptr) << i;
    EXPECT_EQ(recent.find({i, i})->payload != nullptr, i >= 5) << i;
  }
  EXPECT_TRUE(recent.add({8, 8}, payload(1), 2));
  EXPECT_FALSE(recent.contains({0, 0}));
  EXPECT_TRUE(recent.contains({1, 1}));
  EXPECT_EQ(recent.size(), 8u);
}

TEST(RecentMessages, FindsAllOfAManyTimesRenewedHistory) {
  RecentMessages recent(100, 100);
  for (std::uint64_t i = 0; i < 5000; ++i) {
    // Half of them fall on few places of the table.
    const MessageUid uid{i, i % 2 == 0 ? i : 7};
    ASSERT_TRUE(recent.add(uid, payload(1), static_cast<std::uint32_t>(i)));
    for (std::uint64_t back = 0; back < 100 && back <= i; back += 9) {
      const std::uint64_t j = i - back;
      const auto* entry = recent.find({j, j % 2 == 0 ? j : 7});
      ASSERT_NE(entry, nullptr) << i << " " << j;
      EXPECT_EQ(entry->round, j);
    }
    if (i >= 100) {
      const std::uint64_t gone = i - 100;
      EXPECT_FALSE(recent.contains({gone, gone % 2 == 0 ? gone : 7}));
    }
  }
}

TEST(RecentMessages, KeepsNoPayloadWhereNoneIsWanted) {
  RecentMessages recent(4, 0);
  recent.add({1, 1}, payload(1), 0);
  ASSERT_NE(recent.find({1, 1}), nullptr);
  EXPECT_EQ(recent.find({1, 1})->payload, nullptr);
}

bool nobody(const Host&) { return false; }

TEST(MissingMessages, AsksThePreferredFirst) {
  MissingMessages missing(10);
  for (const Host& each : hosts(1, 3)) missing.announce({1, 1}, each, 4, milliseconds(100));
  const auto second = [](const Host& each) { return each == host(2); };
  EXPECT_EQ(missing.take_due(milliseconds(100), milliseconds(100), second)->from.host, host(2));
  EXPECT_EQ(missing.take_due(milliseconds(100), milliseconds(100), second)->from.host, host(1));
  EXPECT_EQ(missing.take_due(milliseconds(100), milliseconds(100), second)->from.host, host(3));
}

TEST(MissingMessages, AsksInTheOrderOfAnnouncements) {
  MissingMessages missing(10);
  missing.announce({1, 1}, host(1), 4, milliseconds(100));
  missing.announce({1, 1}, host(2), 2, milliseconds(900));
  missing.announce({1, 1}, host(2), 2, milliseconds(900));
  EXPECT_EQ(missing.due(), milliseconds(100)) << "the first announcement counts";
  EXPECT_EQ(missing.shortest({1, 1})->host, host(2));
  EXPECT_FALSE(missing.take_due(milliseconds(99), milliseconds(0), nobody));
  auto ask = missing.take_due(milliseconds(100), milliseconds(150), nobody);
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->from.host, host(1));
  EXPECT_EQ(missing.due(), milliseconds(150));
  ask = missing.take_due(milliseconds(150), milliseconds(200), nobody);
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->from.host, host(2));
  EXPECT_FALSE(missing.take_due(milliseconds(200), milliseconds(300), nobody)) << "nobody is left to ask";
  EXPECT_TRUE(missing.empty());
}

TEST(MissingMessages, ForgetsHostsAndWhatCame) {
  MissingMessages missing(10);
  missing.announce({1, 1}, host(1), 4, milliseconds(100));
  missing.announce({1, 1}, host(2), 4, milliseconds(100));
  missing.announce({2, 2}, host(1), 4, milliseconds(100));
  missing.forget(host(1));
  EXPECT_EQ(missing.shortest({1, 1})->host, host(2));
  EXPECT_EQ(missing.shortest({2, 2}), nullptr);
  EXPECT_EQ(missing.take_announcer({1, 1})->host, host(2));
  EXPECT_FALSE(missing.take_announcer({1, 1}));
  missing.erase({1, 1});
  missing.erase({1, 1});
  EXPECT_EQ(missing.size(), 1u);
  EXPECT_FALSE(missing.take_due(milliseconds(500), milliseconds(600), nobody));
  EXPECT_TRUE(missing.empty());
}

TEST(MissingMessages, AreBounded) {
  MissingMessages missing(3);
  for (std::uint64_t i = 0; i < 9; ++i) missing.announce({i, i}, host(1), 1, milliseconds(100 + static_cast<int>(i)));
  EXPECT_EQ(missing.size(), 3u);
  EXPECT_EQ(missing.due(), milliseconds(100)) << "those that are due first stay";
  for (std::uint16_t i = 0; i < 100; ++i) missing.announce({0, 0}, host(i), 1, milliseconds(100));
  std::size_t announcers = 0;
  while (missing.take_announcer({0, 0})) ++announcers;
  EXPECT_EQ(announcers, MissingMessages::max_announcers);
}

}  // namespace
}  // namespace myelin::protocol
