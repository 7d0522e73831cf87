#include "protocol/session_link.hpp"

#include "base/limits.hpp"

#include <algorithm>
#include <utility>

namespace myelin::protocol {

namespace {

constexpr std::size_t read_bytes = limits::chunk_bytes;
// Of one write: over TCP its progress is seen within it; elsewhere only its end is.
constexpr std::size_t tcp_write_bytes = 4 * limits::chunk_bytes;
constexpr std::size_t stream_write_bytes = limits::chunk_bytes;
// How long the peer may take to close its half once we have closed ours.
constexpr Duration farewell = std::chrono::seconds(1);

}  // namespace

SessionLink::SessionLink(io::Loop& loop, std::unique_ptr<io::Stream> stream, io::TcpStream* tcp, SessionMachine machine,
                         LinkConfig config, LinkOwner& owner)
    : loop_(loop),
      stream_(std::move(stream)),
      tcp_(tcp),
      machine_(std::move(machine)),
      config_(config),
      owner_(owner),
      gate_(config.queue_bytes),
      wake_writer_(loop),
      resumed_(loop),
      room_(loop),
      scope_(loop) {}

SessionLink::~SessionLink() {
  for (const io::Loop::TimerId timer : {handshake_timer_, stall_timer_, linger_timer_}) {
    if (timer != 0) loop_.cancel_timer(timer);
  }
}

io::Task<void> SessionLink::run() {
  send_output();
  start_handshake_timer();
  scope_.spawn(write_loop());
  if (machine_.state() == SessionMachine::State::established && !closed_) {
    was_established_ = true;
    (void)owner_.link_established(*this);
  }
  co_await read_loop();
  co_await scope_.join();
  if (linger_timer_ != 0) loop_.cancel_timer(std::exchange(linger_timer_, 0));
  settle(why_);
}

void SessionLink::start_handshake_timer() {
  if (machine_.deadline() == Instant::max()) return;
  handshake_timer_ = loop_.start_timer(machine_.deadline(), [this] {
    handshake_timer_ = 0;
    if (closed_) return;
    machine_.expire(machine_.deadline());
    (void)deliver();
  });
}

// ---- reading

io::Task<bool> SessionLink::may_read() {
  while (!closed_) {
    const bool over = out_.size() > gate_.mark();
    if (over && let_in_ > 0) co_return true;
    const ReadGate::Verdict verdict = gate_.ask(loop_.now(), out_.size(), taken());
    if (verdict.open) {
      let_in_ = over ? verdict.bytes : 0;
      co_return true;
    }
    room_.reset();
    (void)co_await room_.wait_until(verdict.later);
  }
  co_return !broken_;
}

io::Task<void> SessionLink::read_loop() {
  for (;;) {
    if (!closed_ && out_.size() <= gate_.mark()) {
      gate_.reopen();
      let_in_ = 0;
    } else if (!co_await may_read()) {
      break;
    }
    const Delivery delivery = deliver();
    if (delivery == Delivery::gated) {
      stage_ = Stage::gated;
      continue;
    }
    if (delivery == Delivery::refused) {
      stage_ = Stage::refused;
      resumed_.reset();
      co_await resumed_.wait();
      continue;
    }
    stage_ = Stage::reading;
    while (!reads_ && !closed_) {
      resumed_.reset();
      co_await resumed_.wait();
    }
    auto piece = co_await stream_->read(read_bytes);
    if (!piece) {
      fail_with(piece.error());
      end_at_once();
      break;
    }
    if (piece->empty()) {
      fail_with(Error{ErrorCode::link_lost, "the peer has closed the connection"});
      break;
    }
    if (!closed_) machine_.receive(std::move(*piece));  // once closed, only the end is still of interest
  }
}

SessionLink::Delivery SessionLink::deliver() {
  stage_ = Stage::delivering;
  owner_.link_batch_begins();
  const Delivery delivery = deliver_steps();
  owner_.link_batch_ends();
  return delivery;
}

SessionLink::Delivery SessionLink::deliver_steps() {
  while (!closed_) {
    const SessionMachine::Step step = machine_.next();
    switch (step.kind) {
      case SessionMachine::Step::Kind::more:
        return Delivery::done;
      case SessionMachine::Step::Kind::established:
        if (handshake_timer_ != 0) loop_.cancel_timer(std::exchange(handshake_timer_, 0));
        was_established_ = true;
        send_output();
        if (!owner_.link_established(*this)) return Delivery::done;
        break;
      case SessionMachine::Step::Kind::message:
        if (out_.size() > gate_.mark() && let_in_ == 0) return Delivery::gated;
        if (held_ || !owner_.link_message(*this, step)) return Delivery::refused;
        let_in_ -= std::min(let_in_, step.payload.size() + frame_head_bytes);
        machine_.pop();
        break;
      case SessionMachine::Step::Kind::merge:
        owner_.link_merge(*this, step.merge);
        break;
      case SessionMachine::Step::Kind::dropped:
        owner_.link_dropped(*this, step.why);
        break;
      case SessionMachine::Step::Kind::closed:
        send_output();
        fail_with(machine_.error());
        return Delivery::done;
    }
  }
  return Delivery::done;
}

void SessionLink::resume() { resumed_.set(); }

void SessionLink::release() {
  held_ = false;
  resumed_.set();
}

// ---- writing

void SessionLink::send_output() {
  const Bytes output = machine_.take_output();
  if (output.empty()) return;
  out_.add(output);
  wake_writer_.set();
}

Result<void> SessionLink::send(const Outgoing& message) {
  if (closed_ || machine_.state() != SessionMachine::State::established) {
    return fail(ErrorCode::offline, "no session with " + peer().to_string());
  }
  if (blocked_) return fail(ErrorCode::mailbox_full, "the queue to " + peer().to_string() + " is full");
  if (auto added = out_.add(machine_.wire(), message); !added) return added;
  wake_writer_.set();
  if (out_.size() >= config_.queue_bytes) {
    blocked_ = true;
    owner_.link_blocked(*this);
  }
  return {};
}

void SessionLink::send(Merge what) {
  if (closed_) return;
  out_.add(merge_frame(what));
  wake_writer_.set();
}

std::uint64_t SessionLink::taken() const {
  const std::size_t rest = tcp_ != nullptr && under_way_ > 0 ? std::min(under_way_, tcp_->unsent_bytes()) : under_way_;
  return out_.total_written() + (under_way_ - rest);
}

io::Task<void> SessionLink::write_loop() {
  while (!broken_) {
    if (out_.empty()) {
      if (finishing_) break;
      wake_writer_.reset();
      co_await wake_writer_.wait();
      continue;
    }
    Rope bytes = out_.take(tcp_ != nullptr ? tcp_write_bytes : stream_write_bytes);
    under_way_ = bytes.size();
    watch_stall();
    auto written = co_await stream_->write(std::move(bytes));
    if (!written) {
      under_way_ = 0;
      fail_with(written.error());
      end_at_once();
      break;
    }
    out_.written(std::exchange(under_way_, 0));
    tell_written();
  }
  if (broken_) co_return;
  (void)co_await stream_->close_write();
  finished_ = true;
  if (!retired_) start_farewell();
}

void SessionLink::start_farewell() {
  if (linger_timer_ != 0) loop_.cancel_timer(std::exchange(linger_timer_, 0));
  linger_timer_ = loop_.start_timer(loop_.now() + farewell, [this] {
    linger_timer_ = 0;
    end_at_once();
  });
}

void SessionLink::tell_written() {
  while (const SendId told = out_.pop_sent()) owner_.link_sent(told);
  if (out_.size() <= gate_.mark()) room_.set();
  if (!blocked_ || out_.size() > config_.queue_bytes / 2) return;
  blocked_ = false;
  if (!closed_) owner_.link_writable(*this);
}

void SessionLink::watch_stall() {
  if (config_.stall_timeout <= Duration::zero() || stall_timer_ != 0) return;
  stall_taken_ = taken();
  stall_since_ = loop_.now();
  stall_timer_ = loop_.start_timer(stall_since_ + config_.stall_timeout / 4, [this] { on_stall_tick(); });
}

// While something is under way; so that a write that ends soon costs no timer.
void SessionLink::on_stall_tick() {
  stall_timer_ = 0;
  if (broken_ || under_way_ == 0) return;
  const Instant now = loop_.now();
  if (taken() != stall_taken_) {
    stall_taken_ = taken();
    stall_since_ = now;
  }
  if (now - stall_since_ >= config_.stall_timeout) {
    fail_with(Error{ErrorCode::timeout, "the peer takes nothing of what is sent"});
    return end_at_once();
  }
  stall_timer_ = loop_.start_timer(std::min(now + config_.stall_timeout / 4, stall_since_ + config_.stall_timeout),
                                   [this] { on_stall_tick(); });
}

// ---- ending

void SessionLink::fail_with(const Error& why) {
  if (!closed_) {
    owner_.link_closed(*this, why);
    close(why, true, farewell);
  }
}

void SessionLink::close(const Error& why, bool flush, Duration limit) {
  if (!closed_) {
    closed_ = true;
    why_ = why;
    finishing_ = true;
    if (handshake_timer_ != 0) loop_.cancel_timer(std::exchange(handshake_timer_, 0));
  }
  if (!flush) return end_at_once();
  if (std::exchange(retired_, false) && finished_) return start_farewell();
  if (linger_timer_ == 0 && !broken_ && limit != Duration::max()) {
    linger_timer_ = loop_.start_timer(loop_.now() + limit, [this] {
      linger_timer_ = 0;
      end_at_once();
    });
  }
  wake_writer_.set();
  resumed_.set();
  room_.set();
}

void SessionLink::retire(const Error& why) {
  if (closed_) return;
  retired_ = closed_ = finishing_ = true;
  why_ = why;
  wake_writer_.set();
  resumed_.set();
  room_.set();
}

void SessionLink::end_at_once() {
  if (std::exchange(broken_, true)) return;
  stream_->reset();
  wake_writer_.set();
  resumed_.set();
  room_.set();
}

void SessionLink::settle(const Error& why) {
  while (const SendId told = out_.pop_sent()) owner_.link_sent(told);
  while (const SendId told = out_.pop_any()) owner_.link_failed(told, why);
  out_.clear();
}

}  // namespace myelin::protocol
