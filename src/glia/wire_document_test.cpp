// Holds docs/wire/glia.md against the code: every vector in it, by name, none left over on either side.
#include "base/error.hpp"
#include "base/ids.hpp"
#include "glia/call_session.hpp"
#include "glia/frame.hpp"
#include "glia/message_session.hpp"
#include "glia/wire.hpp"
#include "identity/peer_id.hpp"
#include "kernel/message.hpp"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace myelin::glia {
namespace {

const std::string document_path = std::string(MYELIN_SOURCE_DIR) + "/docs/wire/glia.md";

std::string read_document() {
  std::ifstream in(document_path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Cells of a table's row, without spaces around and backticks.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::stringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    std::erase(cell, '`');
    const auto first = cell.find_first_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
  }
  return cells;
}

// The rows whose first cell matches, by it.
std::map<std::string, std::vector<std::string>> rows(const std::string& pattern) {
  std::map<std::string, std::vector<std::string>> found;
  std::stringstream in(read_document());
  const std::regex name(pattern);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| ")) continue;
    auto cells = cells_of(line);
    if (std::regex_match(cells[0], name)) {
      EXPECT_FALSE(found.contains(cells[0])) << cells[0] << " stands twice";
      found[cells[0]] = std::move(cells);
    }
  }
  EXPECT_FALSE(found.empty()) << pattern;
  return found;
}

Bytes bytes_of(const std::string& text) {
  Bytes bytes;
  std::stringstream in(text);
  for (std::string word; in >> word;) {
    std::size_t times = 1;
    if (const auto star = word.find('*'); star != std::string::npos) {
      times = std::stoul(word.substr(star + 1));
      word.resize(star);
    }
    EXPECT_EQ(word.size() % 2, 0u) << word;
    Bytes part;
    for (std::size_t i = 0; i + 1 < word.size(); i += 2) {
      part.push_back(static_cast<std::uint8_t>(std::stoul(word.substr(i, 2), nullptr, 16)));
    }
    for (; times > 0; --times) bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

// What a reader says to all of `bytes`, fed in pieces of `step`, and then the end.
std::string verdict(const Bytes& bytes, std::size_t step) {
  FrameReader reader(65536);
  std::string said;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    reader.feed(Buffer::copy_of(View(bytes).subspan(at, std::min(step, bytes.size() - at))));
    while (true) {
      auto body = reader.next();
      if (!body) {
        EXPECT_EQ(reader.buffered(), 0u) << "nothing is kept for a frame that was refused";
        switch (body.error()) {
          case FrameFault::too_large:
            return "too large";
          case FrameFault::overflow:
            return "overflow";
          case FrameFault::overlong:
            return "overlong";
          default:
            return "?";
        }
      }
      if (!*body) break;
      said = "body of " + std::to_string((*body)->size()) + " bytes";
    }
  }
  if (auto end = reader.finish(); !end) return std::string(name(end.error()));
  return said.empty() ? "clean end" : said;
}

TEST(GliaDocument, Frames) {
  const auto vectors = rows("frame\\..*");
  EXPECT_EQ(vectors.size(), 19u);
  for (const auto& [vector, cells] : vectors) {
    const Bytes bytes = bytes_of(cells[1]);
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{70000}}) {
      EXPECT_EQ(verdict(bytes, step), cells[2]) << vector << " in steps of " << step;
    }
  }
}

TEST(GliaDocument, Paths) {
  for (const auto& [vector, cells] : rows("path\\..*")) {
    const auto path = kernel::CallPath::parse(cells[1], {});
    EXPECT_EQ(path.has_value(), cells[2] == "yes") << vector;
    if (path) {
      EXPECT_EQ(path->to_string(), cells[1]);
    } else {
      EXPECT_EQ(path.error().code, ErrorCode::bad_request);
    }
  }
}

TEST(GliaDocument, Identities) {
  for (const auto& [vector, cells] : rows("pid\\..*")) {
    const auto pid = Pid::parse(cells[1]);
    ASSERT_TRUE(pid) << vector;
    EXPECT_EQ(to_hex(pid->bytes), to_hex(bytes_of(cells[2]))) << vector;
    EXPECT_EQ(pid->to_string(), cells[1]);
  }
  for (const auto& [vector, cells] : rows("peer\\..*")) {
    const auto peer = identity::PeerId::parse(cells[1]);
    ASSERT_TRUE(peer) << vector;
    EXPECT_EQ(to_hex(peer->bytes()), to_hex(bytes_of(cells[2]))) << vector;
  }
}

TEST(GliaDocument, Errors) {
  const auto vectors = rows("[0-9]+");
  EXPECT_EQ(vectors.size(), last_error_code);
  for (const auto& [number, cells] : vectors) {
    const auto code = error_code(std::stoull(number));
    ASSERT_TRUE(code) << number;
    EXPECT_EQ(myelin::name(*code), cells[1]);
  }
}

TEST(GliaDocument, RawOpening) {
  auto vectors = rows("raw\\..*");
  EXPECT_EQ(vectors.size(), 3u);
  const auto line = [](const std::string& text) {
    Bytes bytes = frame_head(text.size() + 1);
    bytes.insert(bytes.end(), text.begin(), text.end());
    bytes.push_back('\n');
    return to_hex(bytes);
  };
  EXPECT_EQ(to_hex(bytes_of(vectors["raw.multistream"][1])), line("/multistream/1.0.0"));
  EXPECT_EQ(to_hex(bytes_of(vectors["raw.path"][1])), line(rows("path.reference")["path.reference"][1]));
  EXPECT_EQ(to_hex(bytes_of(vectors["raw.na"][1])), line("na"));
}

std::string hex(const Rope& rope) { return to_hex(rope.flatten().view()); }

CallRequest full_request() {
  CallRequest request;
  request.path = rows("path.reference")["path.reference"][1];
  request.deadline_ms = 1500;
  request.correlation = "r-1";
  request.mime = "text/plain";
  request.input_size = 15;
  return request;
}

TEST(GliaDocument, CallFramesAreWritten) {
  auto vectors = rows("call\\..*");
  const auto expected = [&](const char* vector) { return to_hex(bytes_of(vectors.at(vector)[1])); };
  EXPECT_EQ(hex(*encode_request(full_request())), expected("call.request"));
  CallRequest bare;
  bare.path = rows("path.named")["path.named"][1];
  EXPECT_EQ(hex(*encode_request(bare)), expected("call.request-bare"));
  EXPECT_EQ(hex(frame(FrameType::data, Buffer::copy_of("hello"))), expected("call.data"));
  EXPECT_EQ(hex(frame(FrameType::end)), expected("call.end"));
  EXPECT_EQ(hex(frame(FrameType::cancel)), expected("call.cancel"));
  EXPECT_EQ(hex(*encode_answer({"text/html"})), expected("call.answer"));
  EXPECT_EQ(hex(encode_error({ErrorCode::no_such_process, "not here", 0})), expected("call.error"));
  EXPECT_EQ(hex(encode_error({ErrorCode::guest_failed, "", 3})), expected("call.error-exit"));
}

TEST(GliaDocument, CallFramesAreRead) {
  const auto vectors = rows("call\\..*");
  EXPECT_EQ(vectors.size(), 15u);
  for (const auto& [vector, cells] : vectors) {
    FrameReader reader(limits::glia_frame_bytes);
    reader.feed(Buffer::copy_of(View(bytes_of(cells[1]))));
    auto body = reader.next();
    ASSERT_TRUE(body && *body) << vector;
    auto frame = split_frame(std::move(**body));
    const bool bad = cells[2].starts_with("protocol error");
    if (frame && frame->type == FrameType::request) {
      const auto request = decode_request(frame->body.flatten().view());
      EXPECT_EQ(request.has_value(), !bad) << vector;
      if (vector == "call.request") {
        EXPECT_EQ(request->path, full_request().path);
        EXPECT_EQ(request->deadline_ms, 1500u);
        EXPECT_EQ(request->correlation, "r-1");
        EXPECT_EQ(request->mime, "text/plain");
        EXPECT_EQ(request->input_size, 15u);
      } else if (vector == "call.request-bare") {
        EXPECT_FALSE(request->deadline_ms || request->input_size);
      } else {
        EXPECT_EQ(request.error().code, ErrorCode::protocol);
      }
    } else if (frame && frame->type == FrameType::answer) {
      const auto answer = decode_answer(frame->body.flatten().view());
      EXPECT_EQ(answer.has_value(), !bad) << vector;
      if (answer) {
        EXPECT_EQ(answer->mime, "text/html");
      } else {
        EXPECT_EQ(answer.error().code, ErrorCode::protocol);
      }
    } else {
      EXPECT_EQ(frame.has_value(), !bad) << vector;
      if (!frame) EXPECT_EQ(frame.error().code, ErrorCode::protocol) << vector;
    }
    if (frame && frame->type == FrameType::error) {
      const auto error = decode_error(frame->body.flatten().view());
      ASSERT_TRUE(error) << vector;
      if (vector == "call.error") EXPECT_EQ(*error, (Error{ErrorCode::no_such_process, "not here", 0}));
      if (vector == "call.error-exit") EXPECT_EQ(*error, (Error{ErrorCode::guest_failed, "", 3}));
      if (vector == "call.error-new") EXPECT_EQ(*error, (Error{ErrorCode::protocol, "unknown error code 999: ", 0}));
    }
  }
}

kernel::Message message_of(std::uint64_t id) {
  kernel::Message message;
  message.id = id;
  message.source.process = std::string("ping");
  message.target.process = std::string("pong");
  message.method = "hit";
  return message;
}

TEST(GliaDocument, Messages) {
  auto vectors = rows("(message|outcome|room)\\..*");
  EXPECT_EQ(vectors.size(), 7u);
  const auto expected = [&](const char* vector) { return to_hex(bytes_of(vectors.at(vector)[1])); };
  kernel::Message plain = message_of(7);
  plain.body = Buffer::copy_of("{\"n\":1}");
  EXPECT_EQ(hex(*encode_message(1, plain, Instant())), expected("message.plain"));
  kernel::Message loaded = message_of(7);
  loaded.payload.mime = "text/plain";
  loaded.payload.bytes = Rope(Buffer::copy_of("hello"));
  loaded.wants_response = false;
  loaded.deadline = Instant() + std::chrono::milliseconds(300);
  EXPECT_EQ(hex(*encode_message(2, loaded, Instant())), expected("message.payload"));
  kernel::Message response;
  response.body = Buffer::copy_of("{\"n\":2}");
  EXPECT_EQ(hex(encode_outcome(1, std::move(response))), expected("outcome.plain"));
  EXPECT_EQ(hex(encode_outcome(2, fail(ErrorCode::mailbox_full, "full"))), expected("outcome.failure"));
  const Error promise{ErrorCode::mailbox_full, "full", kernel::room_follows};
  EXPECT_EQ(hex(encode_outcome(3, fail(promise))), expected("outcome.promise"));
  EXPECT_EQ(hex(encode_room(3)), expected("room.plain"));
  FrameReader bad(message_frame_bytes);
  bad.feed(Buffer::copy_of(View(bytes_of(vectors.at("room.bad-body")[1]))));
  auto bad_frame = split_frame(std::move(**bad.next()));
  ASSERT_TRUE(bad_frame);
  EXPECT_EQ(decode_room(bad_frame->body.flatten().view()).error().code, ErrorCode::protocol);

  const auto peer = *identity::PeerId::parse(rows("peer.base58")["peer.base58"][1]);
  MessageReceiver receiver(peer);
  receiver.feed(Buffer::copy_of(View(bytes_of(vectors.at("message.plain")[1]))));
  receiver.feed(Buffer::copy_of(View(bytes_of(vectors.at("message.payload")[1]))));
  const Instant now{std::chrono::seconds(5)};
  auto first = receiver.next(now);
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->message.source.node, peer);
  EXPECT_EQ((*first)->message.principal.kind, kernel::Principal::Kind::peer);
  EXPECT_EQ(as_text((*first)->message.body.view()), "{\"n\":1}");
  auto second = receiver.next(now);
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->message.deadline, now + std::chrono::milliseconds(300));
  EXPECT_EQ(as_text(std::get<Rope>((*second)->message.payload.bytes).flatten().view()), "hello");
  EXPECT_FALSE((*second)->message.wants_response);
}

}  // namespace
}  // namespace myelin::glia
