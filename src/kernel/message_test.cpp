#include "kernel/message.hpp"

#include "kernel/admission.hpp"
#include "kernel/process.hpp"

#include <gtest/gtest.h>

namespace myelin::kernel {
namespace {

const std::string peer_text = "12D3KooWFYcCMuKujeeDDPqnH6yHeVrnXPaCjfbYVmQ9fHxfRDtA";
const std::string pid_text = "Wt9hMLbqHmNuCsvqCW8AuKxUjwL";

std::optional<identity::PeerId> alias(std::string_view name) {
  if (name == "friend") return *identity::PeerId::parse(peer_text);
  return std::nullopt;
}

TEST(CallPath, ReadsTheReferencesExample) {
  std::string text = "/ww/0.1.0/" + peer_text + "/" + pid_text + "/echo";
  auto path = CallPath::parse(text, {});
  ASSERT_TRUE(path) << to_string(path.error());
  EXPECT_EQ(path->node.to_string(), peer_text);
  EXPECT_EQ(std::get<Pid>(path->process), *Pid::parse(pid_text));
  EXPECT_EQ(path->method, "echo");
  EXPECT_EQ(path->to_string(), text);
}

TEST(CallPath, OnePeerHasManySpellings) {
  auto peer = *identity::PeerId::parse(peer_text);
  auto plain = CallPath::parse("/ww/0.1.0/" + peer_text + "/worker/echo", {});
  auto cid = CallPath::parse("/ww/0.1.0/" + peer.to_cid_string() + "/worker/echo", {});
  auto known = CallPath::parse("/ww/0.1.0/friend/worker/echo", alias);
  ASSERT_TRUE(plain && cid && known);
  EXPECT_EQ(plain->node, cid->node);
  EXPECT_EQ(plain->node, known->node);
  EXPECT_EQ(std::get<std::string>(plain->process), "worker");
}

TEST(CallPath, IsStrict) {
  const std::string good = "/ww/0.1.0/" + peer_text + "/" + pid_text + "/echo";
  for (const std::string& bad : {
           std::string(),
           std::string("/"),
           good.substr(1),
           good + "/",
           good + "/more",
           "/" + good,
           "/ww/0.1.0/" + peer_text + "/" + pid_text,
           "/ww/0.1.0/" + peer_text,
           "/ww/0.1.0/" + peer_text + "//echo",
           "/ww/0.1.0//" + pid_text + "/echo",
           "/ww/0.1.1/" + peer_text + "/" + pid_text + "/echo",
           "/WW/0.1.0/" + peer_text + "/" + pid_text + "/echo",
           "/ww/0.1.0/" + peer_text + "/" + pid_text + "/ec%68o",
           "/ww/0.1.0/" + peer_text + "/" + pid_text + "/echo?x=1",
           "/ww/0.1.0/" + peer_text + "/" + pid_text + "/ec ho",
           "/ww/0.1.0/" + peer_text + "/" + pid_text + "/" + std::string(129, 'a'),
           "/ww/0.1.0/" + peer_text + "/NotAPid/echo",
           "/ww/0.1.0/friend/" + pid_text + "/echo",
           "/ww/0.1.0/" + std::string(2000, 'a') + "/" + pid_text + "/echo",
           "/ww/0.1.0/" + peer_text + "/" + pid_text + "/ec" + std::string(1, '\0') + "ho",
       }) {
    auto path = CallPath::parse(bad, {});
    ASSERT_FALSE(path) << bad;
    EXPECT_EQ(path.error().code, ErrorCode::bad_request) << bad;
  }
}

TEST(Address, IsAPidOrNameAndPerhapsAPeer) {
  auto here = Address::parse("worker", {});
  ASSERT_TRUE(here);
  EXPECT_TRUE(here->node.empty());
  EXPECT_EQ(here->to_string(), "worker");
  auto there = Address::parse("friend/" + pid_text, alias);
  ASSERT_TRUE(there);
  EXPECT_EQ(there->to_string(), peer_text + "/" + pid_text);
  for (const char* bad : {"", "/", "a/", "/a", "friend/a/b", "Upper", "nobody/worker", "wor ker", "-a"})
    EXPECT_FALSE(Address::parse(bad, alias)) << bad;
}

TEST(Names, OfProcesses) {
  for (const char* good :
       {"a", "0", "worker-1", "a.b_c", "x23456789012345678901234567890123456789012345678901234567890123"})
    EXPECT_TRUE(valid_process_name(good)) << good;
  for (const char* bad : {"", ".a", "_a", "-a", "A", "a b", "a/b", "ä"}) EXPECT_FALSE(valid_process_name(bad)) << bad;
  EXPECT_FALSE(valid_process_name(std::string(65, 'a')));
  EXPECT_FALSE(valid_process_name(Pid{}.to_string())) << "a PID is not a name";
}

TEST(Names, OfMethods) {
  for (const char* good : {"a", "Echo", "get.value", "a-b_c9"}) EXPECT_TRUE(valid_method_name(good)) << good;
  for (const char* bad : {"", "_start", "_initialize", "malloc", "free", "realloc", "calloc", "cabi_realloc",
                          "cabi_post_x", "9a", ".a", "a b", "a/b", "aä"})
    EXPECT_FALSE(valid_method_name(bad)) << bad;
  EXPECT_TRUE(valid_method_name(std::string(128, 'a')));
  EXPECT_FALSE(valid_method_name(std::string(129, 'a')));
}

TEST(Names, OfEnumsRoundTrip) {
  for (auto policy : {RestartPolicy::never, RestartPolicy::on_failure, RestartPolicy::always})
    EXPECT_EQ(restart_policy(name(policy)), policy);
  for (auto value : {Signal::kill, Signal::stop, Signal::resume, Signal::restart})
    EXPECT_EQ(signal(name(value)), value);
  EXPECT_FALSE(restart_policy("sometimes"));
  EXPECT_FALSE(signal("hup"));
  EXPECT_EQ(name(ProcessState::backoff), "backoff");
  EXPECT_EQ(name(ProcessKind::mailbox), "mailbox");
}

TEST(Principal, InWords) {
  auto peer = *identity::PeerId::parse(peer_text);
  auto pid = *Pid::parse(pid_text);
  using Kind = Principal::Kind;
  EXPECT_EQ((Principal{Kind::process, pid, {}}).to_string(), "process " + pid_text);
  EXPECT_EQ((Principal{Kind::peer, {}, peer}).to_string(), "peer " + peer_text);
  EXPECT_EQ((Principal{Kind::token, {}, {}}).to_string(), "token");
  EXPECT_EQ((Principal{Kind::operator_, {}, {}}).to_string(), "operator");
  EXPECT_EQ(Principal{}.to_string(), "anonymous");
}

TEST(Admission, APeerListDoesNotAdmitTheAnonymous) {
  AccessList list;
  list.peers = {*identity::PeerId::parse(peer_text)};
  EXPECT_EQ(admit(Principal{}, list, "echo").error().code, ErrorCode::unauthorized);
  EXPECT_EQ(admit(Principal{Principal::Kind::peer, {}, {}}, list, "echo").error().code, ErrorCode::forbidden);
  EXPECT_TRUE(admit(Principal{Principal::Kind::peer, {}, list.peers[0]}, list, "echo"));
}

}  // namespace
}  // namespace myelin::kernel
