#include "io/cancel.hpp"

#include <map>
#include <utility>

namespace myelin::io {

struct detail::CancelState {
  bool fired = false;
  std::uint64_t next_id = 1;
  std::map<std::uint64_t, std::move_only_function<void()>> callbacks;  // by id, which is the order of registration
};

bool CancelToken::fired() const { return state_ && state_->fired; }

CancelSource::CancelSource() : state_(std::make_shared<detail::CancelState>()) {}

bool CancelSource::fired() const { return state_->fired; }

void CancelSource::fire() {
  const auto state = state_;  // a callback may drop this source
  if (state->fired) return;
  state->fired = true;
  while (!state->callbacks.empty()) {
    // Taken out before the call, so that a callback that deregisters itself or others finds a sound map.
    auto entry = state->callbacks.extract(state->callbacks.begin());
    entry.mapped()();
  }
}

CancelCallback::CancelCallback(const CancelToken& token, std::move_only_function<void()> callback)
    : state_(token.state_) {
  if (!state_) return;
  if (state_->fired) {
    callback();
    return;
  }
  id_ = state_->next_id++;
  state_->callbacks.emplace(id_, std::move(callback));
}

CancelCallback::~CancelCallback() {
  if (state_ && id_ != 0) state_->callbacks.erase(id_);
}

}  // namespace myelin::io
