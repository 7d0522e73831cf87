#include "kernel/pumps.hpp"

namespace myelin::kernel {

void Pumps::start(std::unique_ptr<Delivery> delivery, Rope bytes, Ending ending, std::function<void()> done) {
  std::uint64_t ticket = delivery->ticket;
  pumps_.emplace(ticket, Pump{std::move(delivery), std::move(bytes), std::move(ending), std::move(done)});
  turn(ticket);
}

void Pumps::turn(std::uint64_t ticket) {
  auto found = pumps_.find(ticket);
  if (found == pumps_.end()) return;
  Pump& pump = found->second;
  while (!pump.rest.empty()) {
    View piece = pump.rest.segments().front().view();
    auto taken = pump.delivery->output.try_write(piece);
    if (!taken) return end(ticket, Ending{fail(ErrorCode::cancelled, "the caller has left"), std::nullopt});
    if (*taken == 0) {
      pump.delivery->output.on_ready([self = self_, ticket] {
        if (*self != nullptr) (*self)->turn(ticket);
      });
      return;
    }
    pump.rest.drop_front(*taken);
  }
  end(ticket, std::move(pump.ending));
}

bool Pumps::drop(std::uint64_t ticket, Error why) {
  if (!pumps_.contains(ticket)) return false;
  end(ticket, Ending{fail(std::move(why)), std::nullopt});
  return true;
}

void Pumps::drop_all(const Error& why) {
  while (!pumps_.empty()) drop(pumps_.begin()->first, why);
}

void Pumps::end(std::uint64_t ticket, Ending ending) {
  auto node = pumps_.extract(ticket);
  finish_(std::move(node.mapped().delivery), std::move(ending));
  if (node.mapped().done) node.mapped().done();
}

}  // namespace myelin::kernel
