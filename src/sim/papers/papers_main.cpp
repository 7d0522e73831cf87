// myelin-papers: reproduces the papers' tables (`make papers`).
//
//   myelin-papers [--out DIR] [--nodes N] [--seed S] [--parallel P] [--from FILE]
//
// Writes DIR/papers.md, DIR/papers/*.svg and, with all that was measured, DIR/papers/figures.tsv (DIR: docs). With
// --from it reads such a file instead of measuring. Exit code 1 if a gate of the papers is missed; with another number
// of nodes than theirs, 10,000, none is asked.
#include "io/huge_pages.hpp"
#include "sim/papers/report.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace myelin::sim::papers;

bool write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) std::fprintf(stderr, "myelin-papers: cannot write %s\n", path.c_str());
  return static_cast<bool>(file);
}

std::optional<Figures> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto figures = Figures::parse(text);
  if (!file || !figures || text.empty()) {
    std::fprintf(stderr, "myelin-papers: cannot read %s\n", path.c_str());
    return std::nullopt;
  }
  return *figures;
}

// All experiments that need a world of their own, at most `parallel` at a time.
std::optional<Figures> measure(const Setting& setting, unsigned parallel) {
  const auto told = [](const char* what, auto run) {
    return Experiment{what, [what, run] {
                        Figures figures = run();
                        std::fprintf(stderr, "myelin-papers: %s done\n", what);
                        return figures;
                      }};
  };
  auto all = run_copies(
      {
          told("plumtree", [&] { return plumtree(setting); }),
          told("hyparview", [&] { return flood_over_hyparview(setting); }),
          told("cyclon", [&] { return gossip_over_cyclon(setting); }),
          told("optimised3", [&] { return plumtree_optimised(setting, 3, true); }),
          told("optimised7", [&] { return plumtree_optimised(setting, 7, false); }),
      },
      parallel);
  if (!all) {
    std::fprintf(stderr, "myelin-papers: %s\n", myelin::to_string(all.error()).c_str());
    return std::nullopt;
  }
  all->add("nodes", static_cast<double>(setting.nodes));
  all->add("seed", static_cast<double>(setting.seed));
  return *all;
}

}  // namespace

int main(int argc, char** argv) {
  myelin::io::restart_with_huge_pages(argv);
  Setting setting;
  std::filesystem::path out = "docs", from;
  unsigned parallel = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--out") out = argv[i + 1];
    if (flag == "--from") from = argv[i + 1];
    if (flag == "--nodes") setting.nodes = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--seed") setting.seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--parallel") parallel = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
  }
  if (setting.nodes < 200 || argc % 2 == 0) {
    std::fprintf(
        stderr,
        "usage: myelin-papers [--out DIR] [--nodes N (at least 200)] [--seed S] [--parallel P] [--from FILE]\n");
    return 2;
  }
  const auto figures = from.empty() ? measure(setting, parallel) : read(from);
  if (!figures) return 2;
  const Results results = results_of(*figures);

  std::vector<Gate> asked;
  if (results.setting.nodes == 10'000) asked = gates(results);
  bool written = write(out / "papers.md", markdown(results, asked));
  written = write(out / "papers/figures.tsv", figures->to_text()) && written;
  for (const auto& [name, drawing] : drawings(results)) written = write(out / "papers" / name, drawing) && written;
  bool hold = true;
  for (const Gate& each : asked) {
    std::printf("%-6s %s: %s (%s)\n", each.holds ? "holds" : "MISSED", each.name.c_str(), each.ours.c_str(),
                each.wanted.c_str());
    hold = hold && each.holds;
  }
  if (!written) return 2;
  return hold ? 0 : 1;
}
