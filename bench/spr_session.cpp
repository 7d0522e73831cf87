// Messages between two programs over the session wire (W3) and the public Runtime, as a protocol's author would write
// it.
//
//   bench_spr_session serve                          counts Data, answers Pings; prints its port; ends with stdin
//   bench_spr_session oneway PORT COUNT BYTES        Data of so many bytes one way; messages a second
//   bench_spr_session window PORT COUNT OUTSTANDING  round trips with so many under way; a second
//   bench_spr_session rtt PORT COUNT                 one under way; seconds each
//   bench_spr_session burst PORT COUNT               Pings at once; Pongs a second
//
// bench/go-spr is the same without a runtime.
#include "bench/report.hpp"
#include "myelin/protocol.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <unistd.h>

namespace myelin::bench {
namespace {

using namespace myelin::protocol;
using Clock = std::chrono::steady_clock;

struct Ping {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "bench.Ping";
  std::uint64_t number = 0;
  auto fields(this auto& self) { return std::tie(self.number); }
};
struct Pong {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "bench.Pong";
  std::uint64_t number = 0;
  auto fields(this auto& self) { return std::tie(self.number); }
};
// `number` and so many bytes that the payload has the size that was asked for.
struct Data {
  static constexpr MessageId id = 3;
  static constexpr std::string_view wire_name = "bench.Data";
  std::uint64_t number = 0;
  Bytes filling;
};
// All Data have come: how many, and the sum of their numbers.
struct Total {
  static constexpr MessageId id = 4;
  static constexpr std::string_view wire_name = "bench.Total";
  std::uint64_t count = 0, sum = 0;
  auto fields(this auto& self) { return std::tie(self.count, self.sum); }
};
struct End {
  static constexpr MessageId id = 5;
  static constexpr std::string_view wire_name = "bench.End";
  std::uint64_t number = 0;
  auto fields(this auto& self) { return std::tie(self.number); }
};

Serializer<Data> data_serializer() {
  return {[](const Data& data, Writer& out) -> Result<void> {
            encode(out, data.number);
            out.raw(data.filling);
            return {};
          },
          [](Reader& in) -> Result<Data> {
            Data data;
            decode(in, data.number);
            const View rest = in.raw(in.size());
            data.filling.assign(rest.begin(), rest.end());
            return data;
          }};
}

void must(const Result<void>& done) {
  if (!done) give_up(to_string(done.error()));
}

class Server : public Protocol {
 public:
  ProtocolId id() const override { return 1; }
  std::string_view name() const override { return "server"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_serializer<Pong>();
    ctx.register_message_serializer<Total>();
    ctx.register_message_serializer<Data>(data_serializer());
    ctx.register_message_handler<Ping>([this](const Ping& ping, const Host& from) {
      if (!ctx_->send(Pong{ping.number}, from)) give_up("a Pong was refused");
    });
    ctx.register_message_handler<Data>([this](const Data& data, const Host&) {
      ++total_.count;
      total_.sum += data.number;
    });
    ctx.register_message_handler<End>([this](const End&, const Host& from) {
      must(ctx_->send(total_, from));
      total_ = {};
    });
  }
  void init(Context&) override {}

 private:
  Context* ctx_ = nullptr;
  Total total_;
};

enum class What : std::uint8_t { oneway, window, rtt, burst };

class Client : public Protocol {
 public:
  Client(What what, Host server, std::uint64_t count, std::uint64_t outstanding, std::size_t bytes)
      : what_(what), server_(std::move(server)), count_(count), outstanding_(outstanding), filling_(bytes - 8, 'x') {}
  ProtocolId id() const override { return 1; }
  std::string_view name() const override { return "client"; }
  void start(Context& ctx) override {
    ctx_ = &ctx;
    ctx.register_message_serializer<Ping>();
    ctx.register_message_serializer<End>();
    ctx.register_message_serializer<Data>(data_serializer());
    ctx.register_message_handler<Pong>([this](const Pong& pong, const Host&) { on_pong(pong); });
    ctx.register_message_handler<Total>([this](const Total& total, const Host&) {
      finish(std::to_string(total.count) + " " + std::to_string(total.sum));
    });
  }
  void init(Context& ctx) override { ctx.connect(server_); }
  void on_session_connected(const Host&) override {
    begin_ = Clock::now();
    pump();
  }
  void on_session_writable(const Host&) override { pump(); }
  void on_session_disconnected(const Host&, const Error& why) override {
    if (value == 0) give_up("disconnected: " + to_string(why));
  }

  double value = 0;
  std::string check;

 private:
  bool send_one() {
    if (what_ == What::oneway) return ctx_->send(Data{sent_, filling_}, server_).has_value();
    return ctx_->send(Ping{sent_}, server_).has_value();
  }
  void pump() {
    while (sent_ < count_ && sent_ - pongs_ < outstanding_ && send_one()) ++sent_;
    if (what_ == What::oneway && sent_ == count_ && !end_sent_) end_sent_ = ctx_->send(End{}, server_).has_value();
  }
  void on_pong(const Pong& pong) {
    if (pong.number != pongs_) give_up("Pongs are out of order");
    if (++pongs_ == count_) return finish(std::to_string(pongs_));
    pump();
  }
  void finish(std::string what) {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    value = what_ == What::rtt ? seconds / static_cast<double>(count_) : static_cast<double>(count_) / seconds;
    check = std::move(what);
    ctx_->stop_runtime("measured");
  }

  What what_;
  Host server_;
  std::uint64_t count_;
  std::uint64_t outstanding_;  // one way: no bound
  Bytes filling_;
  Context* ctx_ = nullptr;
  Clock::time_point begin_;
  std::uint64_t sent_ = 0;
  std::uint64_t pongs_ = 0;
  bool end_sent_ = false;
};

std::unique_ptr<Runtime> runtime() {
  RuntimeOptions options;
  options.self = {"127.0.0.1", 0};
  options.channel.wire = Wire::w3;
  options.log.level = LogLevel::error;
  auto made = Runtime::create(std::move(options));
  if (!made) give_up(to_string(made.error()));
  return std::move(*made);
}

void serve() {
  const auto server = runtime();
  must(server->add(std::make_unique<Server>()));
  must(server->start());
  std::printf("%u\n", static_cast<unsigned>(server->self().port));
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

int run(int argc, char** argv) {
  keep_freed_memory();
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (argc == 2 && what == "serve") {
    serve();
    return 0;
  }
  const bool known =
      ((what == "oneway" || what == "window") && argc == 5) || ((what == "rtt" || what == "burst") && argc == 4);
  if (!known)
    give_up(
        "usage: serve | oneway PORT COUNT BYTES | window PORT COUNT OUTSTANDING | rtt PORT COUNT | burst PORT COUNT");
  const Host server{"127.0.0.1", static_cast<std::uint16_t>(number(argv[2]))};
  const std::uint64_t count = number(argv[3]);
  std::unique_ptr<Client> client;
  if (what == "oneway") client = std::make_unique<Client>(What::oneway, server, count, UINT64_MAX, number(argv[4]));
  if (what == "window") client = std::make_unique<Client>(What::window, server, count, number(argv[4]), 8);
  if (what == "rtt") client = std::make_unique<Client>(What::rtt, server, count, 1, 8);
  if (what == "burst") client = std::make_unique<Client>(What::burst, server, count, UINT64_MAX, 8);
  Client* raw = client.get();
  const auto program = runtime();
  must(program->add(std::move(client)));
  program->run();
  report(raw->value, raw->check);
  return 0;
}

}  // namespace
}  // namespace myelin::bench

int main(int argc, char** argv) { return myelin::bench::run(argc, argv); }
