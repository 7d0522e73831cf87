#include "kernel/message.hpp"

#include "base/limits.hpp"

#include <algorithm>
#include <array>

namespace myelin::kernel {

namespace {

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }

// A peer in any spelling, or an alias of the configuration. Aliases cannot shadow a peer ID.
Result<identity::PeerId> parse_node(std::string_view text, const Address::Aliases& aliases) {
  if (text.empty()) return fail(ErrorCode::bad_request, "the peer is empty");
  if (text.size() > 256) return fail(ErrorCode::bad_request, "the peer is too long");
  auto peer = identity::PeerId::parse(text);
  if (peer) return peer;
  if (aliases)
    if (auto known = aliases(text)) return *known;
  return fail(ErrorCode::bad_request, "not a peer ID or alias");
}

Result<std::variant<Pid, std::string>> parse_process(std::string_view text) {
  if (auto pid = Pid::parse(text)) return std::variant<Pid, std::string>(*pid);
  if (valid_process_name(text)) return std::variant<Pid, std::string>(std::string(text));
  return fail(ErrorCode::bad_request, "not a PID or process name");
}

std::string process_text(const std::variant<Pid, std::string>& process) {
  if (const auto* pid = std::get_if<Pid>(&process)) return pid->to_string();
  return std::get<std::string>(process);
}

}  // namespace

std::string Principal::to_string() const {
  switch (kind) {
    case Kind::operator_:
      return "operator";
    case Kind::process:
      return "process " + pid.to_string();
    case Kind::peer:
      return "peer " + peer.to_string();
    case Kind::token:
      return "token";
    case Kind::anonymous:
      return "anonymous";
  }
  return "anonymous";
}

bool valid_process_name(std::string_view name) {
  if (name.empty() || name.size() > limits::process_name_bytes || !lower_or_digit(name[0])) return false;
  bool charset = std::all_of(name.begin(), name.end(),
                             [](char c) { return lower_or_digit(c) || c == '.' || c == '_' || c == '-'; });
  return charset && !Pid::parse(name);
}

bool valid_method_name(std::string_view name) {
  static constexpr std::array<std::string_view, 9> allocators = {
      "malloc", "calloc", "realloc", "free", "aligned_alloc", "posix_memalign", "memalign", "alloc", "dealloc"};
  if (name.empty() || name.size() > limits::method_name_bytes || !letter(name[0])) return false;
  constexpr std::size_t shortest_reserved = 4;
  if (name.size() >= shortest_reserved) {
    if (name.starts_with("cabi_")) return false;
    if (std::find(allocators.begin(), allocators.end(), name) != allocators.end()) return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return letter(c) || digit(c) || c == '_' || c == '.' || c == '-'; });
}

Result<Address> Address::parse(std::string_view text, const Aliases& aliases) {
  Address address;
  auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    auto node = parse_node(text.substr(0, slash), aliases);
    if (!node) return fail(node.error());
    address.node = std::move(*node);
    text.remove_prefix(slash + 1);
  }
  auto process = parse_process(text);
  if (!process) return fail(process.error());
  address.process = std::move(*process);
  return address;
}

std::string Address::to_string() const {
  std::string text = process_text(process);
  return node.empty() ? text : node.to_string() + "/" + text;
}

Result<CallPath> CallPath::parse(std::string_view text, const Address::Aliases& aliases) {
  if (text.empty() || text[0] != '/') return fail(ErrorCode::bad_request, "a path begins with '/'");
  if (text.size() > 1024) return fail(ErrorCode::bad_request, "the path is too long");
  if (text.find('%') != std::string_view::npos)
    return fail(ErrorCode::bad_request, "a path holds no percent-encoding: every segment is plain");
  std::array<std::string_view, 5> segments;
  std::size_t count = 0;
  std::string_view rest = text.substr(1);
  for (;;) {
    auto slash = rest.find('/');
    std::string_view segment = rest.substr(0, slash);
    if (segment.empty()) return fail(ErrorCode::bad_request, "a path has no empty segment");
    if (count == segments.size()) return fail(ErrorCode::bad_request, "a path has five segments, this one has more");
    segments[count++] = segment;
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (count != segments.size()) return fail(ErrorCode::bad_request, "a path has five segments, this one has fewer");
  if (segments[0] != "ww") return fail(ErrorCode::bad_request, "a path begins with /ww/");
  if (segments[1] != "0.1.0") return fail(ErrorCode::bad_request, "the version is not 0.1.0");
  CallPath path;
  auto node = parse_node(segments[2], aliases);
  if (!node) return fail(node.error());
  auto process = parse_process(segments[3]);
  if (!process) return fail(process.error());
  path.node = std::move(*node);
  path.process = std::move(*process);
  path.method = std::string(segments[4]);
  // A reserved name is well-formed: it is refused where methods are looked up, as any that is not there.
  bool shaped = path.method.size() <= limits::method_name_bytes &&
                std::all_of(path.method.begin(), path.method.end(),
                            [](char c) { return letter(c) || digit(c) || c == '_' || c == '.' || c == '-'; });
  if (!shaped) return fail(ErrorCode::bad_request, "not a method name");
  return path;
}

std::string CallPath::to_string() const {
  return "/ww/0.1.0/" + node.to_string() + "/" + process_text(process) + "/" + method;
}

}  // namespace myelin::kernel
