// Child processes of the simulated world: registered functions whose end is an event.
//
// A program's duration counts as its wall time and as its CPU time. The function runs at the end of it; a program that
// is killed before does not run at all. Lifetime: as its loop, which outlives all that uses it.
#pragma once

#include "io/children.hpp"
#include "io/loop.hpp"
#include "io/simulated.hpp"

#include <map>
#include <string>

namespace myelin::io::simulated {

struct Program {
  Duration duration;
  SimulatedWorld::Program run;
};
using Programs = std::map<std::string, Program, std::less<>>;

class SimulatedChildren final : public Children {
 public:
  SimulatedChildren(Loop& loop, const Programs& programs) : loop_(loop), programs_(programs) {}

  Task<Result<ChildEnd>> run(ChildSpec spec, CancelToken token) override;

 private:
  Loop& loop_;
  const Programs& programs_;
};

}  // namespace myelin::io::simulated
