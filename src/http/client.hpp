// Client: one HTTP/1.1 connection from the asking side: the command line's way to its node, and the tests'.
//
// One exchange at a time: send_head, send_body…, end_body; read_head, read_body… until empty, then fields of the
// trailer. Sending and reading may go side by side in two tasks. Thread: the loop it was made on. Lifetime: close()
// awaited before it is destroyed.
#pragma once

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "http/message_reader.hpp"
#include "http/read_ahead.hpp"
#include "http/write.hpp"
#include "io/cancel.hpp"
#include "io/network.hpp"
#include "io/scope.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace myelin::http {

// "http://127.0.0.1:2080": what a client connects to.
struct BaseUrl {
  std::string host;  // with the port, as it stands in Host
  io::SocketAddress address;
  // Only numeric addresses and localhost, only http. Errors: bad_request.
  static Result<BaseUrl> parse(std::string_view text);
};

// A whole answer.
struct Answer {
  unsigned status = 0;
  std::string body;
  std::string error;  // the field Myelin-Error; empty where there is none
};

class Client {
 public:
  // Errors: offline, timeout, cancelled, io.
  static io::Task<Result<std::unique_ptr<Client>>> connect(io::Loop& loop, BaseUrl url, std::string token,
                                                           Duration timeout);
  Client(io::Loop& loop, std::unique_ptr<io::TcpStream> stream, std::string host, std::string token);

  // `length`: of the body; nothing: chunked. Errors: link_lost.
  io::Task<Result<void>> send_head(std::string method, std::string target, std::optional<std::uint64_t> length,
                                   Fields fields);
  io::Task<Result<void>> send_body(Rope bytes);
  io::Task<Result<void>> end_body();

  // Waits for the head of the answer (a 100 is passed over). Errors: link_lost, timeout, protocol.
  io::Task<Result<unsigned>> read_head(std::optional<Instant> deadline);
  // Empty: the end. Errors: link_lost, protocol.
  io::Task<Result<Buffer>> read_body(std::size_t max);
  // Of the head, and after the end of the trailer too.
  std::string field(std::string_view name) const { return input_.reader().field(name); }

  // A whole exchange. Errors: also too_large (an answer over 64 MiB).
  io::Task<Result<Answer>> fetch(std::string method, std::string target, Buffer body, Fields fields = {});

  // Ends everything under way.
  void reset() { stream_->reset(); }
  io::Task<void> close();

 private:
  static io::Task<Result<std::unique_ptr<Client>>> connect_on(io::Loop* loop, BaseUrl url, std::string token,
                                                              Duration timeout);
  std::unique_ptr<io::TcpStream> stream_;
  std::string host_;
  std::string token_;
  ReadAhead input_;
  io::Scope reading_;
  bool chunked_ = false;
  bool used_ = false;
};

}  // namespace myelin::http
