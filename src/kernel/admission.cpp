#include "kernel/admission.hpp"

#include <algorithm>

namespace myelin::kernel {

// The method takes no part yet in the decision: an access list admits to a process as a whole.
Result<void> admit(Principal::Kind kind, const identity::PeerId& peer, const AccessList& target,
                   std::string_view /*method*/) {
  switch (kind) {
    case Principal::Kind::operator_:
    case Principal::Kind::process:
    case Principal::Kind::token:
      return {};
    case Principal::Kind::peer:
      if (target.anyone) return {};
      if (!peer.empty() && std::find(target.peers.begin(), target.peers.end(), peer) != target.peers.end()) return {};
      return fail(ErrorCode::forbidden, "the process does not admit this peer");
    case Principal::Kind::anonymous:
      if (target.anyone) return {};
      return fail(ErrorCode::unauthorized, "the process admits only holders of the node's token");
  }
  return fail(ErrorCode::forbidden, "unknown kind of principal");
}

}  // namespace myelin::kernel
