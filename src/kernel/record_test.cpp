// The records of the guest ABI, against vectors written by hand from sdk/ABI.md.
#include "kernel/record.hpp"

#include "base/varint.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace myelin::kernel::abi {
namespace {

const Instant now{std::chrono::seconds(100)};

Bytes filled(std::size_t size) { return Bytes(size, 0xee); }

Bytes sent(std::initializer_list<std::string> fields, std::uint8_t flags = 0) {
  Bytes record(send_header_bytes, 0);
  record[4] = version;
  record[5] = flags;
  for (const auto& field : fields) {
    put_varint(record, field.size());
    record.insert(record.end(), field.begin(), field.end());
  }
  for (int i = 0; i < 4; ++i) record[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(record.size() >> (8 * i));
  return record;
}

TEST(Record, IsWrittenAsTheAbiSays) {
  Record record;
  record.event = Event::error;
  record.flags = has_payload;
  record.caller_kind = Principal::Kind::token;
  record.id = 0x0102030405060708;
  record.deadline = now + std::chrono::nanoseconds(0x1122);
  record.payload_size = 5;
  record.error = 8;
  record.detail = 3;
  record.source = "a";
  record.method = "bc";
  record.mime = "m";
  record.context = Buffer::copy_of("ctx");
  record.caller = "token";
  record.correlation = "r";
  record.body = Buffer::copy_of("{}");
  record.reason = "why";
  Bytes bytes = filled(record.size());
  record.write(bytes, now);
  EXPECT_EQ(to_hex(bytes),
            "4b000000"
            "01"
            "04"
            "16"
            "03"
            "0807060504030201"
            "2211000000000000"
            "0500000000000000"
            "08000000"
            "03000000"
            "0000000000000000"
            "0161"
            "026263"
            "016d"
            "03637478"
            "00"
            "05746f6b656e"
            "0172"
            "027b7d"
            "03776879");
}

TEST(Record, ADeadlineThatPassedIsZero) {
  Record record;
  record.deadline = now - std::chrono::seconds(1);
  Bytes bytes = filled(record.size());
  record.write(bytes, now);
  EXPECT_EQ(bytes[6], has_deadline);
  EXPECT_EQ(to_hex(View(bytes).subspan(16, 8)), "0000000000000000");
}

TEST(Info, IsWrittenAsTheAbiSays) {
  Info info;
  info.event = Event::call;
  info.caller_kind = Principal::Kind::peer;
  info.protocol = "ww/0.1.0";
  info.pid = "p";
  info.method = "echo";
  Bytes bytes = filled(info.size());
  info.write(bytes, now);
  EXPECT_EQ(to_hex(bytes),
            "36000000"
            "01020002"
            "0000000000000000"
            "0000000000000000"
            "0000000000000000"
            "0877772f302e312e30"
            "00"
            "0170"
            "00"
            "046563686f"
            "00000000");
}

TEST(Sent, IsRead) {
  auto record = sent({"friend/worker", "echo", "text/plain", "ctx", "meta", "body", "payload"}, send_wants_response);
  record[8] = 0xe8;
  record[9] = 0x03;
  auto read = decode_sent(record);
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->target, "friend/worker");
  EXPECT_EQ(read->method, "echo");
  EXPECT_EQ(read->mime, "text/plain");
  EXPECT_EQ(to_text(read->context), "ctx");
  EXPECT_EQ(to_text(read->metadata), "meta");
  EXPECT_EQ(to_text(read->body), "body");
  EXPECT_EQ(to_text(read->payload), "payload");
  EXPECT_EQ(read->timeout, std::chrono::microseconds(1));
}

TEST(Sent, IsBounded) {
  auto code = [](const Bytes& record) { return decode_sent(record).error().code; };
  EXPECT_EQ(code(sent({"t", "m", "", std::string(side_bytes + 1, 'x'), "", "", ""})), ErrorCode::too_large);
  EXPECT_EQ(code(sent({"t", "m", "", "", std::string(side_bytes + 1, 'x'), "", ""})), ErrorCode::too_large);
  EXPECT_EQ(code(sent({"t", "m", "", "", "", std::string(limits::message_body_bytes + 1, 'x'), ""})),
            ErrorCode::too_large);
  EXPECT_EQ(code(sent({"t", "m", "", "", "", "", std::string(inline_payload_bytes + 1, 'x')})), ErrorCode::too_large);
  EXPECT_EQ(code(sent({std::string(address_bytes + 1, 'x'), "m", "", "", "", "", ""})), ErrorCode::too_large);
  EXPECT_EQ(code(filled(record_bytes + 1)), ErrorCode::too_large);
  EXPECT_TRUE(decode_sent(sent({"t", "m", "", std::string(side_bytes, 'x'), "", "", ""})));
}

TEST(Sent, EveryCutIsRefused) {
  auto record = sent({"target", "method", "", "context", "", "body", "payload"});
  for (std::size_t size = 0; size < record.size(); ++size) {
    Bytes cut(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_sent(cut)) << size;
    if (size < 4) continue;
    for (int i = 0; i < 4; ++i) cut[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(size >> (8 * i));
    EXPECT_FALSE(decode_sent(cut)) << size << " with its own size";
  }
}

TEST(Sent, TwoPayloadsAreOneTooMany) {
  EXPECT_FALSE(decode_sent(sent({"t", "m", "", "", "", "", "p"}, payload_is_draft)));
  EXPECT_FALSE(decode_sent(sent({"t", "m", "", "", "", "", ""}, payload_is_draft | payload_of_message)));
  EXPECT_FALSE(decode_sent(sent({"t", "m", "", "", "", "", ""}, send_wants_response | send_tell_accepted)));
  EXPECT_TRUE(decode_sent(sent({"t", "m", "", "", "", "", ""}, payload_is_draft)));
}

TEST(Sent, TextIsPrintable) {
  EXPECT_FALSE(decode_sent(sent({"a\nb", "m", "", "", "", "", ""})));
  EXPECT_FALSE(decode_sent(sent({"t", "m", "text/\x7f", "", "", "", ""})));
}

TEST(Answer, EmptyIsASuccess) {
  auto answer = decode_answer({});
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->error);
  EXPECT_TRUE(answer->body.empty());
}

TEST(OneLine, EscapesWhatCouldForgeOne) {
  EXPECT_EQ(one_line("plain ä €"), "plain ä €");
  EXPECT_EQ(one_line("a\nb\r\t\x1b[0m"), "a\\x0ab\\x0d\\x09\\x1b[0m");
  EXPECT_EQ(one_line("\xff\xc0\x80"), "\\xff\\xc0\\x80");
  EXPECT_EQ(one_line("\xc2\x9b"), "\\xc2\\x9b") << "a C1 control";
  EXPECT_EQ(one_line("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(one_line("\xe2\x82"), "\\xe2\\x82") << "cut off";
}

// What the fuzzer starts from and has found: decoding ends, and what is accepted keeps its bounds.
TEST(Corpus, Decodes) {
  std::size_t seen = 0, accepted = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MYELIN_SOURCE_DIR "/src/kernel/corpus/record_fuzz")) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    ++seen;
    auto sent_record = decode_sent(as_view(bytes));
    auto answer = decode_answer(as_view(bytes));
    if (sent_record) {
      ++accepted;
      EXPECT_LE(sent_record->context.size(), side_bytes);
    }
    if (answer) ++accepted;
  }
  EXPECT_GT(seen, 8u);
  EXPECT_GT(accepted, 3u);
}

}  // namespace
}  // namespace myelin::kernel::abi
