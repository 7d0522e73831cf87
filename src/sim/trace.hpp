// Trace: a run as lines of JSON, in the format `protoviz/1`.
//
// The first line is `{"kind":"meta","format":"protoviz/1","seed":…,"start":"0s","nodes":[…]}`. Each further one has
// `step`, `t` (virtual time, "12.45s"), `kind`, and by its kind: node (`host`, `protocols`, `event`), session (`event`,
// `node`, `peer`), deliver (`from`, `to`, `wire`: the name of the message's type, `bytes`: what its serializer makes of
// it), drop (the same and `reason`), process (`event`: call, answer, message; `node`, `protocol`, `process`, `method`,
// `bytes` or `error`; or event send: `node`, `process`, `to`, `method`, `bytes`), fault (`mutation`, `nodes`,
// `params`), clock, stop. The same at each fidelity. Nothing in a line depends on anything but the run. Thread: one.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::sim {

using TraceSink = std::function<void(std::string_view line)>;

class Trace {
 public:
  void open(TraceSink sink) { sink_ = std::move(sink); }
  bool on() const { return static_cast<bool>(sink_); }
  // Once, before all others.
  void meta(std::uint64_t seed, const std::vector<std::string>& nodes);
  void at(std::uint64_t step, Duration t) { step_ = step, t_ = t; }

  void node(std::string_view host, std::string_view event, const std::vector<std::string>& protocols);
  void session(std::string_view event, std::string_view node, std::string_view peer, std::string_view why = {});
  // `bytes`: nothing where the message has no serializer.
  using Bytes = std::optional<std::uint64_t>;
  void deliver(std::string_view from, std::string_view to, std::string_view wire, Bytes bytes);
  void drop(std::string_view from, std::string_view to, std::string_view wire, Bytes bytes, std::string_view reason);
  // Between a protocol and a process.
  struct Passing {
    std::string_view event, node, protocol, process, method;
    std::uint64_t bytes = 0;
    std::string_view error = {};
  };
  void process(const Passing& passing);
  // A process sends to another, or to a protocol; `to`: the address as it gave it.
  void process_sends(std::string_view node, std::string_view process, std::string_view to, std::string_view method,
                     std::uint64_t bytes);
  void fault(std::string_view mutation, const std::vector<std::string>& nodes, std::string_view text);
  void dead_letter(std::string_view node, std::string_view peer, std::string_view why);

 private:
  void begin(std::string_view kind);
  void field(std::string_view key, std::string_view value);
  void list(std::string_view key, const std::vector<std::string>& values);
  void passage(std::string_view from, std::string_view to, std::string_view wire, Bytes bytes);
  void end();

  TraceSink sink_;
  std::string line_;
  std::uint64_t step_ = 0;
  Duration t_{};
};

// "12.45s": exact, to the nanosecond.
std::string seconds_text(Duration t);
// Appends `text` as a JSON string.
void append_json(std::string& out, std::string_view text);

}  // namespace myelin::sim
