// docs/openapi.yaml held against the server: every operation that it lists is there, every other verb on its paths is
// refused with 405, and the errors that it names are the enum.
#include "http/server_testing.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <yaml-cpp/yaml.h>

namespace myelin::http::testing {
namespace {

std::string filled(std::string path, const std::string& peer) {
  const auto replace = [&path](const std::string& what, const std::string& with) {
    if (const std::size_t at = path.find(what); at != std::string::npos) path.replace(at, what.size(), with);
  };
  replace("{host}", peer);
  replace("{process}", "m");
  replace("{method}", "echo");
  replace("{peer}", peer);
  return path;
}

TEST_F(ServerTest, IsWhatTheDocumentSays) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const YAML::Node document = YAML::LoadFile(MYELIN_SOURCE_DIR "/docs/openapi.yaml");
  std::size_t operations = 0;
  for (const auto& entry : document["paths"]) {
    const auto path = entry.first.as<std::string>();
    const std::string target = filled(path, a.node->id().to_string());
    for (const char* verb : {"get", "post", "put", "delete", "patch"}) {
      const YAML::Node operation = entry.second[verb];
      if (operation && (std::string(verb) == "delete" || path.ends_with("/wait")))
        continue;  // tried where nothing is lost or waited for
      std::string method(verb);
      for (char& c : method) c = static_cast<char>(c - 32);
      const Reply reply = ask(a, {.method = method, .target = target, .body = "", .fields = {}});
      if (!operation) {
        EXPECT_EQ(reply.status, 405u) << method << " " << target;
        EXPECT_FALSE(reply.allow.empty());
        continue;
      }
      ++operations;
      EXPECT_NE(reply.status, 405u) << method << " " << target;
      EXPECT_NE(reply.status, 404u) << method << " " << target;
      EXPECT_NE(reply.status, 0u) << method << " " << target;
      const bool listed = operation["responses"][std::to_string(reply.status)] || operation["responses"]["default"];
      EXPECT_TRUE(listed) << method << " " << target << " answered " << reply.status
                          << ", which the document does not list";
    }
  }
  EXPECT_GE(operations, 15u);
}

TEST_F(ServerTest, TheDocumentNamesEveryError) {
  const YAML::Node document = YAML::LoadFile(MYELIN_SOURCE_DIR "/docs/openapi.yaml");
  std::set<std::string> listed;
  for (const auto& item : document["components"]["schemas"]["Error"]["properties"]["error"]["enum"])
    listed.insert(item.as<std::string>());
  std::set<std::string> known;
  for (std::uint8_t code = 1; code <= last_error_code; ++code)
    known.insert(std::string(name(static_cast<ErrorCode>(code))));
  EXPECT_EQ(listed, known);
}

TEST_F(ServerTest, TheDocumentNamesEveryFieldOfAProcess) {
  Machine& a = add();
  nodes.spawn_open(a, "kernel_methods", "m");
  const YAML::Node document = YAML::LoadFile(MYELIN_SOURCE_DIR "/docs/openapi.yaml");
  std::set<std::string> listed;
  for (const auto& item : document["components"]["schemas"]["Process"]["required"])
    listed.insert(item.as<std::string>());
  std::set<std::string> there;
  const nlohmann::json process = nlohmann::json::parse(get(a, "/v1/processes/m").body);
  for (const auto& [key, value] : process.items()) there.insert(key);
  EXPECT_EQ(listed, there);
}

}  // namespace
}  // namespace myelin::http::testing
