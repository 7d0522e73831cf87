// What commands print: tables for people, JSON for programs, errors on stderr.
//
// Thread: one.
#pragma once

#include "base/error.hpp"
#include "cli/options.hpp"

#include <string>
#include <vector>

namespace myelin::cli {

void print(std::string text);  // to stdout, with a line feed
// Rows under their headings, columns aligned.
void print_table(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows);
// Prints the error to stderr ("myelin: no_such_process: …", or as JSON) and gives its exit code.
int report(const Common& common, const Error& error);
// Control characters of foreign text made visible, so that it cannot steer a terminal.
std::string visible(std::string_view text);

}  // namespace myelin::cli
