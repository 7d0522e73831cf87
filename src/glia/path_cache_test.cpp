// PathCache gives what it stands for, whatever was asked before.
#include "glia/path_cache.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace myelin::glia {
namespace {

const std::string peer = "/ww/0.1.0/12D3KooWFYcCMuKujeeDDPqnH6yHeVrnXPaCjfbYVmQ9fHxfRDtA/";
const std::string same_peer = "/ww/0.1.0/k51qzi5uqu5diaygekoy2td1iwi32yhl2c14k2ejh3cyqaki00b8set4zsvxl3/";

std::vector<std::string> many_paths() {
  std::vector<std::string> paths;
  for (int i = 0; i < 500; ++i) {  // many more than there are places
    paths.push_back(peer + "Wt9hMLbqHmNuCsvqCW8AuKxUjwL/m" + std::to_string(i));
    paths.push_back(same_peer + "process-" + std::to_string(i) + "/echo");
  }
  return paths;
}

TEST(PathCache, ParsesAsWithoutIt) {
  PathCache cache;
  for (int round = 0; round < 3; ++round) {
    for (const std::string& text : many_paths()) {
      const auto wanted = kernel::CallPath::parse(text, {});
      const auto path = cache.parse(text);
      ASSERT_TRUE(wanted && path) << text;
      EXPECT_EQ(path->node, wanted->node);
      EXPECT_EQ(path->process, wanted->process);
      EXPECT_EQ(path->method, wanted->method);
    }
  }
}

TEST(PathCache, WritesAsWithoutIt) {
  PathCache cache;
  for (int round = 0; round < 3; ++round) {
    for (const std::string& text : many_paths()) {
      const auto path = kernel::CallPath::parse(text, {});
      ASSERT_TRUE(path);
      EXPECT_EQ(cache.text_of(*path), path->to_string());
    }
  }
}

TEST(PathCache, WhatIsNoPathIsNoneTheSecondTimeToo) {
  PathCache cache;
  for (int round = 0; round < 2; ++round) {
    for (const std::string& text : {std::string(), peer, peer + "guest", peer + "guest/echo/", peer + "guest/_start",
                                    std::string(5000, 'x'), std::string("/ww/0.1.0/nopeer/guest/echo")}) {
      const auto path = cache.parse(text);
      ASSERT_EQ(path.has_value(), kernel::CallPath::parse(text, {}).has_value()) << text;
      if (!path) EXPECT_EQ(path.error().code, ErrorCode::bad_request) << text;
    }
    EXPECT_TRUE(cache.parse(peer + "guest/echo"));
  }
}

}  // namespace
}  // namespace myelin::glia
