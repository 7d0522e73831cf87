// The overlay engine's channel, held to what every channel is held to.
#include "protocol/channel_conformance_test.hpp"
#include "sim/overlay/network.hpp"

#include <algorithm>

namespace myelin::protocol::channel_testing {
namespace {

class OverlayWorld {
 public:
  static constexpr bool in_bytes = false;

  explicit OverlayWorld(const ChannelOptions& options) {
    options_.retry = options.retry;
    options_.session_queue = 512;
    for (NodeIndex i = 0; i < 3; ++i) {
      network_.add_node();
      ports_.push_back(std::make_unique<sim::overlay::Port>(network_, i));
    }
  }
  Channel& channel(int i) { return *ports_[static_cast<std::size_t>(i)]; }
  Result<void> start(int i, ChannelEvents& events) { return channel(i).start(events); }
  Host host(int i) const { return sim::overlay::Network::name_of(static_cast<NodeIndex>(i)); }
  Host nobody() const { return {"nobody", 5}; }
  bool run_until(const std::function<bool()>& done, Duration limit) {
    const std::int64_t end = network_.now() + limit.count();
    while (!done()) {
      if (queue_.empty() || queue_.top().at > end) {
        network_.set_now(end);
        return done();
      }
      step();
    }
    return true;
  }
  void run_for(Duration duration) {
    const std::int64_t end = network_.now() + duration.count();
    while (!queue_.empty() && queue_.top().at <= end) step();
    network_.set_now(end);
  }
  Duration now() const { return Duration(network_.now()); }
  void crash(int i) { network_.close(static_cast<NodeIndex>(i)); }

 private:
  using NodeIndex = simulation::NodeIndex;
  void step() {
    const auto key = queue_.pop();
    network_.set_now(key.at);
    network_.handle(key.node, queue_.take(key));
  }

  simulation::Options options_;
  sim::Records records_;
  sim::overlay::EventQueue queue_;
  sim::overlay::Network network_{options_, records_, queue_};
  std::vector<std::unique_ptr<sim::overlay::Port>> ports_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Overlay, ChannelConformance, OverlayWorld);

}  // namespace
}  // namespace myelin::protocol::channel_testing
