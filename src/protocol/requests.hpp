// Requests: those between protocols of one core that are not over yet.
//
// Each ends in exactly one answer to its requester: the first of what its handler said, its deadline, or a refusal. An
// answer that comes later finds nothing. Thread: values.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "myelin/protocol/context.hpp"
#include "protocol/deadlines.hpp"
#include "protocol/slots.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace myelin::protocol {

// Who handles requests of a type. Its owner may go, and another come; queued requests point to it.
struct RequestHandlerEntry {
  detail::TypeKey type;
  std::uint32_t owner;
  detail::RequestHandler handler;  // empty: nobody now
};

class Requests {
 public:
  using Id = std::uint64_t;
  using Owner = std::uint32_t;
  struct Finished {
    detail::ReplyHandler reply;
    Result<detail::Value> answer;
    Instant sent;
  };

  // `name` outlives the request. Equal deadlines end in the order of the requests.
  Id add(Owner requester, std::string_view name, detail::ReplyHandler&& reply, Instant now, Instant deadline) {
    const Id id = requests_.add(requester, name, now, std::move(reply));
    deadlines_.add(Slots<Request>::index_of(id), deadline);
    return id;
  }
  // Gives the requester, who is to be told; nothing if there is no such request, or it has its answer.
  std::optional<Owner> answer(Id id, Result<detail::Value>&& answer) {
    Request* request = requests_.find(id);
    if (request == nullptr || request->answered) return std::nullopt;
    deadlines_.remove(Slots<Request>::index_of(id));
    request->answer = std::move(answer);
    request->answered = true;
    return request->requester;
  }
  bool waiting(Id id) {
    const Request* request = requests_.find(id);
    return request != nullptr && !request->answered;
  }
  // The type's name, as typeid gives it. REQUIRES: waiting(id).
  std::string_view name(Id id) { return requests_.find(id)->name; }
  // Takes out what was answered.
  std::optional<Finished> finish(Id id) {
    Request* request = requests_.find(id);
    if (request == nullptr || !request->answered) return std::nullopt;
    std::optional<Finished> finished(std::in_place, std::move(request->reply), std::move(request->answer),
                                     request->sent);
    requests_.erase(id);
    return finished;
  }

  Instant first() const { return deadlines_.first(); }
  std::optional<Id> next_due(Instant now) {
    if (deadlines_.empty() || deadlines_.first() > now) return std::nullopt;
    return requests_.id_at(deadlines_.first_slot());
  }
  // Drops a requester's, without an answer.
  void drop_all(Owner requester) {
    const auto dropped = requests_.take_if([requester](const Request& r) { return r.requester == requester; });
    for (const auto& [id, request] : dropped) deadlines_.remove(Slots<Request>::index_of(id));
  }
  std::size_t size() const { return requests_.size(); }

 private:
  struct Request {
    Owner requester;
    std::string_view name;
    Instant sent;
    detail::ReplyHandler reply;
    Result<detail::Value> answer{};
    bool answered = false;
  };
  Slots<Request> requests_;
  Deadlines deadlines_;
};

}  // namespace myelin::protocol
