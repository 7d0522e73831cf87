#include "glia/sweep.hpp"

#include "base/check.hpp"

#include <utility>

namespace myelin::glia {

Sweep::Member::~Member() {
  if (owner_ != nullptr) owner_->remove(*this);
}

Sweep::~Sweep() {
  while (first_ != nullptr) remove(*first_);
  if (timer_ != 0) loop_.cancel_timer(timer_);
}

void Sweep::add(Member& member) {
  MYELIN_CHECK(member.owner_ == nullptr, "a member of one sweep at a time");
  member.owner_ = this;
  member.before_ = last_;
  member.after_ = nullptr;
  (last_ != nullptr ? last_->after_ : first_) = &member;
  last_ = &member;
  if (timer_ == 0) timer_ = loop_.start_timer(loop_.now() + interval, [this] { tick(); });
}

void Sweep::remove(Member& member) {
  if (member.owner_ != this) return;
  if (next_ == &member) next_ = member.after_;
  (member.before_ != nullptr ? member.before_->after_ : first_) = member.after_;
  (member.after_ != nullptr ? member.after_->before_ : last_) = member.before_;
  member.owner_ = nullptr;
  member.before_ = member.after_ = nullptr;
}

template <typename Visit>
void Sweep::each(Visit visit) {
  MYELIN_CHECK(next_ == nullptr, "a sweep within a sweep");
  next_ = first_;
  while (next_ != nullptr) visit(*std::exchange(next_, next_->after_));
}

void Sweep::tick() {
  timer_ = 0;
  const Instant now = loop_.now();
  each([now](Member& member) { member.sweep(now); });
  if (first_ != nullptr && timer_ == 0) timer_ = loop_.start_timer(now + interval, [this] { tick(); });
}

void Sweep::stop() {
  each([](Member& member) { member.stop_sweep(); });
}

}  // namespace myelin::glia
