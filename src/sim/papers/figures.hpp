// Figures: what an experiment measured, by name; and how it comes out of a copy of the program.
//
// Invariants: to_text() and parse() keep every bit of a double. Thread: values.
#pragma once

#include "base/error.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace myelin::sim::papers {

class Figures {
 public:
  void add(const std::string& name, double value) { values_[name].push_back(value); }
  // All that were added under that name, in order; empty: none.
  const std::vector<double>& all(const std::string& name) const;
  // The first of them. REQUIRES: there is one.
  double one(const std::string& name) const;
  // Takes in all of another's, with `prefix` before their names.
  void take(const std::string& prefix, const Figures& other);
  // Those whose names begin with `prefix`, without it.
  Figures below(const std::string& prefix) const;

  std::string to_text() const;
  // Errors: bad_request.
  static Result<Figures> parse(std::string_view text);

 private:
  std::map<std::string, std::vector<double>> values_;
};

double mean(const std::vector<double>& values);

// An experiment that starts where the program stands.
struct Experiment {
  std::string name;
  std::function<Figures()> run;
};
// Runs each in a copy of the program as it is now (fork), so that all start from one and the same world; at most
// `parallel` at a time. Gives their figures, each name preceded by its experiment's and a slash. Errors: io (a copy
// could not be made, or failed).
Result<Figures> run_copies(const std::vector<Experiment>& experiments, unsigned parallel);

}  // namespace myelin::sim::papers
