// Letters and the ways they take: what a letter holds on its way out and home, queues, pools, crossings.
#include "kernel/letter.hpp"

#include "kernel/crossing.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace myelin::kernel {
namespace {

// A sent record with these fields, as a guest writes it; its header is the caller's business.
Bytes fields_of(const std::vector<std::string>& fields) {
  Bytes bytes;
  for (const auto& field : fields) {
    EXPECT_LT(field.size(), 128u);
    bytes.push_back(static_cast<std::uint8_t>(field.size()));
    bytes.insert(bytes.end(), field.begin(), field.end());
  }
  return bytes;
}

Bytes sent_record(const std::vector<std::string>& fields, std::uint8_t flags) {
  Bytes record(abi::send_header_bytes, 0);
  const Bytes rest = fields_of(fields);
  record.insert(record.end(), rest.begin(), rest.end());
  record[0] = static_cast<std::uint8_t>(record.size());
  record[4] = abi::version;
  record[5] = flags;
  return record;
}

LetterPtr letter(LetterPool& pool, std::uint8_t flags = abi::send_wants_response, std::string body = "body") {
  const Bytes record = sent_record({"target", "method", "mime", "context", "metadata", std::move(body), ""}, flags);
  auto sent = abi::decode_sent(record);
  EXPECT_TRUE(sent);
  return Letter::make({pool, *sent, nullptr, "process abc"});
}

std::vector<std::string> texts(const abi::RecordView& record) {
  std::vector<std::string> all;
  for (View field : record.fields) all.push_back(to_text(field));
  return all;
}

TEST(Letter, BecomesTheRecordsOfBothEnds) {
  LetterPool pool;
  auto one = letter(pool);
  one->id = 5;
  one->sent_id = 9;
  auto request = one->request_record();
  EXPECT_EQ(request.event, abi::Event::request);
  EXPECT_EQ(request.id, 5u);
  EXPECT_EQ(request.flags, abi::wants_response);
  EXPECT_EQ(request.caller_kind, Principal::Kind::process);
  EXPECT_EQ(texts(request),
            (std::vector<std::string>{"abc", "method", "mime", "", "metadata", "process abc", "", "body", ""}));
  one->answer("def", "type", as_view("more"), as_view("answer"), std::make_unique<Rope>(Buffer::copy_of("rope")));
  auto response = one->outcome_record();
  EXPECT_EQ(response.event, abi::Event::response);
  EXPECT_EQ(response.id, 9u);
  EXPECT_EQ(response.payload_size, 4u);
  EXPECT_EQ(texts(response), (std::vector<std::string>{"def", "", "type", "context", "more", "", "", "answer", ""}));
  EXPECT_EQ(one->answer_size(), 4u + 4u + 6u + 4u);
}

TEST(Letter, GivesBackWhatWasSentWhenItFails) {
  LetterPool pool;
  auto one = letter(pool, 0);
  one->fail(Error{ErrorCode::mailbox_full, "two\nlines"});
  one->room_follows = true;
  auto record = one->outcome_record();
  EXPECT_EQ(record.event, abi::Event::error);
  EXPECT_EQ(record.error, static_cast<std::uint32_t>(ErrorCode::mailbox_full));
  EXPECT_EQ(record.flags, abi::room_follows);
  EXPECT_EQ(texts(record), (std::vector<std::string>{"target", "method", "mime", "context", "metadata", "", "", "body",
                                                     "two\\x0alines"}));
}

TEST(Letter, LargeAnswersFindRoom) {
  LetterPool pool;
  for (std::size_t size : {std::size_t{10}, LetterPool::usual_bytes, std::size_t{100'000}}) {
    auto one = letter(pool);
    const std::string large(size, 'a');
    one->answer("def", "", {}, as_view(large), nullptr);
    EXPECT_EQ(texts(one->outcome_record())[7], large);
    EXPECT_EQ(texts(one->outcome_record())[3], "context") << "what was sent stays";
  }
}

TEST(Letter, AReceiptKnowsTheContext) {
  LetterPool pool;
  auto one = letter(pool, abi::send_tell_accepted);
  one->sent_id = 4;
  one->kept = 77;
  auto receipt = Letter::receipt_of(*one, pool, "def");
  one.reset();
  auto record = receipt->outcome_record();
  EXPECT_EQ(record.id, 4u);
  EXPECT_EQ(receipt->kept, 77u);
  EXPECT_EQ(texts(record), (std::vector<std::string>{"def", "", "", "context", "", "", "", "", ""}));
}

TEST(LetterPool, BlocksThatEndedElsewhereComeBackInBatches) {
  LetterPool sends;
  LetterPool receives;
  std::vector<LetterPtr> crossed;
  for (std::size_t i = 0; i < 2 * LetterPool::batch_blocks - 1; ++i) {
    crossed.push_back(letter(sends));
    crossed.back()->pool = &receives;
  }
  crossed.clear();
  // The second batch is not full.
  EXPECT_EQ(sends.kept(), reuses_blocks ? LetterPool::batch_blocks : 0);
  EXPECT_EQ(receives.kept(), 0u) << "they are not its own";
  auto one = letter(sends);
  EXPECT_EQ(sends.kept(), reuses_blocks ? LetterPool::batch_blocks - 1 : 0);
  one->pool = &receives;
  one.reset();
  EXPECT_EQ(sends.kept(), reuses_blocks ? 2 * LetterPool::batch_blocks - 1 : 0);
}

TEST(LetterPool, WhatComesBackIsBoundedAndNothingGoesToAClosedPool) {
  LetterPool sends;
  LetterPool receives;
  std::vector<LetterPtr> crossed;
  for (std::size_t i = 0; i < LetterPool::most_kept + 3 * LetterPool::batch_blocks; ++i) {
    crossed.push_back(letter(sends));
    crossed.back()->pool = &receives;
  }
  LetterPtr late = std::move(crossed.back());
  crossed.clear();
  EXPECT_EQ(sends.kept(), reuses_blocks ? LetterPool::most_kept : 0);
  sends.close();
  receives.close();
  EXPECT_EQ(sends.kept(), 0u);
  late.reset();
  EXPECT_EQ(sends.kept(), 0u);
}

TEST(LetterPool, OneThreadSendsAndAnotherReceives) {
  LetterPool sends;
  LetterPool receives;
  constexpr std::size_t rounds = 200, each = 100;
  Crossing crossing;
  std::atomic<std::size_t> ended{0};
  std::jthread receiver([&] {
    while (ended < rounds * each) {
      ParcelQueue arrived = crossing.take();
      while (!arrived.empty()) {
        auto one = as<Letter>(arrived.pop_front());
        one->pool = &receives;
        EXPECT_EQ(one->text(one->body), "body");
        one.reset();
        ++ended;
      }
    }
  });
  for (std::size_t round = 1; round <= rounds; ++round) {
    for (std::size_t i = 0; i < each; ++i) crossing.add(letter(sends));
    crossing.publish();
    while (ended < round * each) std::this_thread::yield();
  }
  receiver.join();
  EXPECT_LE(sends.kept(), 4 * each) << "the same blocks were used again and again";
}

TEST(ParcelQueue, IsFirstInFirstOutAndGivesUpOne) {
  LetterPool pool;
  ParcelQueue queue;
  for (std::uint64_t ticket = 1; ticket <= 5; ++ticket) {
    auto one = letter(pool);
    one->ticket = ticket;
    queue.push_back(std::move(one));
  }
  EXPECT_EQ(queue.take(9), nullptr);
  EXPECT_EQ(queue.take(5)->ticket, 5u);
  EXPECT_EQ(queue.take(1)->ticket, 1u);
  EXPECT_EQ(queue.take(3)->ticket, 3u);
  ParcelQueue moved = std::move(queue);
  EXPECT_TRUE(queue.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  auto last = letter(pool);
  last->ticket = 6;
  moved.push_back(std::move(last));
  for (std::uint64_t ticket : {2u, 4u, 6u}) EXPECT_EQ(moved.pop_front()->ticket, ticket);
  EXPECT_TRUE(moved.empty());
}

TEST(Crossing, KeepsTheOrderBetweenThreads) {
  constexpr std::uint64_t count = 100'000;
  LetterPool pool;
  Crossing crossing;
  std::jthread sender([&crossing] {
    for (std::uint64_t i = 0; i < count; ++i) {
      auto receipt = std::make_unique<Receipt>();
      receipt->epoch = i;
      crossing.add(std::move(receipt));
      if (i % 7 == 0) crossing.publish();
    }
    crossing.publish();
  });
  std::uint64_t expected = 0;
  while (expected < count) {
    ParcelQueue taken = crossing.take();
    while (!taken.empty()) {
      ASSERT_EQ(static_cast<const Receipt&>(*taken.front()).epoch, expected++);
      taken.pop_front();
    }
  }
}

TEST(Crossing, TellsWhenTheReceiverMustLook) {
  Crossing crossing;
  EXPECT_FALSE(crossing.publish()) << "nothing was added";
  crossing.add(std::make_unique<Receipt>());
  EXPECT_NE(crossing.latest(), nullptr);
  EXPECT_FALSE(crossing.any()) << "not published yet";
  EXPECT_TRUE(crossing.publish());
  EXPECT_TRUE(crossing.any());
  crossing.add(std::make_unique<Receipt>());
  EXPECT_FALSE(crossing.publish()) << "the receiver has been told and has not looked yet";
  ParcelQueue both = crossing.take();
  both.pop_front();
  both.pop_front();
  EXPECT_TRUE(both.empty());
  crossing.add(std::make_unique<Receipt>());
  EXPECT_TRUE(crossing.publish());
}

}  // namespace
}  // namespace myelin::kernel
