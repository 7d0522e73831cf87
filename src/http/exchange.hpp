// Exchange: one request and its response on a connection: who asks for what, the body as it arrives, the answer as it
// is written.
//
// Full duplex: one task may read the body while another writes the answer. Every answer carries the request's id;
// errors carry their name, in the head or, once bytes are out, in the trailer. Thread: the connection's loop. Lifetime:
// within the connection's serving of one request.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "glia/sweep.hpp"
#include "http/read_ahead.hpp"
#include "http/write.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "kernel/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::http {

struct Request {
  std::string method;
  std::string path;                                        // as sent, up to '?'
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::string id;                                          // correlation: the client's, or minted
  unsigned version = 11;
  bool keep_alive = true;
  bool expects_continue = false;
  bool authorized = false;  // the node's token came with it
  std::string content_type;
  std::optional<std::uint64_t> length;
  std::string timeout;  // Myelin-Timeout-Ms as sent

  // The first value of a query parameter; empty if there is none.
  std::string query_value(std::string_view name) const;
};

// What a connection keeps from one request to the next.
struct Memory {
  explicit Memory(io::Loop& loop) : sweep(loop) {}
  glia::Sweep sweep;            // looks after the call under way
  std::string path;             // of the last call
  kernel::CallPath path_means;  // what it parsed to
};

class Exchange {
 public:
  Exchange(io::Loop& loop, io::Stream& stream, ReadAhead& input, Memory& memory, Request request, Duration stall_limit)
      : loop_(loop),
        stream_(stream),
        input_(input),
        memory_(memory),
        request_(std::move(request)),
        stall_limit_(stall_limit) {}

  const Request& request() const { return request_; }
  io::Loop& loop() const { return loop_; }
  ReadAhead& input() const { return input_; }
  Memory& memory() const { return memory_; }

  // Whether the connection still stands, as far as that can be told without reading: a client that has filled every
  // buffer and goes is noticed in no other way.
  io::Task<bool> stands();
  // A piece of the body; empty at its end. Sends "100 Continue" first where the client waits for it.
  // Errors: bad_request, link_lost, timeout (nothing came for the stall limit), cancelled (stop_reading).
  io::Task<Result<Buffer>> read_body(std::size_t max);
  // The whole body. Errors: also too_large.
  io::Task<Result<Buffer>> read_whole(std::size_t max);
  // Ends a read under way with `cancelled`.
  void stop_reading();
  bool body_done() const { return input_.reader().done(); }
  // The body is not read to its end: the connection closes after the answer.
  void close_after() { request_.keep_alive = false; }

  // A whole answer with Content-Length.
  io::Task<void> respond(unsigned status, Fields fields, Rope body);
  io::Task<void> respond_json(unsigned status, std::string json);
  // Status by the error's code unless given; JSON body {"error","message","detail","request_id"}.
  io::Task<void> respond_error(Error error, unsigned status = 0, Fields fields = {});

  // An answer in pieces: chunked, or to the end of the connection for HTTP/1.0. Errors of write and finish: the client
  // is gone.
  io::Task<Result<void>> start(unsigned status, Fields fields);
  io::Task<Result<void>> write(Rope bytes);
  // Ends it; `error` goes into the trailer.
  io::Task<Result<void>> finish(std::optional<Error> error);

  bool started() const { return started_; }
  bool broken() const { return broken_; }
  bool keep_alive() const { return request_.keep_alive && !broken_; }
  unsigned status() const { return status_; }

 private:
  // The one way out for bytes.
  io::Task<Result<void>> put(Rope bytes);
  Fields common_fields() const;

  io::Loop& loop_;
  io::Stream& stream_;
  ReadAhead& input_;
  Memory& memory_;
  Request request_;
  Duration stall_limit_;
  unsigned status_ = 0;
  bool started_ = false;
  bool broken_ = false;
  bool continued_ = false;
  bool writing_ = false;
  bool stopped_ = false;
};

// "/a?b=c%20d&e" into path and decoded pairs; a malformed escape is kept as it stands.
void split_target(std::string_view target, std::string& path, std::vector<std::pair<std::string, std::string>>& query);
// The reverse for one value.
std::string url_encode(std::string_view text);

}  // namespace myelin::http
