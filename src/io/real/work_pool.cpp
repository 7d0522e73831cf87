#include "io/real/work_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace myelin::io::real {

struct WorkPool::State {
  struct Job {
    Callback work;
    Callback done;
  };
  std::shared_ptr<Inbox> inbox;  // shared: the loop may go while a lookup is under way
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;
  std::size_t idle = 0;
  bool ended = false;
};

WorkPool::WorkPool(std::shared_ptr<Inbox> inbox, std::size_t max_threads, AtEnd at_end)
    : state_(std::make_shared<State>()), max_threads_(max_threads), at_end_(at_end) {
  state_->inbox = std::move(inbox);
}

WorkPool::~WorkPool() {
  std::deque<State::Job> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->ended = true;
    dropped.swap(state_->jobs);
  }
  state_->changed.notify_all();
  for (std::thread& thread : threads_) {
    if (at_end_ == AtEnd::join) {
      thread.join();
    } else {
      thread.detach();
    }
  }
}

void WorkPool::submit(Callback work, Callback done) {
  bool start = false;
  {
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back({std::move(work), std::move(done)});
    start = state_->jobs.size() > state_->idle && threads_.size() < max_threads_;
  }
  if (start) {
    threads_.emplace_back([state = state_] { run(state); });
  } else {
    state_->changed.notify_one();
  }
}

void WorkPool::run(const std::shared_ptr<State>& state) {
  while (true) {
    State::Job job;
    {
      std::unique_lock lock(state->mutex);
      ++state->idle;
      state->changed.wait(lock, [&state] { return state->ended || !state->jobs.empty(); });
      --state->idle;
      if (state->ended) return;
      job = std::move(state->jobs.front());
      state->jobs.pop_front();
    }
    job.work();
    job.work = {};  // what it owns goes here, not on the loop
    state->inbox->post(std::move(job.done));
  }
}

}  // namespace myelin::io::real
