// Letters and the ways they take: what a letter holds on its way out and home, queues, pools, crossings.
#include "kernel/letter.hpp"

#include "kernel/crossing.hpp"

#include <gtest/gtest.h>
#include <thread>

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
