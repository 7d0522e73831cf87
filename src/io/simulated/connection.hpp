// One simulated TCP connection: two ends, and between them two directions in which pieces of bytes travel.
//
// A piece is lost, delayed and sent again by the model of its link: each attempt draws the loss of each of its segments
// of 1460 bytes; what was lost goes again after `retransmission`, then after twice that, and so on. When the sixth
// repeat is lost too, the sending end breaks, after one more doubling. Pieces are delivered in order. While one is
// acknowledged over a blocked way back, it is sent again too, so that a partition of either direction ends the
// connection. Flow control is a window: bytes under way and bytes not yet read are at most `window_bytes`; the reader's
// progress travels back as a window update.
//
// The handshake is three pieces of the same kind: syn, its acknowledgement, `established`. So a dial takes two delays,
// and the other side accepts after three.
//
// An end is told of the other's death only by a packet: a reset that arrives, or the answer to something that it sent.
// If none can arrive, keepalive ends it (Fabric::keepalive).
//
// Ownership: shared by the streams of both ends and by the events under way, as neither outlives the other for sure.
// Thread: one. Lifetime: the Fabric and the Machines outlive it.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "io/network.hpp"
#include "io/simulated/fabric.hpp"
#include "io/simulated/fifo.hpp"
#include "io/simulated/random.hpp"

#include <array>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>

namespace myelin::io::simulated {

enum class End : std::uint8_t { dialer = 0, acceptor = 1 };
constexpr End other(End end) { return end == End::dialer ? End::acceptor : End::dialer; }

// What a listener and the accept under way share with the connections that arrive.
struct ListenerState {
  static constexpr std::size_t backlog = 1024;

  Loop* loop = nullptr;
  Machine* machine = nullptr;
  SocketAddress local;
  bool closed = false;
  bool accepting = false;
  Fifo<std::shared_ptr<Connection>> queue;
  std::coroutine_handle<> waiter;

  void wake();
  // The host crashed: nothing is told to anyone.
  void die();
  // Refuses what comes, resets what waits, ends the accept under way.
  void close();
};

// Where a coroutine waits for one end; forgets it when the frame goes first.
class Waiter {
 public:
  explicit Waiter(std::coroutine_handle<>& slot) : slot_(&slot) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    if (*slot_ == self_) *slot_ = {};
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) { *slot_ = self_ = handle; }
  void await_resume() const noexcept {}

 private:
  std::coroutine_handle<>* slot_;
  std::coroutine_handle<> self_{};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static constexpr std::size_t window_bytes = 256 * 1024;
  static constexpr std::size_t segment_bytes = 1460;
  static constexpr std::uint8_t most_repeats = 6;

  // A dial from `machine`, on `loop`; its first packet leaves at once.
  static std::shared_ptr<Connection> dial(Fabric& fabric, Machine& machine, Loop& loop, SocketAddress to);
  Connection(Fabric& fabric, Machine& machine, Loop& loop, SocketAddress from, SocketAddress to);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // The stream's face, for one end. Results are nothing while there is nothing to tell yet.
  std::optional<Result<Buffer>> try_read(End end, std::size_t max);
  std::optional<Result<void>> try_write(End end, Rope& bytes);
  Result<void> close_write(End end);
  void reset(End end);
  // Whether both directions have ended in order, as far as this end knows.
  bool finished(End end) const;
  // Nothing while the dial is under way.
  std::optional<Result<void>> opened() const;

  // Packets that arrive wake them.
  Waiter readable(End end) { return Waiter(side(end).reader); }
  Waiter writable(End end) { return Waiter(side(end).writer); }
  void on_opened(Callback callback) { on_opened_ = std::move(callback); }

  // Flags of the one read and the one write under way.
  bool& reading(End end) { return side(end).reading; }
  bool& writing(End end) { return side(end).writing; }
  bool write_closed(End end) const { return side(end).write_closed; }
  std::size_t& unsent(End end) { return side(end).unsent; }

  SocketAddress address(End end) const { return side(end).address; }
  const Machine* machine(End end) const { return side(end).machine; }
  // Null: no loop, nobody is woken.
  void move_to(End end, Loop* loop) { side(end).loop = loop; }

  // The machine at one end died; the other end hears nothing.
  void crash(const Machine& machine);
  // After so long without a word from the peer that end gives up, in place of Fabric::keepalive.
  void keep_alive(End end, Duration silence) { side(end).keepalive = silence; }
  // Nothing passed for the time of keepalive.
  void fall_silent();
  // A link has just been cut: ends with a time of their own wait that long.
  void cut_off(const Link& cut);

 private:
  enum class Kind : std::uint8_t { syn, established, data, fin };
  struct Piece {
    Kind kind;
    Buffer payload;
    bool arrived = false;
  };
  // One way of bytes, from the end that sends to the other.
  struct Way {
    explicit Way(Random r) : random(r) {}
    Link* link = nullptr;
    Random random;
    Fifo<Piece> pieces;                // sent, not delivered yet
    std::uint64_t first_sequence = 0;  // of pieces' front
    Instant last_arrival{};
    std::uint64_t sent = 0;     // payload bytes handed to the network
    std::uint64_t granted = 0;  // may be sent in all
    Fifo<Buffer> inbox;         // delivered, not read
    std::uint64_t consumed = 0;
    std::uint64_t announced = 0;
    bool update_under_way = false;
    bool ended = false;  // the fin was delivered
  };
  struct Side {
    Machine* machine = nullptr;
    Loop* loop = nullptr;
    SocketAddress address;
    bool opening = false;
    bool write_closed = false;
    bool reset_here = false;
    bool dead = false;
    Error error{};  // why, if dead
    bool reading = false;
    bool writing = false;
    std::size_t unsent = 0;
    Duration keepalive = Fabric::keepalive;
    std::coroutine_handle<> reader;
    std::coroutine_handle<> writer;
  };
  // One attempt to send a piece.
  struct Attempt {
    std::uint64_t sequence = 0;
    std::uint32_t segments = 1;  // those that are still missing
    std::uint8_t repeat = 0;
    Instant left{};
  };

  Side& side(End end) { return sides_[static_cast<std::size_t>(end)]; }
  const Side& side(End end) const { return sides_[static_cast<std::size_t>(end)]; }
  Way& way(End sender) { return ways_[static_cast<std::size_t>(sender)]; }
  const Way& way(End sender) const { return ways_[static_cast<std::size_t>(sender)]; }
  Instant now() const { return fabric_.scheduler().now(); }
  template <typename Action>
  void after(Instant when, Action action);

  void send(End sender, Kind kind, Buffer payload);
  void attempt(End sender, Attempt attempt);
  void repeat(End sender, Attempt attempt);
  void arrive(End sender, Attempt attempt);
  void acknowledge(End sender, Attempt attempt);
  void deliver(End sender);
  void deliver_piece(End sender, Piece piece);
  Machine* target() const;
  bool meet_listener(const Attempt& attempt);
  void open();
  void enter_backlog();
  void announce(End reader);
  void send_update(End reader, std::uint8_t repeat);
  Duration packet_delay(End sender);
  std::uint32_t lost_segments(End sender, std::uint32_t segments);
  void tell_reset(End from);
  void orphan(End end);
  void break_end(End end, Error why);
  void wake(End end);
  void wake(Side& side, std::coroutine_handle<>& slot);

  Fabric& fabric_;
  std::uint64_t number_;
  std::array<Side, 2> sides_;
  std::array<Way, 2> ways_;
  std::shared_ptr<ListenerState> listener_;  // shared with its TcpListener, until this connection is in its queue
  Callback on_opened_;
};

}  // namespace myelin::io::simulated
