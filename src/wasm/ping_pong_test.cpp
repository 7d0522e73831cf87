// The ping-pong example: two real guests, and between them the least that the guest ABI asks of a node.
#include "base/varint.hpp"
#include "wasm/guest_testing.hpp"

#include <deque>

namespace myelin::wasm::testing {
namespace {

using State = Run::State;

enum : std::uint8_t { event_request = 1, event_call = 2, event_response = 3, event_error = 4 };

std::uint64_t load(View bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= static_cast<std::uint64_t>(bytes[at + i]) << (8 * i);
  return value;
}

void store(Bytes& bytes, std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// The fields of a record after its header.
std::vector<std::string> fields(View record, std::size_t header) {
  std::vector<std::string> found;
  for (std::size_t at = header; at < record.size();) {
    const Varint size = get_varint_strict(record.subspan(at));
    if (size.state != Varint::State::ok || size.value > record.size() - at - size.size) {
      ADD_FAILURE() << "a field does not fit";
      return found;
    }
    found.push_back(to_text(record.subspan(at + size.size, size.value)));
    at += size.size + size.value;
  }
  return found;
}

struct Received {
  std::uint8_t event;
  std::int64_t id;
  std::uint32_t error = 0;
  std::string source, method, context, body, reason;
  std::string payload;  // of a call: read with payload_read

  Bytes record() const {
    Bytes bytes(48);
    bytes[4] = 1;
    bytes[5] = event;
    bytes[6] = event == event_call ? 1 | 2 | 8 : event == event_request ? 1 : 0;
    store(bytes, 8, static_cast<std::uint64_t>(id), 8);
    store(bytes, 32, error, 4);
    for (const std::string& field : {source, method, std::string(), context, std::string(), std::string("process x"),
                                     std::string(), body, reason}) {
      put_varint(bytes, field.size());
      bytes.insert(bytes.end(), field.begin(), field.end());
    }
    store(bytes, 0, bytes.size(), 4);
    return bytes;
  }
};

struct Answer {
  std::uint64_t error;
  std::string reason, body;
};

// One of the two: its mailbox, what it asked and what it owes.
class Player final : public ProcessCalls {
 public:
  Player(std::string name, std::map<std::string, Player*>& players) : name_(std::move(name)), players_(players) {
    players_[name_] = this;
  }

  std::optional<std::int32_t> receive(Memory memory, std::uint32_t buffer, std::uint32_t capacity) override {
    if (inbox_.empty()) return std::nullopt;
    const Bytes record = inbox_.front().record();
    const auto size = static_cast<std::uint32_t>(record.size());
    if (size > capacity) return static_cast<std::int32_t>(size);
    std::ranges::copy(record, memory.range(buffer, size)->begin());
    current_ = inbox_.front();
    inbox_.pop_front();
    return static_cast<std::int32_t>(size);
  }

  std::int64_t send(Memory memory, std::uint32_t at, std::uint32_t size) override {
    const View record = *memory.range(at, size);
    EXPECT_EQ(load(record, 0, 4), size);
    EXPECT_EQ(record[5], 1) << "it wants a response";
    const auto content = fields(record, 32);  // target, method, mime, context, metadata, body, payload
    const std::int64_t id = ++last_id_;
    const auto target = players_.find(content[0]);
    if (target == players_.end()) {
      inbox_.push_back({event_error, id, 4, content[0], content[1], content[3], content[5], "no such process", ""});
      return id;
    }
    ++sent;
    Player& other = *target->second;
    const std::int64_t theirs = ++other.last_id_;
    other.debts_[theirs] = {this, id, content[3]};
    other.inbox_.push_back({event_request, theirs, 0, name_, content[1], "", content[5], "", ""});
    return id;
  }

  std::int32_t respond(Memory memory, std::int64_t id, std::uint32_t at, std::uint32_t size) override {
    const View record = *memory.range(at, size);
    const auto content = fields(record, 24);  // reason, mime, metadata, body, payload
    const std::uint64_t error = load(record, 6, 2);
    const auto debt = debts_.find(id);
    if (debt == debts_.end()) return -1;
    if (Player* to = debt->second.to) {
      to->inbox_.push_back({error == 0 ? event_response : event_error, debt->second.id,
                            static_cast<std::uint32_t>(error), name_, "", debt->second.context, content[3], content[0],
                            ""});
    } else {
      answers.push_back({error, content[0], content[3]});
    }
    debts_.erase(debt);
    return 0;
  }

  std::int32_t payload_read(Memory memory, std::int64_t id, std::int64_t offset, std::uint32_t buffer,
                            std::uint32_t capacity) override {
    EXPECT_EQ(id, current_.id);
    const std::string rest = current_.payload.substr(static_cast<std::size_t>(offset), capacity);
    std::ranges::copy(rest, memory.range(buffer, static_cast<std::uint32_t>(rest.size()))->begin());
    return static_cast<std::int32_t>(rest.size());
  }

  // A call from outside; its answer goes to `answers`.
  void call(std::string method, std::string payload) {
    const std::int64_t id = ++last_id_;
    debts_[id] = {nullptr, 0, ""};
    inbox_.push_back({event_call, id, 0, "", std::move(method), "", "", "", std::move(payload)});
  }
  void message(Received message) { inbox_.push_back(std::move(message)); }
  bool has_mail() const { return !inbox_.empty(); }

  std::vector<Answer> answers;
  int sent = 0;

 private:
  struct Debt {
    Player* to;  // null: a call from outside
    std::int64_t id;
    std::string context;
  };
  std::string name_;
  std::map<std::string, Player*>& players_;
  std::deque<Received> inbox_;
  std::map<std::int64_t, Debt> debts_;
  std::int64_t last_id_ = 0;
  Received current_{};
};

class PingPong : public ::testing::Test {
 protected:
  PingPong() {
    ping_guest.begin("run");
    pong_guest.begin("run");
  }
  // Lets both run until neither has mail.
  void play() {
    for (int turns = 0; turns < 10'000; ++turns) {
      ASSERT_EQ(ping_guest.settle().state, State::waiting);
      ASSERT_EQ(pong_guest.settle().state, State::waiting);
      if (!ping.has_mail() && !pong.has_mail()) return;
    }
    FAIL() << "they play for ever";
  }

  std::map<std::string, Player*> players;
  Player ping{"ping", players};
  Player pong{"pong", players};
  Guest ping_guest{"ping-pong", {.arguments = {"ping-pong"}, .environment = {{"PARTNER", "pong"}}}, &ping};
  Guest pong_guest{"ping-pong", {.arguments = {"ping-pong"}}, &pong};
};

TEST_F(PingPong, TheBallGoesToAndFro) {
  ping.call("play", "7\n");
  play();
  ASSERT_EQ(ping.answers.size(), 1u);
  EXPECT_EQ(ping.answers[0].error, 0u);
  EXPECT_EQ(ping.answers[0].body.substr(0, 10), "7 hits in ");
  EXPECT_EQ(ping.sent, 4);
  EXPECT_EQ(pong.sent, 3);
}

TEST_F(PingPong, TenHitsUnlessTold) {
  ping.call("play", "");
  play();
  ASSERT_EQ(ping.answers.size(), 1u);
  EXPECT_EQ(ping.answers[0].body.substr(0, 11), "10 hits in ");
}

TEST_F(PingPong, ManyGamesAtOnce) {
  for (int i = 1; i <= 20; ++i) ping.call("play", std::to_string(i));
  play();
  ASSERT_EQ(ping.answers.size(), 20u);
  int hits = 0;
  for (const Answer& answer : ping.answers) hits += std::stoi(answer.body);
  EXPECT_EQ(hits, 210);
}

TEST_F(PingPong, MistakesAreAnsweredAsErrors) {
  ping.call("play", "0");
  ping.call("play", "501");
  ping.call("dance", "");
  pong.call("play", "3");
  play();
  ASSERT_EQ(ping.answers.size(), 3u);
  EXPECT_EQ(ping.answers[0].error, 1u);
  EXPECT_EQ(ping.answers[1].error, 1u);
  EXPECT_EQ(ping.answers[2].error, 5u);
  ASSERT_EQ(pong.answers.size(), 1u);
  EXPECT_EQ(pong.answers[0].error, 18u);
  EXPECT_NE(pong.answers[0].reason.find("PARTNER"), std::string::npos);
}

TEST_F(PingPong, ALostBallIsTold) {
  players.erase("pong");
  ping.call("play", "3");
  play();
  ASSERT_EQ(ping.answers.size(), 1u);
  EXPECT_EQ(ping.answers[0].error, 11u);
  EXPECT_EQ(ping.answers[0].reason, "the ball was lost (error 4): no such process");
}

TEST_F(PingPong, ALargeMessageGetsALargerBuffer) {
  ping.message({event_request, 999, 0, "pong", "ball", "", std::string(100'000, '0'), "", ""});
  ping.call("play", "1");
  play();
  ASSERT_EQ(ping.answers.size(), 1u);
  EXPECT_EQ(ping.answers[0].body.substr(0, 9), "1 hits in");
}

}  // namespace
}  // namespace myelin::wasm::testing
