#include "wasm/module.hpp"

#include "wasm/module_testing.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>

namespace myelin::wasm {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// The reason for which `bytes` are refused; empty if they are not.
std::string refusal(const Bytes& bytes, const ModuleLimits& limits = {}) {
  const auto info = inspect(bytes, limits);
  if (info) return "";
  EXPECT_EQ(info.error().code, ErrorCode::invalid_module);
  return info.error().message;
}

const Bytes void_type = function_type({}, {});

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

TEST(Inspect, TheEmptyModuleIsWellFormed) {
  const auto info = inspect(module({}), {});
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->imports.empty());
  EXPECT_TRUE(info->exports.empty());
  EXPECT_EQ(info->functions, 0u);
  EXPECT_FALSE(info->exports_memory);
}

TEST(Inspect, ReadsImportsExportsAndMemory) {
  const Bytes bytes = module(
      {section(1, vec({function_type({0x7f, 0x7e}, {0x7d}), void_type})),
       section(2, vec({join({name("env"), name("f"), {0}, u32(0)}), join({name("env"), name("g"), {3, 0x7b, 1}})})),
       section(3, vec({u32(1), u32(0)})), section(5, vec({join({{1}, u32(2), u32(300)})})),
       section(7, vec({join({name("memory"), {2}, u32(0)}), join({name("run"), {0}, u32(1)}),
                       join({name("again"), {0}, u32(0)}), join({name("g"), {3}, u32(0)})})),
       section(10, vec({sized({0, 0x0b}), sized({1, 3, 0x7f, 0x0b})})), section(0, name("note"))});
  const auto info = inspect(bytes, {});
  ASSERT_TRUE(info) << info.error().message;
  ASSERT_THAT(info->imports, SizeIs(2));
  EXPECT_EQ(info->imports[0].module, "env");
  EXPECT_EQ(info->imports[0].name, "f");
  EXPECT_EQ(info->imports[0].type, (FunctionType{{ValueType::i32, ValueType::i64}, {ValueType::f32}}));
  EXPECT_EQ(info->imports[1].kind, ExternKind::global);
  EXPECT_EQ(info->functions, 2u);
  EXPECT_EQ(info->memory_min_pages, 2u);
  EXPECT_EQ(info->memory_max_pages, 300u);
  EXPECT_TRUE(info->exports_memory);
  ASSERT_NE(info->find_function("run"), nullptr);
  EXPECT_EQ(info->find_function("run")->type, FunctionType{});
  EXPECT_EQ(info->find_function("again")->type.params.size(), 2u);  // an imported function, exported again
  EXPECT_EQ(info->find_function("memory"), nullptr);
  EXPECT_EQ(info->find_function("g"), nullptr);
  EXPECT_TRUE(info->imports_from("env"));
  EXPECT_FALSE(info->imports_from("en"));
}

TEST(Inspect, EveryGuestThatWeBuildIsWellFormed) {
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MYELIN_BINARY_DIR "/guests")) {
    if (entry.path().extension() != ".wasm") continue;
    const auto info = inspect(read_file(entry.path()), {});
    EXPECT_TRUE(info) << entry.path() << ": " << info.error().message;
    ++seen;
  }
  EXPECT_GE(seen, 3);
}

TEST(Inspect, WhatIsNotAModuleIsSaidSo) {
  EXPECT_THAT(refusal({}), HasSubstr("not a WebAssembly module"));
  EXPECT_THAT(refusal({0, 'a', 's'}), HasSubstr("not a WebAssembly module"));
  EXPECT_THAT(refusal(Bytes(64, 'x')), HasSubstr("not a WebAssembly module"));
  EXPECT_THAT(refusal({0, 'a', 's', 'm', 2, 0, 0, 0}), HasSubstr("version"));
  EXPECT_THAT(refusal({0, 'a', 's', 'm', 0x0d, 0, 1, 0}), HasSubstr("component"));
}

TEST(Inspect, AnyTruncationIsRefused) {
  const Bytes whole = one_function({0, 0x0b});
  ASSERT_TRUE(inspect(whole, {}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // After the type section alone, the rest of the module may as well be absent.
    const auto info = inspect(View(whole).first(size), {});
    if (size == 8 || size == 14) {
      EXPECT_TRUE(info) << size;
    } else {
      EXPECT_FALSE(info) << size;
    }
  }
}

TEST(Inspect, NumbersMayBePaddedButNotBeyondFiveBytes) {
  EXPECT_EQ(refusal(module({join({{1}, {0x81, 0x80, 0x80, 0x80, 0x00}, {0}})})), "");
  EXPECT_THAT(refusal(module({join({{1}, {0x81, 0x80, 0x80, 0x80, 0x80, 0x00}, {0}})})), HasSubstr("32 bits or 5"));
  EXPECT_THAT(refusal(module({join({{1}, {0xff, 0xff, 0xff, 0xff, 0x1f}, {0}})})), HasSubstr("32 bits or 5"));
  EXPECT_THAT(refusal(module({join({{1}, {0xff, 0xff, 0xff, 0xff, 0x0f}, {0}})})), HasSubstr("bytes where 1 are left"));
}

TEST(Inspect, SectionsKeepTheirOrder) {
  EXPECT_THAT(refusal(module({section(3, {0}), section(1, {0})})), HasSubstr("out of order"));
  EXPECT_THAT(refusal(module({section(1, {0}), section(1, {0})})), HasSubstr("out of order or twice"));
  EXPECT_THAT(refusal(module({section(14, {0})})), HasSubstr("not known"));
  EXPECT_THAT(refusal(module({section(1, {0, 0})})), HasSubstr("longer than its contents"));
  EXPECT_THAT(refusal(module({section(10, {0}), section(12, {0})})), HasSubstr("out of order"));
  EXPECT_EQ(refusal(module({section(0, name("a")), section(12, {0}), section(0, name("b")), section(10, {0})})), "");
}

TEST(Inspect, WhatGuestsMayNotUseIsNamed) {
  EXPECT_THAT(refusal(module({section(5, vec({{3, 1, 1}}))})), HasSubstr("shared memory"));
  EXPECT_THAT(refusal(module({section(5, vec({{4, 1}}))})), HasSubstr("64-bit memory"));
  EXPECT_THAT(refusal(module({section(5, vec({{8, 1, 0}}))})), HasSubstr("page size"));
  EXPECT_THAT(refusal(module({section(5, vec({{0, 1}, {0, 1}}))})), HasSubstr("more than one memory"));
  EXPECT_THAT(refusal(module({section(2, vec({join({name("a"), name("m"), {2, 0, 1}})})), section(5, vec({{0, 1}}))})),
              HasSubstr("more than one memory"));
  EXPECT_THAT(refusal(module({section(13, {0})})), HasSubstr("exceptions"));
  EXPECT_THAT(refusal(module({section(1, vec({{0x5f, 0}}))})), HasSubstr("garbage-collected"));
  EXPECT_THAT(refusal(module({section(1, vec({function_type({0x64}, {})}))})), HasSubstr("value type 0x64"));
  EXPECT_THAT(refusal(module({section(4, vec({{0x63, 0x70, 0, 1}}))})), HasSubstr("typed references"));
  EXPECT_THAT(refusal(module({section(1, vec({void_type})), section(3, vec({u32(0)})), section(8, {0}),
                              section(10, vec({sized({0, 0x0b})}))})),
              HasSubstr("start section"));
}

TEST(Inspect, LimitsAreKept) {
  ModuleLimits limits;
  limits.functions = 2;
  limits.locals_per_function = 10;
  limits.function_bytes = 16;
  limits.imports = 1;
  limits.exports = 1;
  limits.memory_pages = 4;
  limits.table_elements = 8;
  limits.tables = 1;
  const Bytes types = section(1, vec({void_type}));
  const Bytes an_import = join({name("a"), name("b"), {0}, u32(0)});
  EXPECT_THAT(refusal(module({types, section(3, vec({u32(0), u32(0), u32(0)}))}), limits), HasSubstr("3 functions"));
  EXPECT_THAT(refusal(module({types, section(2, vec({an_import, an_import}))}), limits), HasSubstr("2 imports"));
  EXPECT_THAT(refusal(one_function({1, 11, 0x7f, 0x0b}), limits), HasSubstr("11 locals"));
  EXPECT_THAT(refusal(one_function({2, 6, 0x7f, 5, 0x7e, 0x0b}), limits), HasSubstr("11 locals"));
  EXPECT_EQ(refusal(one_function({2, 6, 0x7f, 4, 0x7e, 0x0b}), limits), "");
  EXPECT_THAT(refusal(one_function(join({{1}, u32(UINT32_MAX), {0x7f, 0x0b}})), limits), HasSubstr("locals"));
  EXPECT_THAT(refusal(one_function(join({{0}, Bytes(16, 0x01), {0x0b}})), limits), HasSubstr("a function of 18 bytes"));
  EXPECT_THAT(refusal(module({section(5, vec({{0, 5}}))}), limits), HasSubstr("a memory of 5 pages"));
  EXPECT_EQ(refusal(module({section(5, vec({join({{1, 4}, u32(65'536)})}))}), limits), "");
  EXPECT_THAT(refusal(module({section(5, vec({join({{1, 4}, u32(65'537)})}))}), limits), HasSubstr("65536 pages"));
  EXPECT_THAT(refusal(module({section(5, vec({{1, 4, 3}}))}), limits), HasSubstr("maximum is below"));
  EXPECT_THAT(refusal(module({section(4, vec({{0x70, 0, 9}}))}), limits), HasSubstr("a table of 9"));
  EXPECT_THAT(refusal(module({section(4, vec({{0x70, 0, 1}, {0x70, 0, 1}}))}), limits),
              HasSubstr("more than 1 tables"));
  const Bytes memory = section(5, vec({{0, 1}}));
  const Bytes one = join({name("a"), {2}, u32(0)});
  EXPECT_THAT(refusal(module({memory, section(7, vec({one, one}))}), limits), HasSubstr("2 exports"));
  EXPECT_THAT(refusal(module({memory, section(7, vec({one, one}))})), HasSubstr("two exports are called \"a\""));
}

TEST(Inspect, ATooLargeModuleIsNotEvenRead) {
  ModuleLimits limits;
  limits.module_bytes = 100;
  const auto info = inspect(Bytes(101), limits);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, ErrorCode::too_large);
}

TEST(Inspect, CountsThatCannotBeAreRefusedWithoutAllocation) {
  for (const std::uint8_t id : {1, 2, 3, 4, 5, 6, 7, 9, 10, 11}) {
    EXPECT_NE(refusal(module({section(id, u32(0x0fffffff))})), "") << int{id};
    EXPECT_NE(refusal(module({section(id, u32(60'000))})), "") << int{id};
  }
}

TEST(Inspect, WhatSectionsSayOfEachOtherAgrees) {
  const Bytes types = section(1, vec({void_type}));
  EXPECT_THAT(refusal(module({types, section(3, vec({u32(0)}))})), HasSubstr("1 functions, but 0 bodies"));
  EXPECT_THAT(refusal(module({types, section(10, vec({sized({0, 0x0b})}))})), HasSubstr("0 functions, but 1 bodies"));
  EXPECT_THAT(refusal(module({types, section(3, vec({u32(1)}))})), HasSubstr("type 1 of 1"));
  EXPECT_THAT(refusal(module({section(7, vec({join({name("a"), {0}, u32(0)})}))})), HasSubstr("export 0 of 0"));
  EXPECT_THAT(refusal(module({section(12, u32(1))})), HasSubstr("1 data segments are announced"));
  EXPECT_THAT(refusal(one_function({0, 0x01})), HasSubstr("without an end"));
  EXPECT_THAT(refusal(one_function({0})), HasSubstr("without an end"));
}

TEST(Inspect, NamesAreUtf8) {
  const auto with_name = [](const Bytes& text) {
    return module({section(5, vec({{0, 1}})), section(7, vec({join({sized(text), {2}, u32(0)})}))});
  };
  EXPECT_EQ(refusal(with_name({0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x8c, 0x8d})), "");
  for (const Bytes& bad : {Bytes{0x80}, Bytes{0xc0, 0x80}, Bytes{0xe0, 0x80, 0x80}, Bytes{0xed, 0xa0, 0x80},
                           Bytes{0xf4, 0x90, 0x80, 0x80}, Bytes{0xe2, 0x82}, Bytes{0xf8, 0x88, 0x80, 0x80, 0x80}}) {
    EXPECT_THAT(refusal(with_name(bad)), HasSubstr("UTF-8"));
  }
}

TEST(Inspect, ReasonsSayWhereAndStayOnOneLine) {
  EXPECT_THAT(refusal(module({section(14, {0})})), HasSubstr("(at byte 8)"));
  const Bytes twice = join({name("a\nb\x1b[31m"), {2}, u32(0)});
  const std::string reason = refusal(module({section(5, vec({{0, 1}})), section(7, vec({twice, twice}))}));
  EXPECT_THAT(reason, HasSubstr("a?b?[31m"));
}

TEST(Inspect, CorpusReplays) {
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MYELIN_SOURCE_DIR "/src/wasm/corpus/module_fuzz")) {
    const Bytes bytes = read_file(entry.path());
    const auto info = inspect(bytes, {});
    if (!info) EXPECT_FALSE(info.error().message.empty()) << entry.path();
    ++seen;
  }
  EXPECT_GE(seen, 4);
}

}  // namespace
}  // namespace myelin::wasm
