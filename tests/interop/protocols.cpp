#include "interop/protocols.hpp"

#include "io/sync.hpp"

#include <openssl/evp.h>
#include <utility>

namespace myelin::interop {

struct Hash::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Hash::Hash() : state_(std::make_unique<State>()) { EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr); }
Hash::~Hash() { EVP_MD_CTX_free(state_->context); }
void Hash::update(View bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }
std::string Hash::hex() {
  std::uint8_t digest[32];
  EVP_DigestFinal_ex(state_->context, digest, nullptr);
  return to_hex(digest);
}

Server::Server(io::Loop& loop, Host& host) : loop_(loop), host_(host), scope_(loop) {
  serve(echo_protocol, &Server::echo);
  serve(sink_protocol, &Server::sink);
  serve(slow_protocol, &Server::slow);
  serve(reset_protocol, &Server::reset);
  serve(hold_protocol, &Server::hold);
  serve(failed_protocol, &Server::tell_failed);
}

void Server::serve(std::string_view protocol, io::Task<void> (Server::*handler)(std::unique_ptr<Stream>)) {
  host_.handle(std::string(protocol),
               [this, handler](std::unique_ptr<Stream> stream) { scope_.spawn((this->*handler)(std::move(stream))); });
}

// A stream that is destroyed before its end is reset.
io::Task<void> Server::echo(std::unique_ptr<Stream> stream) {
  for (;;) {
    auto bytes = co_await stream->read(chunk_bytes);
    if (!bytes) co_return;
    if (bytes->empty()) break;
    if (auto written = co_await stream->write(std::move(*bytes)); !written) co_return;
  }
  (void)co_await stream->close_write();
}

// Reads to the end, with a pause after each piece, and answers with count and hash.
io::Task<void> Server::digest(std::unique_ptr<Stream> stream, Duration pause) {
  Hash hash;
  std::size_t count = 0;
  for (;;) {
    auto bytes = co_await stream->read(chunk_bytes);
    if (!bytes) co_return;
    if (bytes->empty()) break;
    hash.update(bytes->view());
    count += bytes->size();
    if (pause > Duration::zero()) (void)co_await io::sleep_for(loop_, pause);
  }
  const std::string answer = std::to_string(count) + " " + hash.hex() + "\n";
  if (auto written = co_await stream->write(Buffer::copy_of(answer)); !written) co_return;
  (void)co_await stream->close_write();
}

io::Task<void> Server::sink(std::unique_ptr<Stream> stream) { co_await digest(std::move(stream), Duration::zero()); }

io::Task<void> Server::slow(std::unique_ptr<Stream> stream) {
  (void)co_await io::sleep_for(loop_, stall);
  co_await digest(std::move(stream), std::chrono::milliseconds(5));
}

io::Task<void> Server::reset(std::unique_ptr<Stream> stream) {
  (void)co_await stream->read(1);
  stream->reset();
}

io::Task<void> Server::hold(std::unique_ptr<Stream> stream) {
  auto outcome = co_await stream->write(Buffer::copy_of("h"));
  while (outcome) {
    auto bytes = co_await stream->read(chunk_bytes);
    if (!bytes) outcome = fail(bytes.error());
    if (!bytes || bytes->empty()) break;
  }
  if (outcome) outcome = co_await stream->write(Buffer::copy_of("e"));
  if (outcome) outcome = co_await stream->close_write();
  if (!outcome) ++failed_;
}

io::Task<void> Server::tell_failed(std::unique_ptr<Stream> stream) {
  if (auto written = co_await stream->write(Buffer::copy_of(std::to_string(failed_) + "\n")); !written) co_return;
  (void)co_await stream->close_write();
}

}  // namespace myelin::interop
