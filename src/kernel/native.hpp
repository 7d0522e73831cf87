// Native: a process whose code is the embedding program's own: a native protocol. It stands in the same table as the
// guests, with a PID, a name, an access list and a bounded mailbox, and is listed, signalled and removed like them; its
// code runs outside the kernel, behind a NativeProgram.
//
// Invariants: every delivery that it accepted ends exactly once: by the program's outcome, its deadline, its caller's
// leaving, or the process's end, whichever comes first. A message counts on the mailbox until then. Thread: its shard.
// Lifetime: owned by its shard, and never removed from inside one of its own functions.
#pragma once

#include "base/ids.hpp"
#include "io/rope_builder.hpp"
#include "io/task.hpp"
#include "kernel/core.hpp"
#include "kernel/delivery.hpp"
#include "kernel/log_buffer.hpp"
#include "kernel/message.hpp"
#include "kernel/process.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace myelin::kernel {

class Native;
class Shard;

// What a native process says of itself.
struct NativeStatus {
  ProcessState state = ProcessState::ready;
  std::vector<std::string> methods;
  std::uint64_t failures = 0;
  std::uint32_t restarts = 0;
  std::string last_error;
};

// The code behind a native process. All of it runs on the process's shard.
class NativeProgram {
 public:
  virtual ~NativeProgram() = default;
  // A request that was admitted; its payload is nothing or a rope. `done` is called once, now or later; a success holds
  // a message of which body and payload count. Whoever called a method gets the body, or the payload if that is empty.
  virtual void message(Message request, OutcomeCallback done) = 0;
  virtual NativeStatus status() const = 0;
  // It has ended for good, and takes no messages.
  virtual bool over() const = 0;
  // Errors: conflict (it has ended), unsupported.
  virtual Result<void> signal(Signal signal) = 0;
  // It is in the table no more. The program outlives this call, and need not longer.
  virtual void removed(const Error& why) = 0;

  // For the program itself, on the process's shard; nothing while it is in no table.
  // A line of its log, without control characters of the program's own.
  void write_log(std::string line);
  // over() holds from now on: tells those who wait for the end.
  void has_ended();

 private:
  friend class Native;
  std::shared_ptr<Native*> native_;  // its process; points to null once that is gone
};

struct NativeSpec {
  std::string name;  // empty: none
  AccessList access;
  std::uint32_t queue_messages = limits::mailbox_messages;
  std::uint64_t queue_bytes = limits::mailbox_bytes;
};

class Native {
 public:
  Native(Shard& shard, Pid pid, NativeSpec spec, NativeProgram& program);
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;
  ~Native();

  void accept(std::unique_ptr<Delivery> delivery);
  void caller_left(std::uint64_t ticket);
  void deadline_passed(std::uint64_t ticket);
  Result<void> signal(Signal signal) { return program_.signal(signal); }
  void write_log(std::string line);
  void has_ended();
  bool over() const { return program_.over(); }
  const LogBuffer& log() const { return log_; }
  // As an actor's: called once, at the next line or at the end, or when it is removed. The id takes it back.
  std::uint64_t on_line(io::Callback callback);
  std::uint64_t on_end(io::Callback callback);
  void withdraw(std::uint64_t id);
  // Ends what is open with `why`, and tells the program.
  void end(const Error& why);

  ProcessInfo describe() const;
  const std::string& name() const { return spec_.name; }
  std::size_t messages() const { return open_.size() + one_way_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Open {
    std::unique_ptr<Delivery> delivery;
    std::size_t bytes = 0;
    Message head;           // of the response
    io::RopeBuilder input;  // of a call, until it is whole
  };
  static void tell(std::map<std::uint64_t, io::Callback>& waiters);
  Result<void> admissible(const Delivery& delivery) const;
  void collect(std::uint64_t ticket);
  void hand_over(std::uint64_t ticket, Message request);
  void hand_over_one_way(Message request, std::size_t bytes);
  void ended(std::uint64_t ticket, Outcome outcome);
  void refuse(std::uint64_t ticket, Error why);
  // A message that counted counts no longer. Tells those who were refused if there is room now.
  void give_back(std::size_t bytes);

  Shard& shard_;
  const Pid pid_;
  const NativeSpec spec_;
  NativeProgram& program_;
  std::map<std::uint64_t, Open> open_;  // by ticket
  std::size_t one_way_ = 0;             // that the program has not done with
  std::uint64_t bytes_ = 0;
  RoomList refused_;
  LogBuffer log_;
  std::uint64_t next_waiter_ = 1;
  std::map<std::uint64_t, io::Callback> line_waiters_;
  std::map<std::uint64_t, io::Callback> end_waiters_;
  std::uint64_t calls_ = 0;
  WallTime started_at_;
  std::shared_ptr<Native*> self_ = std::make_shared<Native*>(this);  // shared with callbacks that may come late
};

// The native processes of one shard.
class Natives {
 public:
  Native* find(const Pid& pid) const;
  Native& add(const Pid& pid, std::unique_ptr<Native> native);
  // False if it is not here.
  bool remove(const Pid& pid, const Error& why);
  void remove_all(const Error& why);
  const std::map<Pid, std::unique_ptr<Native>>& all() const { return natives_; }
  void count(KernelMetrics& into) const;

 private:
  std::map<Pid, std::unique_ptr<Native>> natives_;
};

// Puts a native process on the shard whose loop is `home`, which the caller runs on; `program` lives until removed().
// Errors: bad_request (name), conflict (name taken), stopping.
io::Task<Result<ProcessInfo>> add_native(std::shared_ptr<Core> core, io::Loop* home, NativeSpec spec,
                                         NativeProgram* program);

}  // namespace myelin::kernel
