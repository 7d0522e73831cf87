// What was sampled at the end of each cycle, as a table and as curves.
#include "sim/world.hpp"

#include <array>
#include <charconv>
#include <string>

namespace myelin::simulation {
namespace {

std::string number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}

struct Column {
  std::string_view name;
  std::uint64_t Counters::* value;
};
constexpr std::array<Column, 10> columns{{{"steps", &Counters::steps},
                                          {"messages", &Counters::messages},
                                          {"timers", &Counters::timers},
                                          {"link_events", &Counters::link_events},
                                          {"sent", &Counters::sent},
                                          {"lost", &Counters::lost},
                                          {"duplicated", &Counters::duplicated},
                                          {"reordered", &Counters::reordered},
                                          {"dead_letters", &Counters::dead_letters},
                                          {"crashes", &Counters::crashes}}};

double seconds(Duration t) { return static_cast<double>(t.count()) / 1e9; }

}  // namespace

std::string Simulation::csv() const {
  std::string text = "time_s,live";
  for (const Column& column : columns) (text += ',') += column.name;
  for (const auto& gauge : impl_->gauges) (text += ',') += gauge.name;
  text += '\n';
  for (const Impl::Sample& sample : impl_->samples) {
    text += number(seconds(sample.at)) + ',' + std::to_string(sample.live);
    for (const Column& column : columns) (text += ',') += std::to_string(sample.counters.*column.value);
    for (const double value : sample.gauges) (text += ',') += number(value);
    text += '\n';
  }
  return text;
}

std::vector<Simulation::Curve> Simulation::curves() const {
  std::vector<Curve> all;
  const auto& samples = impl_->samples;
  auto& live = all.emplace_back("live", std::vector<std::pair<double, double>>{});
  for (const auto& sample : samples) live.points.emplace_back(seconds(sample.at), static_cast<double>(sample.live));
  // Counters grow for ever; what happened in each cycle says more.
  for (const Column& column : columns) {
    Curve curve{std::string(column.name) + " per cycle", {}};
    std::uint64_t before = 0;
    for (const auto& sample : samples) {
      const std::uint64_t value = sample.counters.*column.value;
      curve.points.emplace_back(seconds(sample.at), static_cast<double>(value - before));
      before = value;
    }
    all.push_back(std::move(curve));
  }
  for (std::size_t i = 0; i < impl_->gauges.size(); ++i) {
    Curve curve{impl_->gauges[i].name, {}};
    for (const auto& sample : samples)
      if (i < sample.gauges.size()) curve.points.emplace_back(seconds(sample.at), sample.gauges[i]);
    all.push_back(std::move(curve));
  }
  return all;
}

}  // namespace myelin::simulation
