// Cyclon, JNSM 2005: a view of hosts with ages that is mixed by exchanges with its oldest node.
//
// The paper's exchanges are datagrams; here each goes over a connection of its own, which is kept for `linger`.
//
// Invariants: those of CyclonView. One exchange of this node is under way at a time: an answer that comes after the
// next cycle has begun is merged as far as there are free places. Thread: that of the runtime.
#pragma once

#include "myelin/protocols.hpp"
#include "protocol/overlays/courier.hpp"
#include "protocol/overlays/cyclon_view.hpp"

#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

namespace myelin::protocol {

namespace cyclon {

struct ShuffleRequest {
  static constexpr MessageId id = 1;
  static constexpr std::string_view wire_name = "myelin.cyclon.ShuffleRequest";
  std::vector<CyclonEntry> entries;
  auto fields(this auto& self) { return std::tie(self.entries); }
};

struct ShuffleAnswer {
  static constexpr MessageId id = 2;
  static constexpr std::string_view wire_name = "myelin.cyclon.ShuffleAnswer";
  std::vector<CyclonEntry> entries;
  auto fields(this auto& self) { return std::tie(self.entries); }
};

// To the contact: start the walks.
struct JoinRequest {
  static constexpr MessageId id = 3;
  static constexpr std::string_view wire_name = "myelin.cyclon.JoinRequest";
  auto fields(this auto&) { return std::tuple<>(); }
};

struct JoinWalk {
  static constexpr MessageId id = 4;
  static constexpr std::string_view wire_name = "myelin.cyclon.JoinWalk";
  Host joiner;
  std::uint8_t ttl = 0;
  auto fields(this auto& self) { return std::tie(self.joiner, self.ttl); }
};

// From where a walk ended: the entry whose place the joiner took, or that node itself if it had a free place.
struct JoinPlace {
  static constexpr MessageId id = 5;
  static constexpr std::string_view wire_name = "myelin.cyclon.JoinPlace";
  CyclonEntry entry;
  auto fields(this auto& self) { return std::tie(self.entry); }
};

}  // namespace cyclon

class Cyclon final : public Membership {
 public:
  static constexpr ProtocolId protocol_id = 0x4359;  // "CY"

  explicit Cyclon(CyclonParameters parameters);

  ProtocolId id() const override { return protocol_id; }
  std::string_view name() const override { return "cyclon"; }
  void start(Context& ctx) override;
  void init(Context& ctx) override;
  void on_session_connected(const Host& host) override { courier_.on_connected(host); }
  void on_session_disconnected(const Host& host, const Error&) override { (void)courier_.on_disconnected(host); }
  void on_session_failed(const Host& host, const Error& why) override;
  void on_session_given_up(const Host& host, unsigned attempts) override;

  std::vector<Host> active_view() const override;
  std::vector<Host> passive_view() const override { return {}; }
  void cycle() override;

 private:
  void join(const Host& contact);
  void join_any();
  void peers(const GetPeers& request, Responder<Peers> answer);
  void on_shuffle(const cyclon::ShuffleRequest& message, const Host& from);
  void on_answer(const cyclon::ShuffleAnswer& message, const Host& from);
  void on_join(const cyclon::JoinRequest&, const Host& from);
  void on_walk(const cyclon::JoinWalk& message, const Host& from);
  void on_place(const cyclon::JoinPlace& message, const Host& from);
  void walk(const Host& joiner, unsigned ttl);
  void end_walk(const Host& joiner);
  void failed(const Host& host);
  template <Message M>
  void tell(M message, const Host& to) {
    courier_.post(MessageBox::make<M>(std::move(message)), to);
  }
  std::uint64_t draw(std::uint64_t bound) { return ctx_->random_below(bound); }

  CyclonParameters parameters_;
  Context* ctx_ = nullptr;
  Courier courier_;
  CyclonView view_;
  std::vector<CyclonEntry> sent_;  // in the exchange under way
  Host partner_;                   // of it; empty: none
};

}  // namespace myelin::protocol
