// Watch: runs a function once when a time comes or a token fires, whichever is first, unless destroyed before. With it
// a coroutine bounds reads and writes that know no deadline: the function resets the stream, they end, and the Watch
// says why.
//
// Thread: the loop's. Lifetime: what the function touches must outlive the Watch.
#pragma once

#include "base/error.hpp"
#include "base/time.hpp"
#include "io/cancel.hpp"
#include "io/loop.hpp"

#include <functional>
#include <optional>

namespace myelin::libp2p {

class Watch {
 public:
  Watch(io::Loop& loop, Instant when, const io::CancelToken& token, std::move_only_function<void()> stop);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();

  // timeout or cancelled, once it has run.
  const std::optional<ErrorCode>& fired() const { return fired_; }
  // `error`, or what the Watch stopped it for.
  Error explain(Error error) const;

 private:
  void fire(ErrorCode why);

  io::Loop& loop_;
  std::move_only_function<void()> stop_;
  std::optional<ErrorCode> fired_;
  io::Loop::TimerId timer_ = 0;
  std::optional<io::CancelCallback> on_cancel_;
};

}  // namespace myelin::libp2p
