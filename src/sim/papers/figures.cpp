#include "sim/papers/figures.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <numeric>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace myelin::sim::papers {

const std::vector<double>& Figures::all(const std::string& name) const {
  static const std::vector<double> none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second;
}

double Figures::one(const std::string& name) const {
  const auto& values = all(name);
  MYELIN_CHECK(!values.empty(), name);
  return values.front();
}

void Figures::take(const std::string& prefix, const Figures& other) {
  for (const auto& [name, values] : other.values_) {
    auto& into = values_[prefix + name];
    into.insert(into.end(), values.begin(), values.end());
  }
}

Figures Figures::below(const std::string& prefix) const {
  Figures part;
  for (auto each = values_.lower_bound(prefix); each != values_.end() && each->first.starts_with(prefix); ++each)
    part.values_[each->first.substr(prefix.size())] = each->second;
  return part;
}

std::string Figures::to_text() const {
  std::string text;
  std::array<char, 40> number{};
  for (const auto& [name, values] : values_) {
    text += name;
    for (const double value : values) {
      std::snprintf(number.data(), number.size(), "\t%.17g", value);
      text += number.data();
    }
    text += '\n';
  }
  return text;
}

Result<Figures> Figures::parse(std::string_view text) {
  Figures figures;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return fail(ErrorCode::bad_request, "a line without an end");
    std::string line(text.substr(0, end));
    text.remove_prefix(end + 1);
    const std::size_t tab = line.find('\t');
    const std::string name = line.substr(0, tab);
    figures.values_[name];
    for (std::size_t at = tab; at != std::string::npos; at = line.find('\t', at + 1)) {
      char* stop = nullptr;
      const double value = std::strtod(line.c_str() + at + 1, &stop);
      if (stop == line.c_str() + at + 1) return fail(ErrorCode::bad_request, "no number after " + name);
      figures.add(name, value);
    }
  }
  return figures;
}

double mean(const std::vector<double>& values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

namespace {

struct Copy {
  std::string name;
  pid_t pid = -1;
  int from = -1;
};

Result<Copy> start(const Experiment& experiment) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return fail(ErrorCode::io, "pipe");
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid < 0) return fail(ErrorCode::io, "fork");
  if (pid > 0) {
    close(ends[1]);
    return Copy{experiment.name, pid, ends[0]};
  }
  close(ends[0]);
  const std::string text = experiment.run().to_text();
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = write(ends[1], text.data() + written, text.size() - written);
    if (count <= 0) _exit(1);
    written += static_cast<std::size_t>(count);
  }
  _exit(0);
}

// Waits for its end.
Result<Figures> finish(const Copy& copy) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = read(copy.from, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  close(copy.from);
  int status = 0;
  if (waitpid(copy.pid, &status, 0) != copy.pid || status != 0) return fail(ErrorCode::io, copy.name + " failed");
  return Figures::parse(text);
}

}  // namespace

Result<Figures> run_copies(const std::vector<Experiment>& experiments, unsigned parallel) {
  Figures all;
  std::deque<Copy> running;
  std::optional<Error> error;
  const auto end_one = [&] {
    auto figures = finish(running.front());
    if (figures) {
      all.take(running.front().name + "/", *figures);
    } else {
      error = figures.error();
    }
    running.pop_front();
  };
  for (const Experiment& each : experiments) {
    if (running.size() >= std::max(1u, parallel)) end_one();
    auto copy = start(each);
    if (!copy) {
      error = copy.error();
      break;
    }
    running.push_back(std::move(*copy));
  }
  while (!running.empty()) end_one();
  if (error) return fail(std::move(*error));
  return all;
}

}  // namespace myelin::sim::papers
