// The faces of simulated connections: stream, detached socket, listener.
//
// Their coroutines share the connection or the listener's state, so a stream may go right after reset().
#pragma once

#include "io/network.hpp"
#include "io/simulated/connection.hpp"

#include <memory>

namespace myelin::io::simulated {

// One end of a connection, owned; dropped, it is reset unless both directions had ended.
class Socket {
 public:
  Socket(std::shared_ptr<Connection> connection, End end) : connection_(std::move(connection)), end_(end) {}
  Socket(Socket&& other) noexcept = default;
  Socket& operator=(Socket&& other) = delete;
  ~Socket();

  explicit operator bool() const { return connection_ != nullptr; }
  const std::shared_ptr<Connection>& connection() const { return connection_; }
  End end() const { return end_; }

 private:
  std::shared_ptr<Connection> connection_;  // shared: see Connection
  End end_;
};

class SimulatedDetached final : public DetachedSocket {
 public:
  explicit SimulatedDetached(Socket socket) : socket_(std::move(socket)) {}
  Socket& socket() { return socket_; }

 private:
  Socket socket_;
};

class SimulatedStream final : public TcpStream {
 public:
  // Brings the end to `loop`.
  SimulatedStream(Socket socket, Loop& loop);

  Task<Result<Buffer>> read(std::size_t max) override;
  Task<Result<void>> write(Rope bytes) override;
  Task<Result<void>> close_write() override;
  void reset() override;
  SocketAddress local() const override { return local_; }
  SocketAddress remote() const override { return remote_; }
  std::size_t unsent_bytes() const override;
  void keep_alive(Duration silence) override;
  std::unique_ptr<DetachedSocket> detach() override;

 private:
  Socket socket_;
  SocketAddress local_;
  SocketAddress remote_;
};

class SimulatedListener final : public TcpListener {
 public:
  explicit SimulatedListener(std::shared_ptr<ListenerState> state) : state_(std::move(state)) {}
  SimulatedListener(const SimulatedListener&) = delete;
  SimulatedListener& operator=(const SimulatedListener&) = delete;
  ~SimulatedListener() override { state_->close(); }

  SocketAddress local() const override { return state_->local; }
  Task<Result<std::unique_ptr<TcpStream>>> accept() override;
  void close() override { state_->close(); }

 private:
  std::shared_ptr<ListenerState> state_;  // shared with the accept under way and connections that open
};

}  // namespace myelin::io::simulated
