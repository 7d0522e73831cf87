#include "cli/output.hpp"

#include "cli/exit_code.hpp"
#include "http/json.hpp"

#include <algorithm>
#include <cstdio>

namespace myelin::cli {
namespace {

// Characters, not bytes: a byte that continues a UTF-8 sequence takes no column.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string line_of(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line.append(cells[i]);
    if (i + 1 < cells.size()) line.append(widths[i] - width(cells[i]) + 2, ' ');
  }
  return line;
}

}  // namespace

void print(std::string text) {
  text.push_back('\n');
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_table(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& heading : headings) widths.push_back(width(heading));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  print(line_of(headings, widths));
  for (const auto& row : rows) print(line_of(row, widths));
}

int report(const Common& common, const Error& error) {
  const std::string text = common.json ? http::error_json(error, "") : "myelin: " + visible(to_string(error));
  std::fprintf(stderr, "%s\n", text.c_str());
  return exit_code(error.code, error.detail);
}

std::string visible(std::string_view text) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      out.append(escape);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace myelin::cli
