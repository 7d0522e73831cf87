#include "embed/blocking.hpp"
#include "embed/inside.hpp"
#include "io/real.hpp"
#include "io/stopwatch.hpp"
#include "myelin/protocol/runtime.hpp"
#include "node/node.hpp"
#include "protocol/libp2p_channel.hpp"
#include "protocol/log_format.hpp"
#include "protocol/loop_runtime.hpp"
#include "protocol/process_bridge.hpp"
#include "protocol/session_channel.hpp"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <type_traits>

namespace myelin::protocol {
namespace {

std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<void> check(const RuntimeOptions& options) {
  if (auto checked = RuntimeLog::check(options.log); !checked) return checked;
  const ChannelOptions& channel = options.channel;
  const RetryPolicy& retry = channel.retry;
  const auto contradiction = [](const char* what) { return fail(ErrorCode::bad_request, what); };
  if (options.mailbox_capacity == 0) return contradiction("mailbox_capacity is at least 1");
  if (options.request_timeout.count() <= 0) return contradiction("request_timeout is more than 0");
  if (channel.queue_bytes == 0) return contradiction("queue_bytes is at least 1");
  if (channel.max_sessions == 0) return contradiction("max_sessions is at least 1");
  if (channel.dial_timeout.count() <= 0 || channel.handshake_timeout.count() <= 0) {
    return contradiction("dial_timeout and handshake_timeout are more than 0");
  }
  if (channel.stall_timeout.count() < 0 || channel.idle_timeout.count() < 0) {
    return contradiction("stall_timeout and idle_timeout are not below 0");
  }
  if (retry.initial.count() <= 0 || retry.maximum < retry.initial) {
    return contradiction("retry.initial is more than 0 and at most retry.maximum");
  }
  if (options.busy_wait.count() < 0 || options.busy_wait > std::chrono::milliseconds(1)) {
    return contradiction("busy_wait is from 0 to 1 ms");
  }
  for (const std::string& peer : options.allow) {
    if (auto parsed = identity::PeerId::parse(peer); !parsed) return fail(parsed.error());
  }
  if (!(retry.factor >= 1)) return contradiction("retry.factor is at least 1");
  if (!(retry.jitter >= 0 && retry.jitter <= 1)) return contradiction("retry.jitter is from 0 to 1");
  return {};
}

kernel::AccessList access_of(const RuntimeOptions& options) {
  kernel::AccessList access;
  access.anyone = options.allow_anyone;
  for (const std::string& peer : options.allow) access.peers.push_back(*identity::PeerId::parse(peer));
  return access;
}

}  // namespace

// Everything below the line belongs to the loop's thread; within a node that is the one of its libp2p host.
struct Runtime::Impl {
  explicit Impl(RuntimeOptions given) : options(std::move(given)) {
    if (options.node == nullptr) {
      own_loop = io::RealLoop::create();
      own_loop->set_busy_wait(options.busy_wait);
      loop = own_loop.get();
      thread = std::thread([raw = own_loop.get()] { raw->run(); });
    } else {
      loop = &embed::Inside::node(*options.node).host_loop();
    }
    on_loop([this] { build(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    on_loop([this] { runtime->cancel(); });
    if (was_started()) await_end();
    on_loop([this] {
      runtime.reset();
      bridge.reset();
      ending.reset();
    });
    if (!own_loop) return;
    own_loop->stop();
    thread.join();
  }

  void build() {
    log = std::make_unique<RuntimeLog>(options.log, wall_ns);
    CoreConfig config = core_config(options, log.get());
    config.clock_origin = loop->now();
    config.stopwatch_ns = [] { return io::stopwatch().time_since_epoch().count(); };
    std::unique_ptr<Channel> channel;
    if (options.node == nullptr) {
      channel = std::make_unique<SessionChannel>(*loop, options.self, options.channel, channel_log(log.get()));
    } else {
      node::Node& node = embed::Inside::node(*options.node);
      channel = std::make_unique<Libp2pChannel>(*loop, node.host(), options.channel, channel_log(log.get()));
      bridge = std::make_unique<ProcessBridge>(node.kernel(), *loop, access_of(options));
    }
    runtime = std::make_unique<LoopRuntime>(*loop, std::move(config), std::move(channel), bridge.get());
    if (bridge) bridge->attach(runtime->core());
    ending = std::make_unique<io::Scope>(*loop);
  }

  // Runs `work` on the loop's thread and gives what it gave.
  template <typename F>
  std::invoke_result_t<F> on_loop(F work) const {
    if (loop->here()) return work();
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(work));
    auto value = task.get_future();
    loop->post([task = std::move(task)]() mutable { task(); });
    return value.get();
  }

  Result<void> start() {
    if (options.node == nullptr && options.self.empty()) {
      return fail(ErrorCode::no_channel, "neither a host to listen on nor a node to run in");
    }
    {
      const std::scoped_lock lock(mutex);
      if (std::exchange(started, true)) return fail(ErrorCode::conflict, "the runtime was started before");
    }
    return embed::run_on<Result<void>>(*loop, [this] { return begin(); });
  }

  // The protocols stand in the node's table before they begin, so that they may send from their first callback on.
  io::Task<Result<void>> begin() {
    Result<void> begun;
    if (bridge) begun = co_await bridge->start();
    if (begun) {
      runtime->on_end = [this](const StopReason& why) { ending->spawn(end(why)); };
      begun = runtime->start();
      if (!begun && !runtime->ending() && bridge) co_await bridge->stop();
    }
    // What has not begun may be tried again.
    if (!begun && !runtime->ending()) {
      const std::scoped_lock lock(mutex);
      started = false;
    }
    co_return begun;
  }

  io::Task<void> end(StopReason why) {
    if (bridge) co_await bridge->stop();
    const std::scoped_lock lock(mutex);
    reason = std::move(why);
    changed.notify_all();
  }
  bool was_started() const {
    const std::scoped_lock lock(mutex);
    return started;
  }
  StopReason await_end() const {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return reason.has_value(); });
    return *reason;
  }

  RuntimeOptions options;
  std::unique_ptr<io::RealLoop> own_loop;  // null within a node
  std::thread thread;
  io::Loop* loop = nullptr;
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  bool started = false;
  std::optional<StopReason> reason;
  // -- The loop's.
  std::unique_ptr<RuntimeLog> log;
  std::unique_ptr<ProcessBridge> bridge;
  std::unique_ptr<LoopRuntime> runtime;
  std::unique_ptr<io::Scope> ending;
};

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Runtime::~Runtime() = default;

Result<std::unique_ptr<Runtime>> Runtime::create(RuntimeOptions options) {
  if (auto sound = check(options); !sound) return fail(sound.error());
  return std::unique_ptr<Runtime>(new Runtime(std::make_unique<Impl>(std::move(options))));
}

Result<void> Runtime::add(std::unique_ptr<Protocol> protocol, Supervision supervision) {
  return impl_->on_loop([&] { return impl_->runtime->core().add(std::move(protocol), supervision); });
}
Result<void> Runtime::add(ProtocolFactory factory, Supervision supervision) {
  return impl_->on_loop([&] { return impl_->runtime->core().add(std::move(factory), supervision); });
}

Result<void> Runtime::start() { return impl_->start(); }
Host Runtime::self() const {
  return impl_->on_loop([this] { return impl_->runtime->self(); });
}

StopReason Runtime::wait() {
  if (!impl_->was_started()) return {StopReason::Kind::failed, "the runtime was not started"};
  return impl_->await_end();
}

StopReason Runtime::run() {
  if (auto started = start(); !started) return {StopReason::Kind::failed, to_string(started.error())};
  return wait();
}

StopReason Runtime::run_for(Duration duration) {
  if (auto started = start(); !started) return {StopReason::Kind::failed, to_string(started.error())};
  impl_->on_loop([&] { impl_->runtime->stop_after(duration); });
  return wait();
}

void Runtime::shutdown(Duration limit) {
  impl_->on_loop([&] { impl_->runtime->shutdown(limit); });
}
void Runtime::cancel() {
  impl_->on_loop([this] { impl_->runtime->cancel(); });
}

bool Runtime::post(std::function<void()> callback) {
  return impl_->on_loop([&] {
    if (!impl_->runtime->running()) return false;
    impl_->runtime->core().post(std::move(callback));
    return true;
  });
}

std::vector<ProtocolStatus> Runtime::protocols() const {
  return impl_->on_loop([this] {
    std::vector<ProtocolStatus> list = impl_->runtime->core().protocols();
    if (impl_->bridge) impl_->bridge->name_processes(list);
    return list;
  });
}
std::vector<std::pair<std::string, double>> Runtime::metrics() const {
  return impl_->on_loop([this] { return impl_->runtime->core().metrics(); });
}

}  // namespace myelin::protocol
