#include "io/simulated/connection.hpp"

#include <utility>

namespace myelin::io::simulated {

void ListenerState::wake() {
  if (waiter) loop->resume_soon(std::exchange(waiter, {}));
}

void ListenerState::die() {
  closed = true;
  waiter = {};
  queue.clear();
}

void ListenerState::close() {
  if (std::exchange(closed, true)) return;
  if (!machine->crashed) machine->listeners.erase(local);
  while (!queue.empty()) queue.pop()->reset(End::acceptor);
  wake();
}

}  // namespace myelin::io::simulated
