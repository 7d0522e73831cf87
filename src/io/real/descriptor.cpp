#include "io/real/descriptor.hpp"

#include "base/check.hpp"
#include "io/real/loop_core.hpp"

#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace myelin::io::real {

Descriptor::Descriptor(LoopCore& loop, int fd) : loop_(loop), fd_(fd) {
  if (fd_ < 0 || loop_.poller().add(fd_, *this)) return;
  ::close(fd_);  // epoll has no room for it, or does not watch its kind
  fd_ = -1;
}

Descriptor::~Descriptor() { close(); }

bool Descriptor::take_change(Way way) { return fd_ >= 0 && std::exchange(side(way).changed, false); }

void Descriptor::start(Way way, std::coroutine_handle<> handle, bool* ready) {
  Side& mine = side(way);
  MYELIN_CHECK(!mine.task && (way == Way::write || !callback_), "two waits for one way of a descriptor");
  if (fd_ < 0) return loop_.resume_soon(handle);
  mine.task = handle;
  mine.ready = ready;
  if (way == Way::write && !std::exchange(watches_writes_, true)) loop_.poller().add_writes(fd_, *this);
}

void Descriptor::on_readable(Callback callback) {
  MYELIN_CHECK(!side(Way::read).task && !callback_, "two waits for one way of a descriptor");
  if (fd_ >= 0) callback_ = std::move(callback);
}

void Descriptor::became_ready(std::uint32_t events) {
  MYELIN_CHECK(fd_ >= 0, "a closed descriptor is told nothing");
  constexpr std::uint32_t broken = EPOLLERR | EPOLLHUP;
  if ((events & (EPOLLRDHUP | EPOLLPRI | broken)) != 0) half_closed_ = true;
  if ((events & (EPOLLOUT | broken)) != 0) change(Way::write);
  if ((events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | broken)) == 0) return;
  change(Way::read);
  // Last: it may destroy this.
  if (auto callback = std::exchange(callback_, {})) callback();
}

void Descriptor::change(Way way) {
  Side& mine = side(way);
  mine.changed = !mine.task;
  if (!mine.task) return;
  *mine.ready = true;
  loop_.resume_soon(std::exchange(mine.task, {}));
}

void Descriptor::end_waits() {
  for (Side& mine : sides_) {
    if (mine.task) loop_.resume_soon(std::exchange(mine.task, {}));
  }
  callback_ = {};
}

void Descriptor::cancel() { end_waits(); }

void Descriptor::close() {
  const int fd = release();
  if (fd >= 0) ::close(fd);
}

int Descriptor::release() {
  if (fd_ >= 0) loop_.poller().remove(fd_, *this);
  const int fd = std::exchange(fd_, -1);
  end_waits();
  return fd;
}

}  // namespace myelin::io::real
