#include "node/directory.hpp"

#include "kernel/native.hpp"

#include <algorithm>
#include <utility>

namespace myelin::node {

void Directory::enter(const kernel::ProcessInfo& process) {
  const std::lock_guard lock(mutex_);
  entries_[process.pid] = {process.name, process.kind, process.methods};
  if (!process.name.empty()) names_[process.name] = process.pid;
}

void Directory::remove(const Pid& pid) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(pid);
  if (entry == entries_.end()) return;
  const auto name = names_.find(entry->second.name);
  if (name != names_.end() && name->second == pid) names_.erase(name);
  entries_.erase(entry);
}

bool Directory::offers(const kernel::CallPath& path) const {
  const std::lock_guard lock(mutex_);
  const Pid* pid = std::get_if<Pid>(&path.process);
  if (!pid) {
    const auto name = names_.find(std::get<std::string>(path.process));
    if (name == names_.end()) return false;
    pid = &name->second;
  }
  const auto entry = entries_.find(*pid);
  if (entry == entries_.end()) return false;
  switch (entry->second.kind) {
    case kernel::ProcessKind::method:
      return std::ranges::find(entry->second.methods, path.method) != entry->second.methods.end();
    case kernel::ProcessKind::command:
      return path.method == "run";
    case kernel::ProcessKind::mailbox:
    case kernel::ProcessKind::native:
      return kernel::valid_method_name(path.method);
  }
  return false;
}

std::size_t Directory::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

namespace {

class WatchedKernel : public kernel::Kernel {
 public:
  WatchedKernel(std::unique_ptr<kernel::Kernel> inner, Directory& directory)
      : inner_(std::move(inner)), directory_(directory) {}

  const kernel::KernelConfig& config() const override { return inner_->config(); }
  std::size_t shards() const override { return inner_->shards(); }
  void set_remote_route(kernel::RemoteRoute* route) override { inner_->set_remote_route(route); }
  void set_send_watch(kernel::SendWatch* watch) override { inner_->set_send_watch(watch); }
  std::unique_ptr<kernel::Call> call(io::Loop& caller, kernel::CallSpec spec) override {
    return inner_->call(caller, std::move(spec));
  }
  void request(io::Loop& caller, kernel::Message message, kernel::OutcomeCallback done,
               kernel::RoomCallback room) override {
    inner_->request(caller, std::move(message), std::move(done), std::move(room));
  }
  io::Task<Result<kernel::ProcessInfo>> spawn(io::Loop& caller, kernel::SpawnSpec spec) override {
    return enter(inner_->spawn(caller, std::move(spec)));
  }
  io::Task<Result<std::shared_ptr<const wasm::Module>>> load(io::Loop& caller, Buffer module) override {
    return inner_->load(caller, std::move(module));
  }
  // Nobody is told of such a process, so nobody looks for it here.
  void run_once(io::Loop& caller, kernel::OnceSpec spec, kernel::OutcomeCallback done) override {
    inner_->run_once(caller, std::move(spec), std::move(done));
  }
  io::Task<Result<kernel::ProcessInfo>> add_native(io::Loop& home, kernel::NativeSpec spec,
                                                   kernel::NativeProgram& program) override {
    return enter(inner_->add_native(home, std::move(spec), program));
  }
  io::Task<std::vector<kernel::ProcessInfo>> list(io::Loop& caller) override { return inner_->list(caller); }
  io::Task<Result<kernel::ProcessInfo>> inspect(io::Loop& caller, std::variant<Pid, std::string> process) override {
    return inner_->inspect(caller, std::move(process));
  }
  io::Task<Result<void>> signal(io::Loop& caller, Pid pid, kernel::Signal signal) override {
    return inner_->signal(caller, pid, signal);
  }
  // Out of the directory first: from now on it is refused.
  io::Task<Result<void>> remove(io::Loop& caller, Pid pid) override {
    directory_.remove(pid);
    return inner_->remove(caller, pid);
  }
  io::Task<Result<std::vector<kernel::LogLine>>> logs(io::Loop& caller, Pid pid, std::uint64_t after, bool wait,
                                                      io::CancelToken token) override {
    return inner_->logs(caller, pid, after, wait, std::move(token));
  }
  io::Task<Result<kernel::ProcessInfo>> wait(io::Loop& caller, Pid pid, io::CancelToken token) override {
    return inner_->wait(caller, pid, std::move(token));
  }
  io::Task<kernel::KernelMetrics> metrics(io::Loop& caller) override { return inner_->metrics(caller); }
  io::Task<void> drain(io::Loop& caller, Instant deadline) override { return inner_->drain(caller, deadline); }
  io::Task<void> stop(io::Loop& caller) override { return inner_->stop(caller); }

 private:
  io::Task<Result<kernel::ProcessInfo>> enter(io::Task<Result<kernel::ProcessInfo>> spawned) {
    auto process = co_await std::move(spawned);
    if (process) directory_.enter(*process);
    co_return process;
  }

  std::unique_ptr<kernel::Kernel> inner_;
  Directory& directory_;
};

}  // namespace

std::unique_ptr<kernel::Kernel> watch(std::unique_ptr<kernel::Kernel> inner, Directory& directory) {
  return std::make_unique<WatchedKernel>(std::move(inner), directory);
}

}  // namespace myelin::node
