#include "io/children.hpp"

#include "io/real/descriptor.hpp"
#include "io/real/launch.hpp"
#include "io/real/loop_core.hpp"
#include "io/scope.hpp"
#include "io/sync.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <optional>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {

namespace {

constexpr std::size_t read_bytes = 16 * 1024;
constexpr int most_reads = 16;  // more than a pipe holds

// What a pipe of the child gave, up to a bound; what is over is read and dropped, so that the child never stalls on it.
struct Capture {
  Capture(LoopCore& loop, OwnedFd fd, std::size_t m) : pipe(loop, fd.release()), max(m) {}
  Descriptor pipe;
  std::size_t max;
  Bytes bytes;
  bool ended = false;  // the child has: take what is here, and wait for no more
};

struct Child {
  Child(LoopCore& loop, Launched launched, ChildSpec s)
      : spec(std::move(s)),
        pid(launched.pid),
        end(loop, launched.pidfd.release()),
        input(loop, launched.input.release()),
        output(loop, std::move(launched.output), spec.max_output_bytes),
        errors(loop, std::move(launched.errors), spec.max_output_bytes) {}

  // The whole group: it may have children of its own. The child is not reaped yet, so the number is still its.
  void kill_group() const { ::kill(-pid, SIGKILL); }

  ChildSpec spec;
  pid_t pid;
  Descriptor end;
  Descriptor input;
  Capture output;
  Capture errors;
  std::optional<ErrorCode> killed;  // timeout or cancelled
};

enum class Left : std::uint8_t { nothing, perhaps, ended };

// Reads what is here, or some of it if the child floods us.
Left read_all(Capture& capture) {
  std::array<std::uint8_t, read_bytes> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read
  for (int round = 0; round < most_reads;) {
    const ssize_t n = ::read(capture.pipe.fd(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 && errno == EAGAIN ? Left::nothing : Left::ended;
    const std::size_t room = capture.max - capture.bytes.size();
    const auto got = std::min(static_cast<std::size_t>(n), room);
    capture.bytes.insert(capture.bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
    ++round;
  }
  return Left::perhaps;
}

// Ends with the pipe, or when the wait is cancelled because the child has ended.
Task<void> collect(LoopCore* loop, Capture* capture) {
  while (true) {
    const Left left = read_all(*capture);
    if (left == Left::ended || capture->ended) break;
    if (left == Left::perhaps) {
      co_await yield(*loop);
    } else {
      co_await capture->pipe.wait(Way::read);
    }
  }
}

Task<void> feed(Child* child) {
  View left = child->spec.input.view();
  while (!left.empty()) {
    const ssize_t n = ::write(child->input.fd(), left.data(), left.size());
    if (n >= 0) {
      left = left.subspan(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      if (child->output.ended || !co_await child->input.wait(Way::write)) break;
    } else if (errno != EINTR) {
      break;  // it does not want it (EPIPE), which is its own business
    }
  }
  child->input.close();
}

void reap(const Child& child, ChildEnd& end) {
  int status = 0;
  rusage used{};
  while (wait4(child.pid, &status, 0, &used) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  const auto cpu_s = static_cast<std::uint64_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
  const bool over_cpu = child.spec.cpu_limit_s != 0 &&
                        (end.signal == SIGXCPU || (end.signal == SIGKILL && cpu_s >= child.spec.cpu_limit_s));
  end.timed_out = child.killed == ErrorCode::timeout || over_cpu;
}

class RealChildren final : public Children {
 public:
  explicit RealChildren(LoopCore& loop) : loop_(loop) {}
  RealChildren(const RealChildren&) = delete;
  RealChildren& operator=(const RealChildren&) = delete;
  // The tasks that waited for these children will not run again: nobody else reaps them.
  ~RealChildren() override {
    for (const auto& [pid, child] : running_) {
      child->kill_group();
      while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

  Task<Result<ChildEnd>> run(ChildSpec spec, CancelToken token) override;

 private:
  Task<void> watch(Child* child, CancelToken token);

  LoopCore& loop_;
  std::map<pid_t, Child*> running_;
};

// Until the child has ended, by itself or killed.
Task<void> RealChildren::watch(Child* child, CancelToken token) {
  const auto kill_for = [child](ErrorCode why) {
    if (!child->killed) child->killed = why;
    child->kill_group();
  };
  Loop::TimerId timer = 0;
  if (child->spec.wall_limit > Duration::zero()) {
    timer = loop_.start_timer(loop_.now() + child->spec.wall_limit, [kill_for] { kill_for(ErrorCode::timeout); });
  }
  const CancelCallback on_cancel(token, [kill_for] { kill_for(ErrorCode::cancelled); });
  co_await child->end.wait(Way::read);
  if (timer != 0) loop_.cancel_timer(timer);
  child->kill_group();  // those that it left behind
}

Task<Result<ChildEnd>> RealChildren::run(ChildSpec spec, CancelToken token) {
  if (token.fired()) co_return fail(ErrorCode::cancelled, "the child was not started");
  auto launched = launch(spec);
  if (!launched) co_return fail(std::move(launched.error()));
  Child child(loop_, std::move(*launched), std::move(spec));
  running_.emplace(child.pid, &child);
  Scope pipes(loop_);
  pipes.spawn(feed(&child));
  pipes.spawn(collect(&loop_, &child.output));
  pipes.spawn(collect(&loop_, &child.errors));
  co_await watch(&child, std::move(token));
  // What the child wrote is in the pipes by now. Their end need not come: a grandchild in a group of its own may hold
  // them, so nobody waits for it.
  child.output.ended = child.errors.ended = true;
  for (Descriptor* pipe : {&child.input, &child.output.pipe, &child.errors.pipe}) pipe->cancel();
  co_await pipes.join();
  ChildEnd end;
  reap(child, end);
  running_.erase(child.pid);
  if (child.killed == ErrorCode::cancelled) co_return fail(ErrorCode::cancelled, "the child was killed");
  end.output = Buffer::copy_of(View(child.output.bytes));
  end.errors = Buffer::copy_of(View(child.errors.bytes));
  co_return std::move(end);
}

}  // namespace

std::unique_ptr<Children> make_children(LoopCore& loop) { return std::make_unique<RealChildren>(loop); }

}  // namespace myelin::io::real
