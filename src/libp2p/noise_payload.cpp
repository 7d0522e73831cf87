#include "libp2p/noise_payload.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"
#include "libp2p/multistream.hpp"
#include "noise_payload.pb.h"

#include <string_view>

namespace myelin::libp2p::noise {
namespace {

constexpr std::string_view signature_prefix = "noise-libp2p-static-key:";
// An RSA signature is as long as its modulus.
constexpr std::size_t max_signature_bytes = limits::protobuf_key_bytes;

Bytes to_bytes(const std::string& text) { return Bytes(text.begin(), text.end()); }

std::unexpected<Error> broken(std::string_view what) { return fail(ErrorCode::protocol, std::string(what)); }

}  // namespace

Bytes signed_bytes(const DhPublic& static_public) {
  Bytes bytes(signature_prefix.begin(), signature_prefix.end());
  bytes.insert(bytes.end(), static_public.begin(), static_public.end());
  return bytes;
}

Bytes encode_payload(const Payload& payload) {
  wire::NoiseHandshakePayload message;
  message.set_identity_key(payload.identity_key.data(), payload.identity_key.size());
  message.set_identity_sig(payload.identity_signature.data(), payload.identity_signature.size());
  for (const std::string& muxer : payload.muxers) message.mutable_extensions()->add_stream_muxers(muxer);
  Bytes bytes(message.ByteSizeLong());
  const bool written = message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  MYELIN_CHECK(written, "a message fits the size that it gave");
  return bytes;
}

Result<Payload> decode_payload(View bytes) {
  wire::NoiseHandshakePayload message;
  if (bytes.size() > limits::noise_frame_bytes ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return broken("Noise payload is not the protobuf message");
  }
  if (!message.has_identity_key() || !message.has_identity_sig()) return broken("Noise payload lacks key or signature");
  if (message.identity_key().size() > limits::protobuf_key_bytes) return broken("identity key is too large");
  if (message.identity_sig().size() > max_signature_bytes) return broken("identity signature is too large");
  Payload payload{to_bytes(message.identity_key()), to_bytes(message.identity_sig()), {}};
  const auto& muxers = message.extensions().stream_muxers();
  if (static_cast<std::size_t>(muxers.size()) > max_muxers) return broken("Noise payload offers too many muxers");
  for (const std::string& muxer : muxers) {
    if (!multistream::valid_protocol(muxer)) return broken("Noise payload offers what is no protocol");
    payload.muxers.push_back(muxer);
  }
  return payload;
}

}  // namespace myelin::libp2p::noise
