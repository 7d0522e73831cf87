#include "kernel/process.hpp"

namespace myelin::kernel {

std::string_view name(ProcessKind kind) {
  switch (kind) {
    case ProcessKind::method:
      return "method";
    case ProcessKind::mailbox:
      return "mailbox";
    case ProcessKind::command:
      return "command";
    case ProcessKind::native:
      return "native";
  }
  return "method";
}

std::string_view name(ProcessState state) {
  switch (state) {
    case ProcessState::starting:
      return "starting";
    case ProcessState::ready:
      return "ready";
    case ProcessState::busy:
      return "busy";
    case ProcessState::backoff:
      return "backoff";
    case ProcessState::stopped:
      return "stopped";
    case ProcessState::exited:
      return "exited";
    case ProcessState::failed:
      return "failed";
  }
  return "failed";
}

std::string_view name(RestartPolicy policy) {
  switch (policy) {
    case RestartPolicy::never:
      return "never";
    case RestartPolicy::on_failure:
      return "on-failure";
    case RestartPolicy::always:
      return "always";
  }
  return "never";
}

std::optional<RestartPolicy> restart_policy(std::string_view text) {
  for (auto policy : {RestartPolicy::never, RestartPolicy::on_failure, RestartPolicy::always})
    if (name(policy) == text) return policy;
  return std::nullopt;
}

std::string_view name(Signal signal) {
  switch (signal) {
    case Signal::kill:
      return "kill";
    case Signal::stop:
      return "stop";
    case Signal::resume:
      return "resume";
    case Signal::restart:
      return "restart";
  }
  return "kill";
}

std::optional<Signal> signal(std::string_view text) {
  for (auto value : {Signal::kill, Signal::stop, Signal::resume, Signal::restart})
    if (name(value) == text) return value;
  return std::nullopt;
}

}  // namespace myelin::kernel
