#include "kernel/room_list.hpp"

#include "kernel/shard.hpp"

#include <utility>

namespace myelin::kernel {

bool RoomList::want(const Pid& sender) {
  if (processes_.contains(sender)) return true;
  if (processes_.size() >= most_processes) return false;
  processes_.insert(sender);
  return true;
}

bool RoomList::want(const Address& source, const Address& target, RoomCallback tell) {
  if (!tell || outside_.size() >= most_outside) return false;
  return outside_.try_emplace(source.to_string() + ' ' + target.to_string(), std::move(tell)).second;
}

RoomList::Waiting RoomList::take() {
  Waiting all;
  all.processes.assign(processes_.begin(), processes_.end());
  for (auto& [who, tell] : outside_) all.outside.push_back(std::move(tell));
  processes_.clear();
  outside_.clear();
  return all;
}

void RoomList::tell(Core& core, const Pid& from) {
  Waiting all = take();
  for (const Pid& sender : all.processes)
    core.post(core.shard_of(sender), [sender, key = from.to_string()](Shard& shard) {
      if (Actor* actor = shard.find(sender)) actor->exchange().room(key);
    });
  for (RoomCallback& tell : all.outside) tell();
}

}  // namespace myelin::kernel
