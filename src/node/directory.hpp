// Directory: which processes a node has and which methods they offer, for who must know at once.
//
// The kernel answers in a later turn; libp2p's negotiation of a raw path needs the answer now. So the node hands out a
// Kernel that keeps a Directory: it forwards everything, and enters a process before its spawner learns of it, so that
// whoever was told of a process finds it here.
//
// Thread: any. A lock, held for one look-up or one entry, because spawns end on all shards and look-ups come on the
// host's; nothing waits under it.
#pragma once

#include "kernel/kernel.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace myelin::node {

class Directory {
 public:
  void enter(const kernel::ProcessInfo& process);
  void remove(const Pid& pid);
  // Whether the path's process is here and takes its method. The path's node is not looked at.
  bool offers(const kernel::CallPath& path) const;
  std::size_t size() const;

 private:
  struct Entry {
    std::string name;
    kernel::ProcessKind kind = kernel::ProcessKind::method;
    std::vector<std::string> methods;
  };
  mutable std::mutex mutex_;
  std::map<Pid, Entry> entries_;
  std::map<std::string, Pid, std::less<>> names_;
};

// `directory` outlives it.
std::unique_ptr<kernel::Kernel> watch(std::unique_ptr<kernel::Kernel> inner, Directory& directory);

}  // namespace myelin::node
