// Cancellation: a CancelSource is fired once; its tokens tell those who wait.
//
// Firing runs the registered callbacks in the order of registration, inside fire(). A callback may deregister itself
// or others, or drop the source.
// Thread: one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace myelin::io {

namespace detail {
struct CancelState;
}

class CancelToken {
 public:
  CancelToken() = default;  // never fires
  bool fired() const;

 private:
  friend class CancelSource;
  friend class CancelCallback;
  explicit CancelToken(std::shared_ptr<detail::CancelState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::CancelState> state_;  // shared: tokens may outlive their source
};

class CancelSource {
 public:
  CancelSource();
  CancelToken token() const { return CancelToken(state_); }
  bool fired() const;
  void fire();

 private:
  std::shared_ptr<detail::CancelState> state_;
};

// Calls `callback` when the token fires, unless destroyed before; at once (in the constructor) if it has fired.
class CancelCallback {
 public:
  CancelCallback(const CancelToken& token, std::move_only_function<void()> callback);
  CancelCallback(const CancelCallback&) = delete;
  CancelCallback& operator=(const CancelCallback&) = delete;
  ~CancelCallback();

 private:
  std::shared_ptr<detail::CancelState> state_;
  std::uint64_t id_ = 0;
};

}  // namespace myelin::io
