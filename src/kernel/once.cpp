#include "kernel/once.hpp"

#include "base/check.hpp"
#include "kernel/classify.hpp"
#include "kernel/delivery.hpp"
#include "kernel/shard.hpp"
#include "kernel/spawn.hpp"

#include <optional>
#include <utility>

namespace myelin::kernel {

namespace {

// What the end of the start and the end of the message tell each other. Shared by both callbacks, of which either may
// be the last.
struct Run {
  Run(std::shared_ptr<Core> the_core, Shard& the_shard, Pid the_pid, OutcomeCallback callback)
      : core(std::move(the_core)), shard(the_shard), pid(the_pid), done(std::move(callback)) {}
  std::shared_ptr<Core> core;
  Shard& shard;
  Pid pid;
  OutcomeCallback done;
  std::optional<Error> not_started;

  // A process is not removed from inside one of its own functions.
  static void end(const std::shared_ptr<Run>& run, Outcome outcome) {
    run->shard.loop.post([run, outcome = std::move(outcome)]() mutable {
      // Why it did not start says more than that its message found nobody; but its removal is no such reason.
      if (run->not_started) outcome = fail(*run->not_started);
      run->shard.remove(run->pid);
      --run->core->in_flight;
      run->done(std::move(outcome));
    });
  }
};

Message message_of(OnceSpec& spec, const Pid& pid) {
  Message message;
  message.id = 1;
  message.target.process = pid;
  message.method = std::move(spec.method);
  message.body = std::move(spec.input);
  message.deadline = spec.deadline;
  message.principal = std::move(spec.principal);
  return message;
}

}  // namespace

void run_once(const std::shared_ptr<Core>& core, io::Loop& caller, OnceSpec spec, OutcomeCallback done) {
  MYELIN_CHECK(spec.spec.loaded != nullptr, "a module was loaded");
  auto refuse = [&](Error why) {
    caller.post([done = std::move(done), why = std::move(why)]() mutable { done(fail(std::move(why))); });
  };
  spec.spec.name.clear();
  spec.spec.restart = RestartPolicy::never;
  if (auto fine = check_spec(*core, spec.spec); !fine) return refuse(fine.error());
  auto classified = classify(spec.spec.loaded->info());
  if (!classified) return refuse(classified.error());
  if (!core->take_place()) return refuse(Error{ErrorCode::limit, "the node holds its most processes"});
  Shard& shard = core->shard_at(caller);
  Actor::Setup setup;
  setup.pid = mint_pid(caller, *core, shard);
  setup.spec = std::move(spec.spec);
  setup.module = std::exchange(setup.spec.loaded, nullptr);
  setup.classified = std::move(*classified);
  setup.parent = core->config.root_pid;
  setup.passing = true;
  ++core->in_flight;
  auto run = std::make_shared<Run>(core, shard, setup.pid, std::move(done));
  auto delivery = std::make_unique<Delivery>();
  delivery->ticket = core->next_ticket++;
  delivery->message = message_of(spec, setup.pid);
  delivery->reply = [run](Ending ending) { Run::end(run, std::move(ending.outcome)); };
  Actor& actor = shard.add(std::make_unique<Actor>(shard, std::move(setup)));
  actor.start_first([run](Result<void> started) {
    if (started)
      ++run->shard.counters.spawned;
    else
      run->not_started = std::move(started.error());
  });
  // One that has ended refuses it.
  actor.accept(std::move(delivery));
}

}  // namespace myelin::kernel
