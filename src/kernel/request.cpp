#include "kernel/request.hpp"

#include "kernel/delivery.hpp"
#include "kernel/shard.hpp"

namespace myelin::kernel {

namespace {

Result<void> check_request(const Core& core, const Message& message) {
  if (core.stopped || core.draining) return fail(ErrorCode::stopping, "the node stops");
  if (message.kind != Message::Kind::request) return fail(ErrorCode::bad_request, "not a request");
  if (std::holds_alternative<io::PipeReader>(message.payload.bytes))
    return fail(ErrorCode::bad_request, "the payload of a request is a rope");
  if (message.body.size() > limits::message_body_bytes) return fail(ErrorCode::too_large, "the body is over its limit");
  const auto* rope = std::get_if<Rope>(&message.payload.bytes);
  if (rope != nullptr && rope->size() > limits::payload_rope_bytes)
    return fail(ErrorCode::too_large, "the payload is over its limit");
  if (message.metadata.size() > abi::side_bytes || message.payload.mime.size() > abi::mime_bytes)
    return fail(ErrorCode::too_large, "the metadata or type is over its limit");
  if (!core.own(message.target.node)) {
    if (message.principal.kind == Principal::Kind::peer || message.principal.kind == Principal::Kind::anonymous)
      return fail(ErrorCode::forbidden, "this node does not forward for others");
    if (core.route == nullptr) return fail(ErrorCode::offline, "this node reaches no others");
  }
  return {};
}

}  // namespace

void start_request(const std::shared_ptr<Core>& core, io::Loop& caller, Message message, OutcomeCallback done,
                   RoomCallback room) {
  ++core->in_flight;
  auto give = [core, &caller, done = std::move(done)](Outcome outcome) mutable {
    --core->in_flight;
    caller.post([done = std::move(done), outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
  };
  RoomCallback tell;
  if (room) tell = [core, &caller, room = std::move(room)]() mutable { caller.post(std::move(room)); };
  Shard& here = core->shard_at(caller);
  if (auto fine = check_request(*core, message); !fine) {
    ++here.counters.outcomes_error[static_cast<std::size_t>(fine.error().code)];
    return give(fail(fine.error()));
  }
  if (!core->own(message.target.node)) {
    core->route->loop().post(
        [core, message = std::move(message), give = std::move(give), tell = std::move(tell)]() mutable {
          core->route->request(std::move(message), std::move(give), std::move(tell));
        });
    return;
  }
  auto delivery = std::make_unique<Delivery>();
  delivery->ticket = core->next_ticket++;
  auto process = message.target.process;
  delivery->message = std::move(message);
  delivery->reply = [give = std::move(give)](Ending ending) mutable { give(std::move(ending.outcome)); };
  delivery->room = std::move(tell);
  core->route_delivery(here, process, std::move(delivery));
}

}  // namespace myelin::kernel
