// Connection: one client's connection: requests one after another, until it closes, stalls, or is told to go.
//
// Invariants: at most one request is served at a time; a head arrives within the header time-out, and the next one
// within the idle time-out, or the connection ends. Thread: one loop. Lifetime: run() has ended before it is destroyed.
#pragma once

#include "http/guard.hpp"
#include "http/read_ahead.hpp"
#include "http/services.hpp"
#include "io/network.hpp"
#include "io/scope.hpp"

#include <memory>

namespace myelin::http {

class Connection {
 public:
  Connection(io::Loop& loop, std::unique_ptr<io::TcpStream> stream, Services& services, const Guard& guard)
      : loop_(loop),
        stream_(std::move(stream)),
        services_(services),
        guard_(guard),
        input_(loop, *stream_, Side::request),
        memory_(loop) {}

  // Serves until the end.
  io::Task<void> run();
  // Waits for a request, or for the rest of its head.
  bool idle() const { return idle_; }
  // No further request after the one under way; at once if there is none.
  void finish();
  // At once.
  void reset() { stream_->reset(); }

 private:
  io::Task<bool> read_head();
  io::Task<bool> serve_one();
  io::Task<void> refuse(Error error, unsigned status);
  Request take_request() const;
  io::Task<void> linger();

  io::Loop& loop_;
  std::unique_ptr<io::TcpStream> stream_;
  Services& services_;
  const Guard& guard_;
  ReadAhead input_;
  Memory memory_;
  bool idle_ = true;
  bool finishing_ = false;
};

}  // namespace myelin::http
