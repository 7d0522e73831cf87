// Session: the command line's conversation with the node of a home: finds the API and the token, asks, and turns
// answers into results.
//
// Thread: one; it runs its own loop. Lifetime: a command's.
#pragma once

#include "cli/options.hpp"
#include "http/client.hpp"
#include "io/real.hpp"

#include <memory>
#include <string>

namespace myelin::cli {

struct NodeAccess {
  http::BaseUrl url;
  std::string token;
};

// From flags, else from the files `api` and `token` of the home. Errors: offline (no node runs there), forbidden (a
// token that others can read), bad_request.
Result<NodeAccess> find_node(const Common& common);

// One exchange on a connection of its own: the body of a 2xx answer. Errors: what the node answered, offline,
// link_lost.
Result<std::string> ask(const Common& common, std::string method, std::string target, Buffer body = {},
                        http::Fields fields = {});

// The error that an answer of the node stands for.
Error answered_error(unsigned status, const std::string& name, const std::string& body);

// A whole file that this user names. Errors: io, too_large.
Result<Buffer> read_file(const std::string& path, std::size_t max);

}  // namespace myelin::cli
