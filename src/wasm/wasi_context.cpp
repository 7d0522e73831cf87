#include "wasm/wasi_state.hpp"

#include <utility>

namespace myelin::wasm::wasi {

std::unique_ptr<Context> Context::create(io::Loop& loop, Config config) {
  return std::make_unique<State>(loop, config);
}

State::State(io::Loop& the_loop, const Config& config)
    : loop(the_loop), clock(the_loop, config.clock_resolution), table(config.max_descriptors), waiter(the_loop) {
  for (const std::string& argument : config.arguments) arguments.add(argument);
  for (const auto& [key, value] : config.environment) environment.add(key + "=" + value);
}

void State::bind(std::uint32_t number, std::unique_ptr<Descriptor> descriptor) {
  table.bind(number, std::move(descriptor));
  // A call that waits for the descriptor that was there looks again.
  if (waiter.armed()) waiter.soon();
}

Descriptor* State::find(std::uint32_t number) {
  DescriptorTable::Entry* entry = table.find(number);
  return entry ? entry->descriptor.get() : nullptr;
}

}  // namespace myelin::wasm::wasi
