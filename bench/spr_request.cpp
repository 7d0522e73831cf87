// [spr-request] Request and reply between two protocols of one runtime, one outstanding, against two hops of the same
// bytes through a ring buffer on the same thread, in blocks that take turns. The figure is the difference, in seconds.
//
//   bench_spr_request <requests>
#include "bench/report.hpp"
#include "myelin/protocol.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace myelin;
using namespace myelin::protocol;
using Clock = std::chrono::steady_clock;

struct Request {
  std::uint64_t number;
};
struct Reply {
  std::uint64_t number;
};

// What a request cannot do without: its bytes go over a queue and come back over another.
class Rings {
 public:
  std::uint64_t hop(std::uint64_t number) {
    requests_[in_ & mask] = {number};
    kept(requests_);
    const Request request = requests_[in_ & mask];
    replies_[in_ & mask] = {request.number + 1};
    kept(replies_);
    return replies_[in_++ & mask].number;
  }

 private:
  static constexpr std::size_t mask = 1023;
  // The compiler may not see through the queue.
  template <typename T>
  static void kept(T& ring) {
    asm volatile("" : : "r"(&ring) : "memory");
  }
  std::array<Request, mask + 1> requests_{};
  std::array<Reply, mask + 1> replies_{};
  std::size_t in_ = 0;
};

class Answering : public Protocol {
 public:
  ProtocolId id() const override { return 1; }
  std::string_view name() const override { return "answering"; }
  void start(Context& ctx) override {
    ctx.register_request_handler<Request, Reply>(
        [](const Request& request, Responder<Reply> responder) { responder.reply({request.number + 1}); });
  }
  void init(Context&) override {}
};

class Asking : public Protocol {
 public:
  Asking(std::uint64_t requests, std::vector<double>& seconds, std::vector<double>& ring_seconds, std::uint64_t& sum)
      : left_(requests), seconds_(seconds), ring_seconds_(ring_seconds), sum_(sum) {}
  ProtocolId id() const override { return 2; }
  std::string_view name() const override { return "asking"; }
  void start(Context& ctx) override { ctx_ = &ctx; }
  void init(Context&) override { begin_block(); }

 private:
  static constexpr std::uint64_t block = 20'000;

  void begin_block() {
    in_block_ = std::min(block, left_);
    left_ -= in_block_;
    size_ = in_block_;
    begun_ = Clock::now();
    ask();
  }
  void ask() {
    ctx_->request<Request, Reply>({in_block_}, [this](Result<Reply> reply) { on_reply(reply); });
  }
  void on_reply(const Result<Reply>& reply) {
    if (!reply) bench::give_up(to_string(reply.error()));
    sum_ += reply->number;
    if (--in_block_ > 0) return ask();
    seconds_.push_back(since(begun_) / static_cast<double>(size_));
    begun_ = Clock::now();
    std::uint64_t sum = 0;
    for (std::uint64_t i = size_; i > 0; --i) sum += rings_.hop(i);
    ring_seconds_.push_back(since(begun_) / static_cast<double>(size_));
    if (sum != size_ * (size_ + 3) / 2) bench::give_up("the rings do not add up");
    if (left_ == 0) return ctx_->stop_runtime("done");
    begin_block();
  }
  static double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

  Context* ctx_ = nullptr;
  std::uint64_t left_, in_block_ = 0, size_ = 0;
  Clock::time_point begun_;
  Rings rings_;
  std::vector<double>& seconds_;
  std::vector<double>& ring_seconds_;
  std::uint64_t& sum_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) bench::give_up("bench_spr_request <requests>");
  const std::uint64_t requests = std::max<std::uint64_t>(1, bench::number(arguments[1]));
  std::vector<double> seconds, ring_seconds;
  std::uint64_t sum = 0;
  auto runtime = Runtime::create({.self = {"127.0.0.1", 0}, .log = {LogLevel::error}});
  if (!runtime) bench::give_up(to_string(runtime.error()));
  if (auto added = (*runtime)->add(std::make_unique<Answering>()); !added) bench::give_up(to_string(added.error()));
  if (auto added = (*runtime)->add(std::make_unique<Asking>(requests, seconds, ring_seconds, sum)); !added) {
    bench::give_up(to_string(added.error()));
  }
  if (const StopReason why = (*runtime)->run(); why.kind != StopReason::Kind::experiment) bench::give_up(why.detail);
  const double ours = median(seconds), rings = median(ring_seconds);
  bench::report(ours - rings, std::to_string(sum),
                R"(, "request": )" + std::to_string(ours * 1e9) + R"(, "rings": )" + std::to_string(rings * 1e9));
}
