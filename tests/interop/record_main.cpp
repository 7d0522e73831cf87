// Records a Conversation with a real peer: interop_record ADDRESS REMARK >tests/golden/libp2p/NAME.txt
//
// Lines: `# REMARK`, `peer ID`, then in turn `> HEX` for what was said and `< HEX` for the chunk that was heard. The
// golden test replays them.
#include "interop/conversation.hpp"
#include "libp2p/multiaddr.hpp"

#include <arpa/inet.h>
#include <cstdio>
#include <sys/socket.h>
#include <unistd.h>

namespace myelin::interop {
namespace {

int connect_to(const io::SocketAddress& address) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(address.port);
  ::inet_pton(AF_INET, address.ip.to_string().c_str(), &at.sin_addr);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? socket : -1;
}

bool say(int socket, const Bytes& bytes) {
  if (bytes.empty()) return true;
  std::printf("> %s\n", to_hex(bytes).c_str());
  return ::send(socket, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
}

int record(const char* text, const char* remark) {
  const auto address = libp2p::Multiaddr::parse(text);
  if (!address || !address->peer() || !address->tcp_socket()) return std::fputs("error: no address\n", stderr), 2;
  const int socket = connect_to(*address->tcp_socket());
  if (socket < 0) return std::perror("connect"), 1;
  std::printf("# %s\npeer %s\n", remark, address->peer()->to_string().c_str());
  Conversation conversation(*address->peer());
  if (!say(socket, conversation.open())) return std::perror("send"), 1;
  while (!conversation.done()) {
    Bytes chunk(65536);
    const ssize_t size = ::recv(socket, chunk.data(), chunk.size(), 0);
    if (size <= 0) return std::fputs("error: the peer has left\n", stderr), 1;
    chunk.resize(static_cast<std::size_t>(size));
    std::printf("< %s\n", to_hex(chunk).c_str());
    const auto answer = conversation.receive(std::move(chunk));
    if (!answer) return std::fprintf(stderr, "error: %s\n", to_string(answer.error()).c_str()), 1;
    if (!say(socket, *answer)) return std::perror("send"), 1;
  }
  std::fprintf(stderr, "%s, early muxer: %d\n", conversation.identity().agent.c_str(), conversation.early_muxer());
  ::close(socket);
  return 0;
}

}  // namespace
}  // namespace myelin::interop

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: interop_record ADDRESS REMARK\n", stderr), 2;
  return myelin::interop::record(argv[1], argv[2]);
}
