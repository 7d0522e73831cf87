// Metrics of a core: the runtime's own counters, and what each protocol counts for itself.
//
// Names are those that protorun established. Thread: values.
#pragma once

#include "base/time.hpp"
#include "myelin/protocol/context.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myelin::protocol {

using MetricList = std::vector<std::pair<std::string, double>>;

enum class Counter : std::uint8_t {
  message_dispatched,
  message_dropped_header,
  message_dropped_unknown_id,
  message_dropped_decode_error,
  message_dropped_stopping,
  message_dropped_other,
  ipc_request_sent,
  ipc_request_completed,
  ipc_reply_dropped_late,
  notification_published,
  notification_delivered,
  mailbox_dropped,
  session_connected,
  session_disconnected,
  session_failed,
  session_given_up,
  session_version_mismatch,
  protocol_restart,
  handler_panic,
  strict_slow_handler,
  count_,
};

// Of observed values.
struct Summary {
  std::uint64_t count = 0;
  double sum = 0, maximum = 0;
  void observe(double value) {
    if (count++ == 0 || value > maximum) maximum = value;
    sum += value;
  }
  void list(const std::string& name, MetricList& into) const;
};

class Counters {
 public:
  void add(Counter counter, std::uint64_t by = 1) { values_[static_cast<std::size_t>(counter)] += by; }
  std::uint64_t value(Counter counter) const { return values_[static_cast<std::size_t>(counter)]; }
  Summary latency_ms;  // of requests
  void list(MetricList& into) const;

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(Counter::count_)> values_{};
};

// One protocol's; they outlive its instances.
class ProtocolMetrics final : public Metrics {
 public:
  void add(std::string_view counter, std::uint64_t by) override;
  void set(std::string_view gauge, double value) override;
  void observe(std::string_view histogram, double value) override;
  void list(const std::string& prefix, MetricList& into) const;

 private:
  std::vector<std::pair<std::string, double>> values_;  // by name
  std::vector<std::pair<std::string, Summary>> summaries_;
};

}  // namespace myelin::protocol
