// What a simulated world is like: its seed, how true to machines it is, and its network.
//
// Thread: values.
#pragma once

#include "myelin/protocol/protocol.hpp"
#include "myelin/protocol/runtime.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::simulation {

using protocol::Duration;
using protocol::Host;

// Nodes are numbered from 0 in the order in which they were added; a restarted node keeps its number.
using NodeIndex = std::uint32_t;

enum class Fidelity : std::uint8_t {
  overlay,  // whole messages between runtimes, no bytes: a hundred thousand nodes
  tcp,      // the session wire over simulated TCP connections: hundreds of nodes
  libp2p,   // streams over libp2p connections with Noise and yamux
};
MYELIN_API std::string_view name(Fidelity fidelity);

// How long a message takes from one node to another, one way.
struct Latency {
  enum class Kind : std::uint8_t { constant, uniform, matrix } kind = Kind::constant;
  Duration low = std::chrono::milliseconds(10);  // constant: the latency
  Duration high = low;                           // uniform: in [low, high], drawn for each message
  std::vector<std::vector<Duration>> rows;       // matrix: [from % size][to % size], square

  static Latency constant(Duration latency) { return {Kind::constant, latency, latency, {}}; }
  static Latency uniform(Duration low, Duration high) { return {Kind::uniform, low, high, {}}; }
  static Latency matrix(std::vector<std::vector<Duration>> rows) {
    return {Kind::matrix, Duration{0}, Duration{0}, std::move(rows)};
  }
};

// What may happen to a message on its way. Probabilities in [0, 1], each for itself.
struct Noise {
  double loss = 0;         // it never arrives. Over `tcp` and `libp2p`: of a segment, which costs time (see LinkModel)
  double duplication = 0;  // it arrives twice. Overlay only: a stream does not repeat
  double reordering = 0;   // it may overtake, and be overtaken by, others of its pair. Overlay only
  Duration reordering_delay = std::chrono::milliseconds(50);  // a reordered one is late by up to this

  friend bool operator==(const Noise&, const Noise&) = default;
};

struct Options {
  std::uint64_t seed = 1;
  Fidelity fidelity = Fidelity::overlay;
  Latency latency = {};
  Noise noise = {};
  // Global checkers run, and metrics are sampled, at the end of each.
  Duration cycle = std::chrono::seconds(10);
  // A dial to a host that does not answer fails after this; a session that crosses a partition breaks after
  // `session_timeout` if something was sent on it and not acknowledged (TCP's retransmissions), and stays if nothing
  // was.
  Duration dial_timeout = std::chrono::seconds(5);
  Duration session_timeout = std::chrono::seconds(15);
  std::size_t mailbox_capacity = 1024;  // of each protocol, in events
  // Over `libp2p` only: each node is a whole one, with a kernel, and may have guests (guest.hpp). At most 1,024 guests
  // run in one program at a time.
  bool whole_nodes = false;
  // Whole nodes: whether processes of other nodes may send to the protocols; those of the own node always may.
  bool allow_anyone = false;
  std::size_t session_queue = 65536;  // messages on their way between two nodes, one way; more is mailbox_full
  // How a failed connect is tried again; as on machines, without bound until the protocol disconnects.
  protocol::RetryPolicy retry = {};

  // Takes each line of the trace (`protoviz/1`, without the line break). Does not change the run.
  std::function<void(std::string_view line)> trace = {};
  // Takes the protocols' logs. Empty: nobody.
  std::function<void(NodeIndex node, std::string_view line)> log = {};
  protocol::LogLevel log_level = protocol::LogLevel::info;
};

}  // namespace myelin::simulation
