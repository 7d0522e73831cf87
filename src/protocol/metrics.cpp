#include "protocol/metrics.hpp"

#include <algorithm>

namespace myelin::protocol {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::count_)> names{
    "message.dispatched",
    "message.dropped_header",
    "message.dropped_unknown_id",
    "message.dropped_decode_error",
    "message.dropped_stopping",
    "message.dropped_other",
    "ipc.request.sent",
    "ipc.request.completed",
    "ipc.reply.dropped_late",
    "notification.published",
    "notification.delivered",
    "mailbox.dropped",
    "session.connected",
    "session.disconnected",
    "session.failed",
    "session.given_up",
    "session.version_mismatch",
    "protocol.restart",
    "handler.panic",
    "strict.slow_handler",
};

template <typename T>
T& at(std::vector<std::pair<std::string, T>>& values, std::string_view name) {
  auto place =
      std::ranges::lower_bound(values, name, {}, [](const auto& entry) { return std::string_view(entry.first); });
  if (place == values.end() || place->first != name) place = values.emplace(place, std::string(name), T{});
  return place->second;
}

}  // namespace

void Summary::list(const std::string& name, MetricList& into) const {
  into.emplace_back(name + ".count", static_cast<double>(count));
  into.emplace_back(name + ".sum", sum);
  into.emplace_back(name + ".max", maximum);
}

void Counters::list(MetricList& into) const {
  for (std::size_t i = 0; i < names.size(); ++i) into.emplace_back(names[i], static_cast<double>(values_[i]));
  latency_ms.list("ipc.request.latency_ms", into);
}

void ProtocolMetrics::add(std::string_view counter, std::uint64_t by) {
  at(values_, counter) += static_cast<double>(by);
}
void ProtocolMetrics::set(std::string_view gauge, double value) { at(values_, gauge) = value; }
void ProtocolMetrics::observe(std::string_view histogram, double value) { at(summaries_, histogram).observe(value); }

void ProtocolMetrics::list(const std::string& prefix, MetricList& into) const {
  for (const auto& [name, value] : values_) into.emplace_back(prefix + name, value);
  for (const auto& [name, summary] : summaries_) summary.list(prefix + name, into);
}

}  // namespace myelin::protocol
