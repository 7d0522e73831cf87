#include "io/simulated/children.hpp"

#include "io/sync.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

namespace myelin::io::simulated {

namespace {

// When and by which signal a program that lasts `duration` is killed, if it is.
struct Kill {
  Duration after;
  int signal;
};

std::optional<Kill> find_kill(const ChildSpec& spec, Duration duration) {
  std::optional<Kill> kill;
  if (spec.cpu_limit_s > 0) {
    const auto most =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(Duration::max()).count());
    kill = Kill{std::chrono::seconds(std::min(spec.cpu_limit_s, most)), SIGXCPU};
  }
  if (spec.wall_limit > Duration{} && (!kill || spec.wall_limit < kill->after)) kill = Kill{spec.wall_limit, SIGKILL};
  if (kill && duration <= kill->after) kill.reset();
  return kill;
}

void bound(Buffer& output, std::size_t most) {
  if (output.size() > most) output.truncate(most);
}

}  // namespace

Task<Result<ChildEnd>> SimulatedChildren::run(ChildSpec spec, CancelToken token) {
  const auto found = programs_.find(spec.program);
  if (found == programs_.end()) co_return fail(ErrorCode::io, spec.program + ": no such program", ENOENT);
  const Program program = found->second;
  const auto kill = find_kill(spec, program.duration);
  const auto waited = co_await sleep_for(loop_, kill ? kill->after : program.duration, std::move(token));
  if (!waited) co_return fail(ErrorCode::cancelled, spec.program + " was cancelled");
  if (kill) co_return ChildEnd{.timed_out = true, .exit_code = -1, .signal = kill->signal, .output = {}, .errors = {}};
  ChildEnd end = program.run(spec);
  bound(end.output, spec.max_output_bytes);
  bound(end.errors, spec.max_output_bytes);
  co_return end;
}

}  // namespace myelin::io::simulated
