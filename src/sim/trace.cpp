#include "sim/trace.hpp"

#include <array>
#include <cstdio>
#include <string>

namespace myelin::sim {

std::string seconds_text(Duration t) {
  const std::int64_t ns = t.count();
  std::string text = std::to_string(ns / 1'000'000'000);
  if (const std::int64_t rest = ns % 1'000'000'000; rest != 0) {
    std::string digits = std::to_string(rest);
    digits.insert(0, 9 - digits.size(), '0');
    while (digits.back() == '0') digits.pop_back();
    text += '.' + digits;
  }
  return text + 's';
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned char>(c));
      out += escaped.data();
    } else {
      out += c;
    }
  }
  out += '"';
}

void Trace::begin(std::string_view kind) {
  line_ = "{\"kind\":\"";
  line_ += kind;
  line_ += "\",\"step\":" + std::to_string(step_) + ",\"t\":\"" + seconds_text(t_) + '"';
}

void Trace::field(std::string_view key, std::string_view value) {
  line_ += ",\"";
  line_ += key;
  line_ += "\":";
  append_json(line_, value);
}

void Trace::list(std::string_view key, const std::vector<std::string>& values) {
  line_ += ",\"";
  line_ += key;
  line_ += "\":[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) line_ += ',';
    append_json(line_, values[i]);
  }
  line_ += ']';
}

void Trace::end() {
  line_ += '}';
  sink_(line_);
}

void Trace::meta(std::uint64_t seed, const std::vector<std::string>& nodes) {
  if (!on()) return;
  line_ = "{\"kind\":\"meta\",\"format\":\"protoviz/1\",\"seed\":" + std::to_string(seed) + ",\"start\":\"0s\"";
  list("nodes", nodes);
  end();
}

void Trace::node(std::string_view host, std::string_view event, const std::vector<std::string>& protocols) {
  if (!on()) return;
  begin("node");
  field("host", host);
  field("event", event);
  list("protocols", protocols);
  end();
}

void Trace::session(std::string_view event, std::string_view node, std::string_view peer, std::string_view why) {
  if (!on()) return;
  begin("session");
  field("event", event);
  field("node", node);
  field("peer", peer);
  if (!why.empty()) field("reason", why);
  end();
}

void Trace::passage(std::string_view from, std::string_view to, std::string_view wire, Bytes bytes) {
  field("from", from);
  field("to", to);
  field("wire", wire);
  if (bytes) line_ += ",\"bytes\":" + std::to_string(*bytes);
}

void Trace::deliver(std::string_view from, std::string_view to, std::string_view wire, Bytes bytes) {
  if (!on()) return;
  begin("deliver");
  passage(from, to, wire, bytes);
  end();
}

void Trace::drop(std::string_view from, std::string_view to, std::string_view wire, Bytes bytes,
                 std::string_view reason) {
  if (!on()) return;
  begin("drop");
  passage(from, to, wire, bytes);
  field("reason", reason);
  end();
}

void Trace::process(const Passing& passing) {
  if (!on()) return;
  begin("process");
  field("event", passing.event);
  field("node", passing.node);
  field("protocol", passing.protocol);
  field("process", passing.process);
  field("method", passing.method);
  if (passing.error.empty()) {
    line_ += ",\"bytes\":" + std::to_string(passing.bytes);
  } else {
    field("error", passing.error);
  }
  end();
}

void Trace::process_sends(std::string_view node, std::string_view process, std::string_view to, std::string_view method,
                          std::uint64_t bytes) {
  if (!on()) return;
  begin("process");
  field("event", "send");
  field("node", node);
  field("process", process);
  field("to", to);
  field("method", method);
  line_ += ",\"bytes\":" + std::to_string(bytes);
  end();
}

void Trace::fault(std::string_view mutation, const std::vector<std::string>& nodes, std::string_view text) {
  if (!on()) return;
  begin("fault");
  field("mutation", mutation);
  list("nodes", nodes);
  line_ += ",\"params\":{\"text\":";
  append_json(line_, text);
  line_ += '}';
  end();
}

void Trace::dead_letter(std::string_view node, std::string_view peer, std::string_view why) {
  if (!on()) return;
  begin("dead-letter");
  field("node", node);
  field("peer", peer);
  field("detail", why);
  end();
}

}  // namespace myelin::sim
