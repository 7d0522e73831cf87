#include "sim/file/shipped.hpp"

#include "base/units.hpp"
#include "node/values.hpp"
#include "protocol/pingpong.hpp"

#include <algorithm>
#include <variant>

namespace myelin::sim {
namespace {

constexpr std::uint64_t most = 1'000'000;

template <typename P>
struct Parameter {
  std::string_view name;
  std::variant<std::size_t P::*, unsigned P::*, Duration P::*, double P::*> at;
};

struct PingPongParameters {
  std::vector<protocol::Host> contacts;
  Duration interval = std::chrono::milliseconds(100);
};

std::unique_ptr<protocol::Protocol> make_pingpong(const PingPongParameters& parameters) {
  protocol::PingPong::Options options;
  options.connect = !parameters.contacts.empty();
  if (options.connect) options.peer = parameters.contacts.front();
  options.numbered = true;
  options.interval = parameters.interval;
  return std::make_unique<protocol::PingPong>(std::move(options));
}

using Made = std::expected<ShippedFactory, ShippedError>;
using Texts = std::vector<std::pair<std::string, std::string>>;

struct Shipped {
  std::string_view name;
  std::vector<std::string> parameters;
  std::function<Made(const Texts&)> make;
};

template <typename P>
Result<void> set(P& into, const Parameter<P>& parameter, const std::string& text) {
  if (const auto* count = std::get_if<std::size_t P::*>(&parameter.at)) {
    auto value = node::read_count(text, most);
    if (!value) return fail(value.error());
    into.*(*count) = static_cast<std::size_t>(*value);
  } else if (const auto* small = std::get_if<unsigned P::*>(&parameter.at)) {
    auto value = node::read_count(text, 255);
    if (!value) return fail(value.error());
    into.*(*small) = static_cast<unsigned>(*value);
  } else if (const auto* time = std::get_if<Duration P::*>(&parameter.at)) {
    auto value = node::read_duration(text);
    if (!value) return fail(value.error());
    into.*(*time) = *value;
  } else {
    auto value = node::read_rate(text);
    if (!value) return fail(value.error());
    into.*std::get<double P::*>(parameter.at) = *value;
  }
  return {};
}

template <typename P, typename Make>
Shipped shipped(std::string_view name, std::vector<Parameter<P>> parameters, Make make) {
  Shipped entry{name, {}, {}};
  for (const auto& parameter : parameters) entry.parameters.emplace_back(parameter.name);
  entry.make = [parameters = std::move(parameters), make](const Texts& texts) -> Made {
    P chosen{};
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto found = std::ranges::find(parameters, texts[i].first, &Parameter<P>::name);
      if (found == parameters.end()) return std::unexpected(ShippedError{i, "unknown parameter"});
      if (auto done = set(chosen, *found, texts[i].second); !done)
        return std::unexpected(ShippedError{i, done.error().message});
    }
    return [chosen, make](const std::vector<protocol::Host>& contacts) -> std::unique_ptr<protocol::Protocol> {
      P parameters_of_node = chosen;
      if constexpr (requires { parameters_of_node.contacts; }) parameters_of_node.contacts = contacts;
      return make(std::move(parameters_of_node));
    };
  };
  return entry;
}

const std::vector<Shipped>& table() {
  using protocol::CyclonParameters;
  using protocol::GossipParameters;
  using protocol::HyParViewParameters;
  using protocol::PlumtreeParameters;
  static const std::vector<Shipped> all = [] {
    const std::vector<Parameter<GossipParameters>> gossip{{"fanout", &GossipParameters::fanout},
                                                          {"history_size", &GossipParameters::history_size},
                                                          {"max_payload", &GossipParameters::max_payload},
                                                          {"linger", &GossipParameters::linger}};
    std::vector<Shipped> list;
    list.push_back(shipped<HyParViewParameters>("hyparview",
                                                {{"active_view_size", &HyParViewParameters::active_view_size},
                                                 {"passive_view_size", &HyParViewParameters::passive_view_size},
                                                 {"arwl", &HyParViewParameters::arwl},
                                                 {"prwl", &HyParViewParameters::prwl},
                                                 {"ka", &HyParViewParameters::ka},
                                                 {"kp", &HyParViewParameters::kp},
                                                 {"shuffle_period", &HyParViewParameters::shuffle_period},
                                                 {"neighbor_timeout", &HyParViewParameters::neighbor_timeout},
                                                 {"join_retry", &HyParViewParameters::join_retry},
                                                 {"linger", &HyParViewParameters::linger}},
                                                [](auto p) { return protocol::make_hyparview(std::move(p)); }));
    list.push_back(shipped<CyclonParameters>("cyclon",
                                             {{"view_size", &CyclonParameters::view_size},
                                              {"shuffle_length", &CyclonParameters::shuffle_length},
                                              {"join_ttl", &CyclonParameters::join_ttl},
                                              {"shuffle_period", &CyclonParameters::shuffle_period},
                                              {"linger", &CyclonParameters::linger}},
                                             [](auto p) { return protocol::make_cyclon(std::move(p)); }));
    list.push_back(shipped<PlumtreeParameters>("plumtree",
                                               {{"timeout1", &PlumtreeParameters::timeout1},
                                                {"timeout2", &PlumtreeParameters::timeout2},
                                                {"ihave_delay", &PlumtreeParameters::ihave_delay},
                                                {"threshold", &PlumtreeParameters::threshold},
                                                {"cache_size", &PlumtreeParameters::cache_size},
                                                {"history_size", &PlumtreeParameters::history_size},
                                                {"max_missing", &PlumtreeParameters::max_missing},
                                                {"max_payload", &PlumtreeParameters::max_payload}},
                                               [](auto p) { return protocol::make_plumtree(p); }));
    list.push_back(
        shipped<GossipParameters>("eager-gossip", gossip, [](auto p) { return protocol::make_eager_gossip(p); }));
    list.push_back(shipped<GossipParameters>("flood", gossip, [](auto p) { return protocol::make_flood(p); }));
    list.push_back(shipped<PingPongParameters>("pingpong", {{"interval", &PingPongParameters::interval}},
                                               [](const auto& p) { return make_pingpong(p); }));
    return list;
  }();
  return all;
}

}  // namespace

std::vector<std::string> shipped_names() {
  std::vector<std::string> names;
  for (const Shipped& each : table()) names.emplace_back(each.name);
  return names;
}

std::vector<std::string> shipped_parameters(std::string_view name) {
  const auto found = std::ranges::find(table(), name, &Shipped::name);
  return found == table().end() ? std::vector<std::string>() : found->parameters;
}

Made shipped_protocol(std::string_view name, const Texts& parameters) {
  const auto found = std::ranges::find(table(), name, &Shipped::name);
  if (found == table().end()) return std::unexpected(ShippedError{SIZE_MAX, "unknown protocol"});
  return found->make(parameters);
}

}  // namespace myelin::sim
