#include "libp2p/upgrade.hpp"

#include "libp2p/multistream.hpp"
#include "libp2p/watch.hpp"
#include "libp2p/yamux.hpp"

#include <string>
#include <utility>
#include <vector>

namespace myelin::libp2p {

namespace {

constexpr std::size_t read_bytes = 4096;

// One upgrade under way. Its member coroutines run within the life of the coroutine that owns it.
class Upgrader {
 public:
  Upgrader(io::Loop& loop, io::Stream& socket, UpgradeRequest request)
      : loop_(loop), socket_(socket), request_(std::move(request)) {}

  io::Task<Result<void>> run() {
    if (auto agreed = co_await agree(std::string(noise::protocol_id)); !agreed) co_return agreed;
    if (auto shaken = co_await shake_hands(); !shaken) co_return shaken;
    early_muxer_ = !session_->muxer.empty();
    if (early_muxer_) co_return Result<void>{};
    co_return co_await agree(std::string(yamux::protocol_id));
  }

  noise::Session take_session() { return std::move(*session_); }
  Rope take_early() { return std::move(in_); }
  bool early_muxer() const { return early_muxer_; }

 private:
  io::Task<Result<void>> agree(std::string protocol) {
    return request_.dialer ? propose(std::move(protocol)) : answer(std::move(protocol));
  }

  io::Task<Result<void>> propose(std::string protocol) {
    std::vector<std::string> proposals;
    proposals.push_back(std::move(protocol));
    auto dialer = multistream::Dialer::create(std::move(proposals));
    if (!dialer) co_return fail(dialer.error());
    for (;;) {
      if (auto sent = co_await send(dialer->take_output()); !sent) co_return sent;
      if (dialer->state() == multistream::State::agreed) co_return Result<void>{};
      if (dialer->state() == multistream::State::failed) co_return fail(dialer->error());
      if (in_.empty()) {
        if (auto more = co_await receive(); !more) co_return more;
      }
      dialer->receive(in_);
    }
  }

  io::Task<Result<void>> answer(std::string protocol) {
    multistream::Listener listener;
    for (;;) {
      listener.receive(in_);
      while (listener.state() == multistream::State::proposed) {
        if (listener.proposal() == protocol) {
          listener.accept();
        } else {
          listener.refuse();
          listener.receive(in_);
        }
      }
      if (auto sent = co_await send(listener.take_output()); !sent) co_return sent;
      if (listener.state() == multistream::State::agreed) co_return Result<void>{};
      if (listener.state() == multistream::State::failed) co_return fail(listener.error());
      if (auto more = co_await receive(); !more) co_return more;
    }
  }

  io::Task<Result<void>> shake_hands() {
    noise::HandshakeConfig config;
    config.role = request_.dialer ? noise::Role::initiator : noise::Role::responder;
    loop_.random(config.static_secret.writable());
    loop_.random(config.ephemeral_secret.writable());
    config.expected = request_.expected;
    if (request_.early_muxer) config.muxers.emplace_back(yamux::protocol_id);
    noise::Handshake handshake(*request_.key, std::move(config));
    handshake.receive(in_);
    for (;;) {
      if (auto sent = co_await send(handshake.take_output()); !sent) co_return sent;
      if (handshake.state() == noise::HandshakeState::done) break;
      if (handshake.state() == noise::HandshakeState::failed) co_return fail(handshake.error());
      if (auto more = co_await receive(); !more) co_return more;
      handshake.receive(in_);
    }
    session_ = handshake.take_session();
    Rope sealed = std::move(in_);
    in_.clear();
    co_return session_->decryptor.open(std::move(sealed), in_);
  }

  io::Task<Result<void>> send(Bytes bytes) {
    if (bytes.empty()) co_return Result<void>{};
    Rope out;
    if (session_) {
      if (auto sealed = session_->encryptor.seal(View(bytes), out); !sealed) co_return sealed;
    } else {
      out.append(Buffer::copy_of(bytes));
    }
    co_return co_await socket_.write(std::move(out));
  }

  // Appends what arrives next to `in_`; may add nothing once encrypted, while a frame is incomplete.
  io::Task<Result<void>> receive() {
    auto bytes = co_await socket_.read(read_bytes);
    if (!bytes) co_return fail(bytes.error());
    if (bytes->empty()) co_return fail(ErrorCode::link_lost, "the peer closed the connection in the handshake");
    if (session_) co_return session_->decryptor.open(std::move(*bytes), in_);
    in_.append(std::move(*bytes));
    co_return Result<void>{};
  }

  io::Loop& loop_;
  io::Stream& socket_;
  UpgradeRequest request_;
  Rope in_;
  std::optional<noise::Session> session_;
  bool early_muxer_ = false;
};

}  // namespace

io::Task<Result<Upgraded>> upgrade(io::Loop* loop, std::unique_ptr<io::Stream> socket, UpgradeRequest request) {
  const bool dialer = request.dialer;
  Watch watch(*loop, request.deadline, request.token, [stream = socket.get()] { stream->reset(); });
  Upgrader upgrader(*loop, *socket, std::move(request));
  auto done = co_await upgrader.run();
  if (watch.fired()) done = fail(watch.explain({}));
  if (!done) {
    socket->reset();
    co_return fail(done.error());
  }
  co_return Upgraded{std::move(socket), upgrader.take_session(), upgrader.take_early(), dialer, upgrader.early_muxer()};
}

}  // namespace myelin::libp2p
