#include "io/network.hpp"

#include "base/check.hpp"
#include "io/real/loop_core.hpp"
#include "io/real/resolver.hpp"
#include "io/real/sockets.hpp"
#include "io/real/system_error.hpp"
#include "io/real/tcp_listener.hpp"
#include "io/real/tcp_stream.hpp"
#include "io/sync.hpp"

#include <algorithm>
#include <cerrno>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <utility>

namespace myelin::io::real {

namespace {

// A connection attempt that a timer and a token may cut short.
class Attempt {
 public:
  Attempt(LoopCore& loop, int fd, Duration timeout, const CancelToken& token)
      : loop_(loop),
        socket_(loop, fd),
        timer_(loop.start_timer(loop.now() + timeout, [this] { cut(ErrorCode::timeout, "no answer in time"); })),
        on_cancel_(token, [this] { cut(ErrorCode::cancelled, "the dial was cancelled"); }) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() { loop_.cancel_timer(timer_); }

  Descriptor& socket() { return socket_; }
  const std::optional<Error>& cut_by() const { return cut_by_; }

 private:
  void cut(ErrorCode code, const char* why) {
    if (!cut_by_) cut_by_ = Error{code, why};
    socket_.cancel();
  }

  LoopCore& loop_;
  Descriptor socket_;
  std::optional<Error> cut_by_;
  Loop::TimerId timer_;
  CancelCallback on_cancel_;
};

// A lookup on another thread. Shared by the task that waits and by the thread's work, which may come long after.
template <typename T>
struct Lookup {
  explicit Lookup(Loop& loop) : done(loop) {}
  Event done;  // the loop's
  std::optional<Result<T>> result;
};

template <typename T, typename Work>
Task<Result<T>> look_up_off(LoopCore* loop, Work work, Duration timeout, CancelToken token) {
  auto lookup = std::make_shared<Lookup<T>>(*loop);
  loop->lookups().submit([lookup, work = std::move(work)] { lookup->result = work(); },
                         [lookup] { lookup->done.set(); });
  auto waited = co_await lookup->done.wait_until(loop->now() + timeout, std::move(token));
  if (!waited) co_return fail(std::move(waited.error()));
  co_return std::move(*lookup->result);
}

class RealNetwork final : public Network {
 public:
  explicit RealNetwork(LoopCore& loop) : loop_(loop) {}

  Task<Result<std::unique_ptr<TcpStream>>> dial(SocketAddress to, Duration timeout, CancelToken token) override;
  Result<std::unique_ptr<TcpListener>> listen(SocketAddress at) override { return RealTcpListener::open(loop_, at); }
  Result<std::unique_ptr<TcpStream>> attach(std::unique_ptr<DetachedSocket> socket) override {
    auto& real = static_cast<RealSocket&>(*socket);
    return std::make_unique<RealTcpStream>(loop_, real.release(), real.read_ended_, real.write_ended_);
  }
  Task<Result<std::vector<IpAddress>>> resolve(std::string host, Duration timeout, CancelToken token) override {
    return look_up_off<std::vector<IpAddress>>(
        &loop_, [host = std::move(host)] { return look_up(host); }, timeout, std::move(token));
  }
  Task<Result<std::vector<std::string>>> resolve_txt(std::string name, Duration timeout, CancelToken token) override {
    return look_up_off<std::vector<std::string>>(
        &loop_, [name = std::move(name), timeout] { return look_up_txt(name, timeout); }, timeout, std::move(token));
  }
  std::vector<IpAddress> interfaces() override;

 private:
  LoopCore& loop_;
};

Task<Result<std::unique_ptr<TcpStream>>> RealNetwork::dial(SocketAddress to, Duration timeout, CancelToken token) {
  if (token.fired()) co_return fail(ErrorCode::cancelled, "the dial was cancelled");
  const std::string what = "dial " + to.to_string();
  const int fd = open_tcp(to.ip);
  if (fd < 0) co_return fail(dial_error(what, -fd));
  const SockAddr address = to_sockaddr(to);
  int error = connect(fd, address.get(), address.size) == 0 ? 0 : errno;
  Attempt attempt(loop_, fd, timeout, token);  // only now: a socket that nothing was done with counts as hung up
  if (error == EINPROGRESS || error == EINTR) {
    co_await attempt.socket().wait(Way::write);
    if (attempt.cut_by()) co_return fail(attempt.cut_by()->code, what + ": " + attempt.cut_by()->message);
    socklen_t size = sizeof error;
    if (getsockopt(attempt.socket().fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  }
  if (error != 0) co_return fail(dial_error(what, error));
  // A dial to a free port of this machine may meet itself (RFC 9293 §3.5, simultaneous open): nobody is there.
  if (local_of(attempt.socket().fd()) == remote_of(attempt.socket().fd())) {
    set_reset_on_close(attempt.socket().fd());
    co_return fail(dial_error(what, ECONNREFUSED));
  }
  co_return std::make_unique<RealTcpStream>(loop_, attempt.socket().release());
}

std::vector<IpAddress> RealNetwork::interfaces() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
  std::vector<IpAddress> found;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family == AF_INET || family == AF_INET6) found.push_back(from_sockaddr(entry->ifa_addr).ip);
  }
  return found;
}

}  // namespace

std::unique_ptr<Network> make_network(LoopCore& loop) { return std::make_unique<RealNetwork>(loop); }

}  // namespace myelin::io::real
