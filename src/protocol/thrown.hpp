// What a protocol's own code throws, as a value: exceptions do not pass the core.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace myelin::protocol {

// Calls `work`; gives what it threw, in words, or nothing.
template <typename F>
std::optional<std::string> what_is_thrown(F&& work) {
  try {
    std::forward<F>(work)();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
  return std::nullopt;
}

}  // namespace myelin::protocol
