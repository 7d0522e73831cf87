// For tests: nodes with their HTTP API in the simulated world, and clients that are polite or not.
//
// Thread: one. Lifetime: the fixture's.
#pragma once

#include "http/client.hpp"
#include "http/server.hpp"
#include "node/node_testing.hpp"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>

namespace myelin::http::testing {

using namespace std::chrono_literals;
using node::testing::Machine;

struct Reply {
  unsigned status = 0;
  std::string body;
  std::string error;          // Myelin-Error of the head
  std::string trailer_error;  // of the trailer
  std::string detail;
  std::string request_id;
  std::string content_length;
  std::string content_type;
  std::string allow;
  Result<void> end;  // how the exchange ended
};

struct Ask {
  std::string method = "GET";
  std::string target;
  std::string body;
  Fields fields;
  bool token = true;
  bool chunked = false;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest();
  void TearDown() override;

  // Node number 1, 2…, with an API.
  Machine& add(std::function<void(node::Config&)> change = {});
  BaseUrl url(Machine& machine);
  Reply ask(Machine& machine, Ask what);
  Reply get(Machine& machine, std::string target) {
    return ask(machine, {.method = "GET", .target = std::move(target), .body = {}, .fields = {}});
  }
  Reply post(Machine& machine, std::string target, std::string body = {}) {
    return ask(machine, {.method = "POST", .target = std::move(target), .body = std::move(body), .fields = {}});
  }
  // The path of a method on a node.
  std::string path(Machine& on, const std::string& process, const std::string& method) {
    return "/ww/0.1.0/" + on.node->id().to_string() + "/" + process + "/" + method;
  }
  // Sends bytes as they are, reads to the end of the connection or until `enough` is in what came.
  std::string raw(Machine& machine, std::string bytes, std::string enough = {}, bool close = false);
  std::unique_ptr<io::TcpStream> dial(Machine& machine);
  std::string module(const std::string& guest);

  node::testing::NodeWorld nodes;
  std::map<Machine*, std::unique_ptr<Server>> servers;
  Machine* client = nullptr;
};

}  // namespace myelin::http::testing
