#include "wasm/module.hpp"

#include "wasm/reader.hpp"

#include <algorithm>
#include <utility>

namespace myelin::wasm {
namespace {

// Section ids in the order in which they must come (spec 5.5.2); 0 stands anywhere.
enum Section : std::uint8_t {
  custom = 0,
  type = 1,
  import = 2,
  function = 3,
  table = 4,
  memory = 5,
  global = 6,
  exports = 7,
  start = 8,
  element = 9,
  code = 10,
  data = 11,
  data_count = 12,
  tag = 13,
};

// Position in that order; 0 for sections that do not exist.
std::uint32_t rank(std::uint8_t section) {
  switch (section) {
    case type:
      return 1;
    case import:
      return 2;
    case function:
      return 3;
    case table:
      return 4;
    case memory:
      return 5;
    case tag:
      return 6;
    case global:
      return 7;
    case exports:
      return 8;
    case start:
      return 9;
    case element:
      return 10;
    case data_count:
      return 11;
    case code:
      return 12;
    case data:
      return 13;
    default:
      return 0;
  }
}

constexpr std::uint32_t max_types = 100'000;
constexpr std::uint32_t max_values_per_type = 1'000;  // parameters, or results
constexpr std::uint32_t max_pages = 65'536;

class Inspector {
 public:
  Inspector(View module, const ModuleLimits& limits) : in_(module), limits_(limits) {}

  Result<ModuleInfo> run() {
    preamble();
    std::uint32_t last = 0;
    while (in_.ok() && !in_.at_end()) {
      const std::size_t at = in_.offset();
      const std::uint8_t id = in_.byte();
      const std::uint32_t size = in_.u32();
      Reader body = in_.sub(size, "section");
      if (!in_.ok()) break;
      if (id != custom) {
        const std::uint32_t place = rank(id);
        if (place == 0) {
          in_.refuse(at, concat("section ", id, " is not known"));
        } else if (place <= last) {
          in_.refuse(at, concat("section ", id, " stands out of order or twice"));
        }
        last = place;
      }
      if (in_.ok()) section(id, body);
      if (in_.ok() && body.ok() && !body.at_end()) body.refuse("the section is longer than its contents");
      if (!body.ok()) in_.take_error(body);
    }
    if (in_.ok()) finish();
    if (!in_.ok()) return std::unexpected(in_.error());
    return std::move(info_);
  }

 private:
  void preamble() {
    const std::size_t at = in_.offset();
    const View head = in_.bytes(8, "header");
    if (!in_.ok()) {
      in_.replace_reason(at, "not a WebAssembly module: too short");
      return;
    }
    if (!std::ranges::equal(head.first(4), std::array<std::uint8_t, 4>{0, 'a', 's', 'm'})) {
      in_.refuse(at, "not a WebAssembly module: it does not start with \\0asm");
    } else if (head[6] == 1 && head[7] == 0) {
      in_.refuse(4, "this is a component; only core modules run here");
    } else if (!std::ranges::equal(head.subspan(4), std::array<std::uint8_t, 4>{1, 0, 0, 0})) {
      in_.refuse(4, "the binary format's version is not 1");
    }
  }

  void section(std::uint8_t id, Reader& body) {
    switch (id) {
      case custom:
        body.name();
        body.skip_rest();
        break;
      case type:
        types(body);
        break;
      case import:
        imports(body);
        break;
      case function:
        functions(body);
        break;
      case table:
        tables(body);
        break;
      case memory:
        memories(body);
        break;
      case global:
        count_only(body, globals_, "globals");
        break;
      case exports:
        export_section(body);
        break;
      case start:
        body.refuse("a start section: guests run only inside calls; export `_initialize` instead");
        break;
      case element:
        count_only(body, elements_, "element segments");
        break;
      case data_count:
        has_data_count_ = true;
        data_count_ = body.u32();
        break;
      case code:
        bodies(body);
        break;
      case data:
        count_only(body, data_, "data segments");
        break;
      case tag:
        body.refuse("a tag section: exceptions are not offered here");
        break;
      default:
        break;
    }
  }

  // A vector's length. Each element takes a byte at least, so more than the bytes left is a lie.
  std::uint32_t count(Reader& in, std::uint32_t max, std::string_view what) {
    const std::size_t at = in.offset();
    const std::uint32_t n = in.u32();
    if (in.ok() && n > max) in.refuse(at, concat(n, " ", what, ", at most ", max, " are allowed"));
    if (in.ok() && n > in.left()) in.refuse(at, concat(n, " ", what, " in ", in.left(), " bytes"));
    return in.ok() ? n : 0;
  }

  // Sections whose contents the compiler checks: only their length matters here.
  void count_only(Reader& in, std::uint32_t& total, std::string_view what) {
    total += count(in, UINT32_MAX, what);
    in.skip_rest();
  }

  std::optional<ValueType> value_type(Reader& in) {
    const std::size_t at = in.offset();
    const std::uint8_t byte = in.byte();
    switch (byte) {
      case 0x7f:
        return ValueType::i32;
      case 0x7e:
        return ValueType::i64;
      case 0x7d:
        return ValueType::f32;
      case 0x7c:
        return ValueType::f64;
      case 0x7b:
        return ValueType::v128;
      case 0x70:
      case 0x6f:
        return ValueType::reference;
      default:
        break;
    }
    in.refuse(at, concat("value type 0x", to_hex(View(&byte, 1)), " is not offered here"));
    return std::nullopt;
  }

  std::vector<ValueType> values(Reader& in, std::string_view what) {
    std::vector<ValueType> list;
    const std::uint32_t n = count(in, max_values_per_type, what);
    list.reserve(n);
    for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
      if (auto value = value_type(in)) list.push_back(*value);
    }
    return list;
  }

  FunctionType function_type(Reader& in) {
    const std::size_t at = in.offset();
    const std::uint8_t form = in.byte();
    if (in.ok() && form != 0x60)
      in.refuse(at, "a type that is not a function's: garbage-collected types are not offered");
    FunctionType result;
    if (in.ok()) result.params = values(in, "parameters");
    if (in.ok()) result.results = values(in, "results");
    return result;
  }

  // Types are kept as places in the bytes: most are never asked for.
  void types(Reader& in) {
    const std::uint32_t n = count(in, max_types, "types");
    types_.reserve(n);
    for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
      types_.push_back(in);
      function_type(in);
    }
  }

  FunctionType type_at(Reader& in, std::size_t at, std::uint32_t index) {
    if (!in.ok()) return {};
    if (index >= types_.size()) {
      in.refuse(at, concat("type ", index, " of ", types_.size()));
      return {};
    }
    Reader place = types_[index];
    return function_type(place);
  }

  struct Limits {
    std::uint32_t min = 0;
    std::optional<std::uint32_t> max;
  };

  Limits read_limits(Reader& in, std::string_view what) {
    const std::size_t at = in.offset();
    const std::uint8_t flags = in.byte();
    if (in.ok() && flags > 1) {
      if (flags & 8) {
        in.refuse(at, concat("a ", what, " with a page size of its own is not offered"));
      } else if (flags & 4) {
        in.refuse(at, concat("a 64-bit ", what, " is not offered"));
      } else {
        in.refuse(at, concat("a shared ", what, " is not offered: guests have no threads"));
      }
    }
    Limits result;
    result.min = in.u32();
    if (flags & 1) {
      result.max = in.u32();
      if (in.ok() && *result.max < result.min) in.refuse(at, concat("a ", what, "'s maximum is below its minimum"));
    }
    return result;
  }

  void one_table(Reader& in) {
    const std::size_t at = in.offset();
    const std::uint8_t element_type = in.byte();
    if (in.ok() && element_type != 0x70 && element_type != 0x6f)
      in.refuse(at, "a table of typed references is not offered");
    const Limits size = read_limits(in, "table");
    if (!in.ok()) return;
    if (++tables_ > limits_.tables) {
      in.refuse(at, concat("more than ", limits_.tables, " tables"));
    } else if (size.min > limits_.table_elements) {
      in.refuse(at, concat("a table of ", size.min, " elements, at most ", limits_.table_elements, " are allowed"));
    }
  }

  void one_memory(Reader& in) {
    const std::size_t at = in.offset();
    const Limits size = read_limits(in, "memory");
    if (!in.ok()) return;
    if (++memories_ > 1) {
      in.refuse(at, "more than one memory is not offered");
    } else if (size.min > max_pages || size.max.value_or(0) > max_pages) {
      in.refuse(at, "a memory of more than 65536 pages");
    } else if (size.min > limits_.memory_pages) {
      in.refuse(at, concat("a memory of ", size.min, " pages, at most ", limits_.memory_pages, " are allowed"));
    }
    info_.memory_min_pages = size.min;
    info_.memory_max_pages = size.max;
  }

  void tables(Reader& in) {
    const std::uint32_t n = count(in, UINT32_MAX, "tables");
    for (std::uint32_t i = 0; i < n && in.ok(); ++i) one_table(in);
  }
  void memories(Reader& in) {
    const std::uint32_t n = count(in, UINT32_MAX, "memories");
    for (std::uint32_t i = 0; i < n && in.ok(); ++i) one_memory(in);
  }

  void imports(Reader& in) {
    const std::uint32_t n = count(in, limits_.imports, "imports");
    info_.imports.reserve(n);
    for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
      Import entry;
      entry.module = in.name();
      entry.name = in.name();
      const std::size_t at = in.offset();
      const std::uint8_t kind = in.byte();
      if (!in.ok()) return;
      switch (kind) {
        case 0: {
          entry.kind = ExternKind::function;
          const std::uint32_t index = in.u32();
          entry.type = type_at(in, at, index);
          function_types_.push_back(index);
          break;
        }
        case 1:
          entry.kind = ExternKind::table;
          one_table(in);
          break;
        case 2:
          entry.kind = ExternKind::memory;
          one_memory(in);
          break;
        case 3: {
          entry.kind = ExternKind::global;
          value_type(in);
          if (in.byte() > 1 && in.ok()) in.refuse(at, "a global that is neither constant nor mutable");
          ++globals_;
          break;
        }
        default:
          in.refuse(at, concat("an import of kind ", kind, " is not offered"));
          return;
      }
      info_.imports.push_back(std::move(entry));
    }
  }

  void functions(Reader& in) {
    const std::uint32_t n = count(in, limits_.functions, "functions");
    info_.functions = n;
    function_types_.reserve(function_types_.size() + n);
    for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
      const std::size_t at = in.offset();
      const std::uint32_t index = in.u32();
      if (in.ok() && index >= types_.size()) in.refuse(at, concat("type ", index, " of ", types_.size()));
      function_types_.push_back(index);
    }
  }

  // How many things of a kind there are, imported ones included.
  std::uint32_t space(ExternKind kind) const {
    switch (kind) {
      case ExternKind::function:
        return static_cast<std::uint32_t>(function_types_.size());
      case ExternKind::table:
        return tables_;
      case ExternKind::memory:
        return memories_;
      case ExternKind::global:
        return globals_;
    }
    return 0;
  }

  void export_section(Reader& in) {
    const std::uint32_t n = count(in, limits_.exports, "exports");
    info_.exports.reserve(n);
    for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
      Export entry;
      entry.name = in.name();
      const std::size_t at = in.offset();
      const std::uint8_t kind = in.byte();
      const std::uint32_t index = in.u32();
      if (!in.ok()) return;
      if (kind > 3) return in.refuse(at, concat("an export of kind ", kind, " is not offered"));
      entry.kind = static_cast<ExternKind>(kind);
      if (index >= space(entry.kind)) {
        return in.refuse(at, concat("export ", index, " of ", space(entry.kind)));
      }
      if (entry.kind == ExternKind::function) entry.type = type_at(in, at, function_types_[index]);
      if (entry.kind == ExternKind::memory && entry.name == "memory") info_.exports_memory = true;
      info_.exports.push_back(std::move(entry));
    }
    if (in.ok()) unique_exports(in);
  }

  void unique_exports(Reader& in) {
    std::vector<std::string_view> names;
    names.reserve(info_.exports.size());
    for (const Export& entry : info_.exports) names.push_back(entry.name);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice != names.end()) in.refuse("two exports are called " + quoted(*twice));
  }

  void bodies(Reader& in) {
    const std::size_t at = in.offset();
    const std::uint32_t n = count(in, limits_.functions, "function bodies");
    if (in.ok() && n != info_.functions) {
      return in.refuse(at, concat(info_.functions, " functions, but ", n, " bodies"));
    }
    for (std::uint32_t i = 0; i < n && in.ok(); ++i) {
      const std::size_t start_at = in.offset();
      const std::uint32_t size = in.u32();
      if (in.ok() && size > limits_.function_bytes) {
        return in.refuse(start_at,
                         concat("a function of ", size, " bytes, at most ", limits_.function_bytes, " are allowed"));
      }
      Reader body = in.sub(size, "function body");
      if (in.ok()) one_body(body);
      if (!body.ok()) in.take_error(body);
    }
    bodies_ = n;
  }

  void one_body(Reader& in) {
    const std::size_t at = in.offset();
    const std::uint32_t groups = count(in, UINT32_MAX, "groups of locals");
    std::uint64_t locals = 0;
    for (std::uint32_t i = 0; i < groups && in.ok(); ++i) {
      locals += in.u32();
      value_type(in);
      if (in.ok() && locals > limits_.locals_per_function) {
        in.refuse(at,
                  concat("a function with ", locals, " locals, at most ", limits_.locals_per_function, " are allowed"));
      }
    }
    if (!in.ok()) return;
    const View rest = in.bytes(in.left(), "instructions");
    if (rest.empty() || rest.back() != 0x0b) in.refuse("a function body without an end");
  }

  // What holds between sections.
  void finish() {
    if (bodies_ != info_.functions) {
      in_.refuse(concat(info_.functions, " functions, but ", bodies_, " bodies"));
    } else if (has_data_count_ && data_count_ != data_) {
      in_.refuse(concat(data_count_, " data segments are announced, there are ", data_));
    }
  }

  Reader in_;
  const ModuleLimits& limits_;
  ModuleInfo info_;
  std::vector<Reader> types_;
  std::vector<std::uint32_t> function_types_;  // by function index, imports first
  std::uint32_t tables_ = 0, memories_ = 0, globals_ = 0, elements_ = 0, data_ = 0, bodies_ = 0;
  bool has_data_count_ = false;
  std::uint32_t data_count_ = 0;
};

}  // namespace

const Export* ModuleInfo::find_function(std::string_view name) const {
  for (const Export& entry : exports) {
    if (entry.kind == ExternKind::function && entry.name == name) return &entry;
  }
  return nullptr;
}

bool ModuleInfo::imports_from(std::string_view module) const {
  return std::ranges::any_of(imports, [&](const Import& entry) { return entry.module == module; });
}

Result<ModuleInfo> inspect(View module, const ModuleLimits& limits) {
  if (module.size() > limits.module_bytes) {
    return fail(ErrorCode::too_large,
                concat("a module of ", module.size(), " bytes, at most ", limits.module_bytes, " are allowed"));
  }
  return Inspector(module, limits).run();
}

}  // namespace myelin::wasm
