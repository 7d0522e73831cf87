#include "sim/make_engine.hpp"

#include "sim/overlay/engine.hpp"
#include "sim/stack/engine.hpp"

namespace myelin::sim {

std::unique_ptr<Engine> make_engine(const Options& options, Records& records, EngineHost& host) {
  return options.fidelity == simulation::Fidelity::overlay ? overlay::make_engine(options, records, host)
                                                           : stack::make_engine(options, records, host);
}

}  // namespace myelin::sim
