#include "sim/file/yaml.hpp"

#include <exception>
#include <set>
#include <sstream>
#include <string>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace myelin::sim::yaml {
namespace {

constexpr std::size_t max_bytes = std::size_t{4} << 20;
constexpr std::size_t max_depth = 16;
constexpr std::size_t max_values = 1'200'000;  // a latency matrix of a thousand places

// yaml-cpp descends once per bracket and per level of indentation: what nests beyond reason is refused before it.
bool nests_too_deeply(std::string_view text) {
  constexpr std::size_t most = 256;
  std::size_t open = 0, dashes = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') {
      if (++open > most) return true;
    } else if ((c == ']' || c == '}') && open > 0) {
      --open;
    }
    if (c == '-' || c == '?') {
      if (++dashes > most) return true;
    } else if (c != ' ') {
      dashes = 0;
    }
  }
  return false;
}

class BadDocument : public std::exception {
 public:
  BadDocument(const YAML::Mark& at, std::string why) : mark(at), what_text(std::move(why)) {}
  const char* what() const noexcept override { return what_text.c_str(); }
  YAML::Mark mark;
  std::string what_text;
};

// Builds the tree from the parser's events, one document and no more. YAML::LoadAll is not used: on some malformed text
// it gives documents without end; nor are anchors, which multiply.
class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw BadDocument(mark, "one document only");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { value(mark, anchor, {}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { throw BadDocument(mark, "no aliases"); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& text) override {
    value(mark, anchor, text);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

  Node root;

 private:
  struct Level {
    Node node;
    bool has_key = false;
    std::set<std::string> seen = {};
  };
  static Node made(const YAML::Mark& mark, Node::Kind kind) {
    Node node;
    node.kind = kind;
    node.line = static_cast<std::size_t>(mark.line) + 1;
    node.column = static_cast<std::size_t>(mark.column) + 1;
    return node;
  }
  void count(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) throw BadDocument(mark, "no anchors");
    if (++values_ > max_values) throw BadDocument(mark, "too many values");
  }
  void value(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& text) {
    count(mark, anchor);
    if (!levels_.empty() && levels_.back().node.kind == Node::Kind::map && !levels_.back().has_key) {
      Level& level = levels_.back();
      if (!level.seen.insert(text).second) throw BadDocument(mark, "key '" + text + "' stands twice");
      level.node.keys.push_back(text);
      level.node.places.emplace_back(mark.line + 1, mark.column + 1);
      level.has_key = true;
      return;
    }
    Node node = made(mark, Node::Kind::text);
    node.text = text;
    add(std::move(node));
  }
  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Kind kind) {
    count(mark, anchor);
    if (levels_.size() >= max_depth) throw BadDocument(mark, "nested too deeply");
    if (!levels_.empty() && levels_.back().node.kind == Node::Kind::map && !levels_.back().has_key)
      throw BadDocument(mark, "a key is text");
    levels_.push_back({made(mark, kind)});
  }
  void close() {
    Node node = std::move(levels_.back().node);
    levels_.pop_back();
    add(std::move(node));
  }
  void add(Node node) {
    if (levels_.empty()) {
      root = std::move(node);
      return;
    }
    levels_.back().node.items.push_back(std::move(node));
    levels_.back().has_key = false;
  }

  std::vector<Level> levels_;
  std::size_t values_ = 0;
  int documents_ = 0;
};

}  // namespace

std::unexpected<Error> error_at(std::string_view origin, std::size_t line, std::size_t column,
                                const std::string& what) {
  return fail(ErrorCode::bad_request,
              std::string(origin) + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + what);
}

Result<Node> load(std::string_view text, std::string_view origin) {
  if (text.size() > max_bytes) return error_at(origin, 1, 1, "the scenario is over 4 MiB");
  if (nests_too_deeply(text)) return error_at(origin, 1, 1, "nested too deeply");
  const auto failed = [&origin](const YAML::Mark& mark, const std::string& what) {
    return mark.is_null() ? error_at(origin, 1, 1, what)
                          : error_at(origin, static_cast<std::size_t>(mark.line) + 1,
                                     static_cast<std::size_t>(mark.column) + 1, what);
  };
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    for (int i = 0; i < 2 && parser.HandleNextDocument(builder); ++i) {
    }
    return std::move(builder.root);
  } catch (const BadDocument& error) {
    return failed(error.mark, error.what_text);
  } catch (const YAML::ParserException& error) {
    return failed(error.mark, error.msg);
  } catch (const std::exception& error) {
    return error_at(origin, 1, 1, error.what());
  }
}

}  // namespace myelin::sim::yaml
