// Messages that a scenario sends to processes: each is open until its outcome has come, or its node has ended.
#include "sim/world.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace myelin::simulation {
namespace {

std::string short_text(std::string_view text) {
  constexpr std::size_t most = 100;
  return text.size() <= most ? std::string(text) : std::string(text.substr(0, most)) + "…";
}

}  // namespace

void Simulation::Impl::call(NodeIndex node, const ProcessCall& call) {
  if (!face.alive(node)) return;
  const std::uint64_t number = ++next_call;
  open_calls.emplace(number, OpenCall{node, "node " + std::to_string(node) + ", " + short_text(call.process) + " " +
                                                short_text(call.method)});
  face.post(node, [this, number, call](protocol::Context& ctx) {
    ctx.call_process(
        call.process, call.method, protocol::Bytes(call.body.begin(), call.body.end()),
        [this, number, call](const Result<protocol::Bytes>& answer) { call_ended(number, call, answer); },
        call.timeout);
  });
}

void Simulation::Impl::call_ended(std::uint64_t number, const ProcessCall& call,
                                  const Result<protocol::Bytes>& answer) {
  const auto open = open_calls.extract(number);
  if (!open) return;
  const std::string what = open.mapped().what + ": ";
  const NodeIndex node = open.mapped().node;
  if (!answer) return fail_now("call", what + to_string(answer.error()), node);
  const std::string_view text(reinterpret_cast<const char*>(answer->data()), answer->size());
  if (call.expect && text != *call.expect)
    fail_now("call", what + "'" + short_text(text) + "' in place of '" + short_text(*call.expect) + "'", node);
}

void Simulation::call(NodeIndex node, const ProcessCall& call) { impl_->call(node, call); }

std::vector<std::string> Simulation::open_calls() const {
  std::vector<std::string> calls;
  for (const auto& [number, call] : impl_->open_calls) calls.push_back(call.what);
  return calls;
}

}  // namespace myelin::simulation
