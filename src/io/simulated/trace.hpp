// The trace of a run: lines, and the FNV-1a hash (64 bits) of all of them, each with a line feed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::io::simulated {

class Trace {
 public:
  void add(std::string_view line);
  std::uint64_t hash() const { return hash_; }
  void keep(bool keep) { keep_ = keep; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325U;
  bool keep_ = false;
  std::vector<std::string> lines_;
};

}  // namespace myelin::io::simulated
