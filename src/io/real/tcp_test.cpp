#include "io/network.hpp"
#include "io/real.hpp"
#include "io/scope.hpp"
#include "io/stream_conformance_test.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace myelin::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using StreamResult = Result<std::unique_ptr<TcpStream>>;

SocketAddress any_port(bool v6 = false) { return {v6 ? IpAddress::loopback_v6() : IpAddress::loopback_v4(), 0}; }

Task<void> accept_one(TcpListener* listener, StreamResult* result) { *result = co_await listener->accept(); }

Task<void> dial_one(Loop* loop, SocketAddress to, Duration timeout, CancelToken token, StreamResult* result) {
  *result = co_await loop->network().dial(to, timeout, std::move(token));
}

Task<void> connect_pair(Loop* loop, bool v6, std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>* out) {
  auto listener = loop->network().listen(any_port(v6));
  EXPECT_TRUE(listener) << to_string(listener.error());
  if (!listener) co_return;
  StreamResult accepted;
  Scope scope(*loop);
  scope.spawn(accept_one(listener->get(), &accepted));
  auto dialled = co_await loop->network().dial((*listener)->local(), seconds(5));
  co_await scope.join();
  EXPECT_TRUE(dialled && accepted);
  if (!dialled || !accepted) co_return;
  EXPECT_EQ((*dialled)->local(), (*accepted)->remote());
  EXPECT_EQ((*dialled)->remote(), (*accepted)->local());
  *out = {std::move(*dialled), std::move(*accepted)};
}

struct TcpWorld : StreamPairWorld {
  explicit TcpWorld(bool ipv6) : v6(ipv6) {}
  Loop& loop() override { return *real; }
  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> connect() override {
    std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pair;
    real->run_until_done(connect_pair(real.get(), v6, &pair));
    return pair;
  }
  void run(Task<void> task) override { real->run_until_done(std::move(task)); }
  Duration quiet_time() const override { return milliseconds(100); }
  std::unique_ptr<RealLoop> real = RealLoop::create();
  bool v6;
};

TEST(Tcp, PassesStreamConformance) {
  TcpWorld world(false);
  run_stream_conformance(world);
}

TEST(Tcp, PassesStreamConformanceOverIpv6) {
  TcpWorld world(true);
  if (!world.real->network().listen(any_port(true))) GTEST_SKIP() << "this machine has no IPv6 loopback";
  run_stream_conformance(world);
}

TEST(Tcp, DialToAClosedPortIsOffline) {
  const auto loop = RealLoop::create();
  SocketAddress address;
  {
    const auto listener = loop->network().listen(any_port());
    ASSERT_TRUE(listener);
    address = (*listener)->local();
  }
  StreamResult result;
  loop->run_until_done(dial_one(loop.get(), address, seconds(5), {}, &result));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::offline) << to_string(result.error());
}

// A listener whose queue is full answers no further SYN, so dials to it hang.
struct FullListener {
  explicit FullListener(RealLoop& loop) {
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd, 0), 0);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    at = {IpAddress::loopback_v4(), ntohs(address.sin_port)};
    for (int i = 0; i < 4; ++i) {
      held.emplace_back();
      loop.run_until_done(dial_one(&loop, at, milliseconds(100), {}, &held.back()));
    }
  }
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;
  ~FullListener() { close(fd); }
  int fd;
  SocketAddress at;
  std::vector<StreamResult> held;
};

TEST(Tcp, DialTimesOutAndIsCancelled) {
  const auto loop = RealLoop::create();
  const FullListener full(*loop);
  StreamResult result;
  const Instant before = loop->now();
  loop->run_until_done(dial_one(loop.get(), full.at, milliseconds(50), {}, &result));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::timeout) << to_string(result.error());
  EXPECT_GE(loop->now() - before, milliseconds(50));

  CancelSource source;
  result = {};
  struct Fire {
    static Task<void> after(Loop* l, CancelSource* s) {
      EXPECT_TRUE(co_await sleep_for(*l, milliseconds(20)));
      s->fire();
    }
    static Task<void> both(Loop* l, SocketAddress to, CancelSource* s, StreamResult* out) {
      Scope scope(*l);
      scope.spawn(after(l, s));
      *out = co_await l->network().dial(to, seconds(60), s->token());
      co_await scope.join();
    }
  };
  loop->run_until_done(Fire::both(loop.get(), full.at, &source, &result));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::cancelled);
}

TEST(Tcp, ListenOnATakenPortConflicts) {
  const auto loop = RealLoop::create();
  const auto first = loop->network().listen(any_port());
  ASSERT_TRUE(first);
  const auto second = loop->network().listen((*first)->local());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  // An address of no interface of ours (TEST-NET-1, RFC 5737).
  const auto foreign = loop->network().listen({*IpAddress::parse("192.0.2.1"), 0});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::io);
}

TEST(Tcp, ClosingAListenerEndsItsAccept) {
  const auto loop = RealLoop::create();
  auto listener = loop->network().listen(any_port());
  ASSERT_TRUE(listener);
  StreamResult result;
  loop->post([&] { loop->start_timer(loop->now() + milliseconds(10), [&] { (*listener)->close(); }); });
  loop->run_until_done(accept_one(listener->get(), &result));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::cancelled);
  loop->run_until_done(accept_one(listener->get(), &result));
  EXPECT_EQ(result.error().code, ErrorCode::cancelled);
}

// Limits the descriptors of this process to those that are open.
struct NoMoreDescriptors {
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before);
    const int next = dup(0);
    close(next);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(next);
    setrlimit(RLIMIT_NOFILE, &none);
  }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before); }
  rlimit before{};
};

TEST(Tcp, OutOfDescriptorsIsAnErrorAndPasses) {
  const auto loop = RealLoop::create();
  auto listener = loop->network().listen(any_port());
  ASSERT_TRUE(listener);
  StreamResult dialled;
  loop->run_until_done(dial_one(loop.get(), (*listener)->local(), seconds(5), {}, &dialled));
  ASSERT_TRUE(dialled);
  StreamResult accepted;
  StreamResult refused;
  {
    const NoMoreDescriptors none;
    loop->run_until_done(accept_one(listener->get(), &accepted));
    loop->run_until_done(dial_one(loop.get(), (*listener)->local(), seconds(5), {}, &refused));
  }
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, ErrorCode::io);
  EXPECT_EQ(accepted.error().detail, static_cast<std::uint32_t>(EMFILE));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::limit);
  loop->run_until_done(accept_one(listener->get(), &accepted));
  EXPECT_TRUE(accepted) << "the connection that waited is still there";
}

Task<void> echo_to_end(Stream* stream) {
  while (true) {
    auto piece = co_await stream->read(64 * 1024);
    EXPECT_TRUE(piece) << to_string(piece.error());
    if (!piece || piece->empty()) break;
    EXPECT_TRUE(co_await stream->write(std::move(*piece)));
  }
  EXPECT_TRUE(co_await stream->close_write());
}

Task<void> talk_across_a_move(Stream* stream) {
  co_await conformance::expect_text(stream, "hello");
  co_await conformance::send_text(stream, "after the move");
  EXPECT_TRUE(co_await stream->close_write());
  co_await conformance::expect_text(stream, "after the move");
  co_await conformance::expect_end(stream);
}

TEST(Tcp, AConnectionMovesToAnotherLoop) {
  const auto loop = RealLoop::create();
  const auto other = RealLoop::create();
  std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pair;
  loop->run_until_done(connect_pair(loop.get(), false, &pair));
  ASSERT_TRUE(pair.first && pair.second);
  loop->run_until_done(conformance::send_text(pair.second.get(), "hello"));
  auto detached = static_cast<TcpStream&>(*pair.second).detach();
  std::thread second([&] {
    auto attached = other->network().attach(std::move(detached));
    ASSERT_TRUE(attached);
    other->run_until_done(echo_to_end(attached->get()));
  });
  loop->run_until_done(talk_across_a_move(pair.first.get()));
  second.join();
}

TEST(Tcp, ADetachedSocketThatNobodyTakesIsReset) {
  TcpWorld world(false);
  auto [a, b] = world.connect();
  static_cast<TcpStream&>(*b).detach().reset();
  Result<Buffer> result;
  bool ended = false;
  world.run(conformance::read_once(a.get(), &result, &ended));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::link_lost);
}

Task<void> count_unsent(StreamPairWorld* world, TcpStream* writer, Stream* reader) {
  EXPECT_EQ(writer->unsent_bytes(), 0U);
  const std::size_t size = std::size_t{64} * 1024 * 1024;
  Rope rope;
  const Buffer piece = Buffer::copy_of(std::string(1024 * 1024, 'u'));
  while (rope.size() < size) rope.append(piece);
  struct Write {
    static Task<void> all(Stream* stream, Rope bytes) { EXPECT_TRUE(co_await stream->write(std::move(bytes))); }
  };
  Scope scope(world->loop());
  scope.spawn(Write::all(writer, std::move(rope)));
  EXPECT_TRUE(co_await sleep_for(world->loop(), milliseconds(100)));
  EXPECT_GT(writer->unsent_bytes(), 0U);
  EXPECT_LT(writer->unsent_bytes(), size);
  co_await conformance::drain(reader, size);
  co_await scope.join();
  EXPECT_EQ(writer->unsent_bytes(), 0U);
  writer->reset();
  reader->reset();
}

Task<void> send_all(Stream* stream, Rope bytes) {
  EXPECT_TRUE(co_await stream->write(std::move(bytes)));
  EXPECT_TRUE(co_await stream->close_write());
}

// Reads `asked` bytes at a time to the end; the largest piece.
Task<void> largest_read(Loop* loop, Stream* reader, Stream* writer, std::size_t asked, std::size_t* largest) {
  Rope rope;
  for (int i = 0; i < 16; ++i) rope.append(Buffer::copy_of(std::string(1024 * 1024, 'u')));
  Scope scope(*loop);
  scope.spawn(send_all(writer, std::move(rope)));
  for (;;) {
    auto piece = co_await reader->read(asked);
    EXPECT_TRUE(piece) << to_string(piece.error());
    if (!piece || piece->empty()) break;
    EXPECT_LE(piece->size(), asked);
    EXPECT_LE(piece->segment_size(), std::max<std::size_t>(2 * piece->size(), 64 * 1024)) << "it pins too much";
    *largest = std::max(*largest, piece->size());
  }
  co_await scope.join();
}

TEST(Tcp, AReadTakesAsMuchAsIsAskedForWithinItsLimit) {
  for (const std::size_t asked : {100'000u, 262'148u, 10'000'000u}) {
    TcpWorld world(false);
    auto [a, b] = world.connect();
    std::size_t largest = 0;
    world.run(largest_read(world.real.get(), b.get(), a.get(), asked, &largest));
    EXPECT_GT(largest, 64u * 1024) << asked;
    EXPECT_LE(largest, 256u * 1024 + 64) << asked;
    a->reset();
    b->reset();
  }
}

// Bytes and the end are both there before the loop looks: one change tells of both.
TEST(Tcp, AnEndThatCameWithTheBytesIsRead) {
  TcpWorld world(false);
  auto [a, b] = world.connect();
  struct Read {
    static Task<void> late(Loop* loop, Stream* reader, Stream* writer) {
      Result<Buffer> first;
      bool ended = false;
      Scope scope(*loop);
      scope.spawn(conformance::read_once(reader, &first, &ended));
      co_await yield(*loop);
      EXPECT_FALSE(ended);
      EXPECT_TRUE(co_await writer->write(Buffer::copy_of("last words")));
      EXPECT_TRUE(co_await writer->close_write());
      co_await scope.join();
      EXPECT_TRUE(first && as_text(first->view()) == "last words");
      co_await conformance::expect_end(reader);
    }
  };
  world.run(Read::late(world.real.get(), b.get(), a.get()));
  b->reset();
}

// Urgent data cuts a read short, though more is there.
TEST(Tcp, UrgentDataDoesNotStallAReader) {
  TcpWorld world(false);
  auto listener = world.real->network().listen(any_port());
  ASSERT_TRUE(listener);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((*listener)->local().port);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  StreamResult accepted;
  world.run(accept_one(listener->get(), &accepted));
  ASSERT_TRUE(accepted);
  struct Talk {
    static Task<void> all(Loop* loop, Stream* reader, int from) {
      std::string got;
      Result<Buffer> piece;
      bool ended = false;
      Scope scope(*loop);
      scope.spawn(conformance::read_once(reader, &piece, &ended));
      co_await yield(*loop);
      EXPECT_EQ(send(from, "before", 6, 0), 6);
      EXPECT_EQ(send(from, "!", 1, MSG_OOB), 1);
      EXPECT_EQ(send(from, "after", 5, 0), 5);
      co_await scope.join();
      EXPECT_TRUE(piece);
      if (piece) got += as_text(piece->view());
      while (got.size() < 11) {
        piece = co_await reader->read(100);
        EXPECT_TRUE(piece && !piece->empty());
        if (!piece || piece->empty()) break;
        got += as_text(piece->view());
      }
      EXPECT_EQ(got, "beforeafter");
    }
  };
  world.run(Talk::all(world.real.get(), accepted->get(), fd));
  (*accepted)->reset();
  close(fd);
}

TEST(Tcp, UnsentBytesAreCounted) {
  TcpWorld world(false);
  auto [a, b] = world.connect();
  world.run(count_unsent(&world, static_cast<TcpStream*>(a.get()), b.get()));
}

}  // namespace
}  // namespace myelin::io
