#include "wasm/compile_places.hpp"

#include <utility>

namespace myelin::wasm {

CompilePlaces::Ticket::Ticket(CompilePlaces& places, io::Loop& loop)
    : places_(places), claim_(std::make_shared<Claim>(loop)) {
  const std::lock_guard lock(places_.mutex_);
  if (places_.free_ > 0) {
    --places_.free_;
    claim_->state = State::placed;
  } else if (places_.waiting_.size() < max_waiting) {
    places_.waiting_.push_back(claim_);
  } else {
    claim_->state = State::refused;
  }
}

CompilePlaces::Ticket::~Ticket() {
  const std::lock_guard lock(places_.mutex_);
  if (claim_->state == State::waiting) std::erase(places_.waiting_, claim_);
  if (claim_->state != State::placed) return;
  if (places_.waiting_.empty()) {
    ++places_.free_;
    return;
  }
  std::shared_ptr<Claim> next = std::move(places_.waiting_.front());
  places_.waiting_.pop_front();
  next->state = State::placed;
  io::Loop& loop = next->loop;
  loop.post([next = std::move(next)] { next->turn.set(); });
}

io::Task<Result<void>> CompilePlaces::Ticket::granted() {
  const std::shared_ptr<Claim> claim = claim_;
  {
    const std::lock_guard lock(places_.mutex_);
    if (claim->state == State::refused) co_return fail(ErrorCode::limit, "too many modules wait to be compiled");
    if (claim->state == State::placed) co_return Result<void>{};
  }
  co_await claim->turn.wait();
  co_return Result<void>{};
}

}  // namespace myelin::wasm
