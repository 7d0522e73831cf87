// The session wire over simulated TCP, both generations, under the channels' conformance suite.
#include "protocol/session_world_testing.hpp"

namespace myelin::protocol::channel_testing {
namespace {

template <Wire wire>
class SessionWorldOf : public SessionWorld {
 public:
  explicit SessionWorldOf(ChannelOptions options) : SessionWorld(with(options)) {}
  static ChannelOptions with(ChannelOptions options) {
    options.wire = wire;
    return options;
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(SessionW0, ChannelConformance, SessionWorldOf<Wire::w0>);
INSTANTIATE_TYPED_TEST_SUITE_P(SessionW3, ChannelConformance, SessionWorldOf<Wire::w3>);

}  // namespace
}  // namespace myelin::protocol::channel_testing
