#include "io/real/launch.hpp"

#include "io/real/system_error.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

extern char** environ;

namespace myelin::io::real {

namespace {

struct PipeEnds {
  OwnedFd read;
  OwnedFd write;
};

Result<PipeEnds> open_pipe() {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(io_error("pipe for a child", errno));
  // The child's ends become 0, 1 and 2 by dup2, which must not be a copy onto themselves: that would keep
  // close-on-exec. So they stand above.
  PipeEnds pipe{OwnedFd(ends[0]), OwnedFd(ends[1])};
  for (OwnedFd* end : {&pipe.read, &pipe.write}) {
    if (end->get() > STDERR_FILENO) continue;
    OwnedFd moved(fcntl(end->get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!moved) return fail(io_error("pipe for a child", errno));
    *end = std::move(moved);
  }
  return pipe;
}

void set_non_blocking(const OwnedFd& fd) { fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

// All that the child needs, laid out before the vfork.
struct Start {
  const char* program = nullptr;
  std::vector<char*> arguments;
  std::array<int, 3> standard{};  // to become 0, 1 and 2
  rlimit cpu{};
  rlimit memory{};
  bool limit_cpu = false;
  bool limit_memory = false;
  PipeEnds report;  // closed by exec; the child writes its errno there, if it cannot start
};

void set_limit_low(rlimit& limit, int resource, rlim_t soft, rlim_t hard) {
  getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  limit.rlim_cur = std::min(soft, limit.rlim_max);
  limit.rlim_max = std::min(hard, limit.rlim_max);
}

// In the child, on the parent's memory: system calls only. Never returns.
[[noreturn]] void become(Start& start) {
  setpgid(0, 0);
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGCHLD, SIGHUP}) sigaction(signal, &action, nullptr);
  bool good = true;
  for (int i = 0; i < 3; ++i) good = good && dup2(start.standard[static_cast<std::size_t>(i)], i) == i;
  if (start.limit_cpu) good = good && setrlimit(RLIMIT_CPU, &start.cpu) == 0;
  if (start.limit_memory) good = good && setrlimit(RLIMIT_AS, &start.memory) == 0;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (good) execve(start.program, start.arguments.data(), environ);
  const int error = errno;
  [[maybe_unused]] const auto written = write(start.report.write.get(), &error, sizeof error);
  _exit(127);
}

// Its own function, so that nothing of the caller's frame is live across the two returns of vfork.
[[gnu::noinline]] pid_t start_child(Start& start) {
  const pid_t pid = vfork();
  if (pid == 0) become(start);
  return pid;
}

Result<pid_t> start_blocked(Start& start, const std::string& program) {
  // No handler of ours may run in the child while it shares our memory.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = start_child(start);
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail(io_error("start " + program, fork_error));
  // A pipe rather than a word of shared memory: it holds as well where vfork is a fork (thread sanitizer).
  start.report.write.reset();
  int error = 0;
  ssize_t got = 0;
  do {
    got = read(start.report.read.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof error) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return fail(io_error("start " + program, error));
  }
  return pid;
}

Start lay_out(const ChildSpec& spec) {
  Start start;
  start.program = spec.program.c_str();
  start.arguments.push_back(const_cast<char*>(spec.program.c_str()));
  for (const std::string& argument : spec.arguments) start.arguments.push_back(const_cast<char*>(argument.c_str()));
  start.arguments.push_back(nullptr);
  start.limit_cpu = spec.cpu_limit_s != 0;
  start.limit_memory = spec.memory_limit_bytes != 0;
  // SIGXCPU at the soft limit, SIGKILL a second later for who ignores it.
  set_limit_low(start.cpu, RLIMIT_CPU, spec.cpu_limit_s, spec.cpu_limit_s + 1);
  set_limit_low(start.memory, RLIMIT_AS, spec.memory_limit_bytes, spec.memory_limit_bytes);
  return start;
}

}  // namespace

Result<Launched> launch(const ChildSpec& spec) {
  auto input = open_pipe();
  auto output = open_pipe();
  auto errors = open_pipe();
  for (const auto* pipe : {&input, &output, &errors}) {
    if (!*pipe) return fail(pipe->error());
  }
  auto report = open_pipe();
  if (!report) return fail(std::move(report.error()));
  Start start = lay_out(spec);
  start.report = std::move(*report);
  start.standard = {input->read.get(), output->write.get(), errors->write.get()};
  const auto pid = start_blocked(start, spec.program);
  if (!pid) return fail(pid.error());
  Launched child;
  child.pid = *pid;
  child.pidfd = OwnedFd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
  if (!child.pidfd) {
    const int error = errno;
    kill(-*pid, SIGKILL);
    waitpid(*pid, nullptr, 0);
    return fail(io_error("watch " + spec.program, error));
  }
  child.input = std::move(input->write);
  child.output = std::move(output->read);
  child.errors = std::move(errors->read);
  for (const OwnedFd* fd : {&child.pidfd, &child.input, &child.output, &child.errors}) set_non_blocking(*fd);
  return child;
}

}  // namespace myelin::io::real
