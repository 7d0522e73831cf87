// Counts lines, words and bytes, and finds the most frequent words, with what the C++ library has for that.
//
// Streams are read through the C library: <iostream> works too, but makes the module many times as big.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#define METHOD(name) extern "C" __attribute__((export_name(name)))

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Calls `each` with every piece of the message.
template <typename F>
void read_all(F each) {
  static std::array<char, 16 * 1024> buffer;
  ssize_t size;
  while ((size = read(STDIN_FILENO, buffer.data(), buffer.size())) > 0) {
    std::for_each(buffer.data(), buffer.data() + size, each);
  }
}

}  // namespace

// As `wc` does: lines, words, bytes.
METHOD("count") void count() {
  std::uint64_t lines = 0, words = 0, bytes = 0;
  bool in_word = false;
  read_all([&](char c) {
    ++bytes;
    lines += c == '\n';
    words += !in_word && !is_space(c);
    in_word = !is_space(c);
  });
  std::printf("%llu %llu %llu\n", static_cast<unsigned long long>(lines), static_cast<unsigned long long>(words),
              static_cast<unsigned long long>(bytes));
  std::fflush(stdout);
}

// The ten most frequent words, the alphabet deciding between equals.
METHOD("top") void top() {
  std::map<std::string, std::uint64_t> seen;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) ++seen[word];
    word.clear();
  };
  read_all([&](char c) {
    if (is_space(c)) {
      end_word();
    } else {
      word += c;
    }
  });
  end_word();

  std::vector<std::pair<std::string, std::uint64_t>> order(seen.begin(), seen.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  order.resize(std::min<std::size_t>(order.size(), 10));
  for (const auto& [text, times] : order)
    std::printf("%llu %s\n", static_cast<unsigned long long>(times), text.c_str());
  std::fflush(stdout);
}
