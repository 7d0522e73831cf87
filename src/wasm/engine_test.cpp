// Loading: pre-check, cache, the compile helper and its limits, the simulated world, and engines as such.
#include "wasm/engine.hpp"

#include "base/limits.hpp"
#include "io/scope.hpp"
#include "io/simulated.hpp"
#include "wasm/engine_testing.hpp"
#include "wasm/module_testing.hpp"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace myelin::wasm {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using State = Run::State;
namespace fs = std::filesystem;

std::unique_ptr<Engine> make_engine(EngineConfig config) {
  auto engine = Engine::create(std::move(config), host_functions());
  EXPECT_TRUE(engine) << engine.error().message;
  return engine ? std::move(*engine) : nullptr;
}

std::vector<fs::path> files_in(const std::string& folder) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::directory_iterator(folder)) result.push_back(entry.path());
  return result;
}

class LoadSuite : public ::testing::TestWithParam<MemoryPreset> {
 protected:
  EngineConfig config() const { return config_for(GetParam(), folder_.path()); }
  Folder folder_;
};

TEST_P(LoadSuite, AModuleIsCompiledOnceAndThenFound) {
  {
    const auto engine = make_engine(config());
    const auto module = load(*engine, guest("engine_small"));
    ASSERT_TRUE(module) << module.error().message;
    EXPECT_GT((*module)->code_bytes(), 0u);
    EXPECT_TRUE((*module)->info().exports_memory);
    EXPECT_EQ(to_hex((*module)->id()).size(), 64u);
    EXPECT_EQ(engine->metrics().compiled, 1u);
    const auto again = load(*engine, guest("engine_small"));
    EXPECT_EQ(*again, *module);  // what is in use is not loaded twice
    EXPECT_EQ(engine->metrics().compiled, 1u);
    EXPECT_EQ(engine->metrics().cache_hits, 1u);
  }
  // From the folder, by another engine.
  const auto engine = make_engine(config());
  const auto module = load(*engine, guest("engine_small"));
  ASSERT_TRUE(module) << module.error().message;
  EXPECT_EQ(engine->metrics().compiled, 0u);
  EXPECT_EQ(engine->metrics().cache_hits, 1u);
  const auto instance = engine->instantiate(*module, {});
  ASSERT_TRUE(instance);
  EXPECT_EQ(call(**instance, "count").state, State::finished);
}

TEST_P(LoadSuite, FilesThatMayNotBeBelievedAreCompiledAnew) {
  const auto spoil = [&](auto&& how) {
    const auto files = files_in(folder_.path());
    ASSERT_EQ(files.size(), 1u);
    how(files[0]);
    const auto engine = make_engine(config());
    const auto module = load(*engine, guest("engine_small"));
    ASSERT_TRUE(module) << module.error().message;
    EXPECT_EQ(engine->metrics().compiled, 1u);
    struct stat info{};
    ASSERT_EQ(lstat(files[0].c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
    EXPECT_TRUE(S_ISREG(info.st_mode));
  };
  ASSERT_TRUE(load(*make_engine(config()), guest("engine_small")));
  spoil([](const fs::path& file) { fs::permissions(file, fs::perms::others_read, fs::perm_options::add); });
  spoil([](const fs::path& file) { fs::permissions(file, fs::perms::group_write, fs::perm_options::add); });
  spoil([](const fs::path& file) { fs::resize_file(file, fs::file_size(file) / 2); });
  spoil([](const fs::path& file) { fs::resize_file(file, 0); });
  spoil([](const fs::path& file) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(fs::file_size(file) / 2));
    stream.put('\x90').put('\x91').put('\x92');
  });
  spoil([](const fs::path& file) {
    fs::rename(file, file.string() + ".elsewhere");
    fs::create_symlink(file.string() + ".elsewhere", file);
    fs::remove(file.string() + ".elsewhere");
  });
}

TEST_P(LoadSuite, WithoutAFolderNothingIsKept) {
  EngineConfig without = config();
  without.cache_directory = "";
  const auto engine = make_engine(without);
  auto module = load(*engine, guest("engine_small"));
  ASSERT_TRUE(module) << module.error().message;
  *module = nullptr;
  ASSERT_TRUE(load(*engine, guest("engine_small")));
  EXPECT_EQ(engine->metrics().compiled, 2u);
  EXPECT_EQ(engine->metrics().cache_hits, 0u);
}

TEST_P(LoadSuite, ThousandsComeAndGo) {
  EngineConfig many = config();
  const std::uint32_t count = GetParam() == MemoryPreset::guarded ? 2'000 : 5'000;
  many.max_instances = count;
  const auto engine = make_engine(many);
  const auto module = load(*engine, guest("engine_small"));
  ASSERT_TRUE(module) << module.error().message;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::unique_ptr<Instance>> all;
    for (std::uint32_t i = 0; i < count; ++i) {
      auto made = engine->instantiate(*module, {});
      ASSERT_TRUE(made) << i << ": " << made.error().message;
      ASSERT_TRUE((*made)->begin("spin"));
      ASSERT_EQ((*made)->resume(50).state, State::sliced);
      all.push_back(std::move(*made));
    }
    EXPECT_EQ(engine->metrics().instances, count);
    for (auto& one : all) {
      ASSERT_EQ(one->resume(50).state, State::sliced);
      one.reset();
    }
    EXPECT_EQ(engine->metrics().instances, 0u);
  }
  EXPECT_EQ(engine->metrics().instances_made, 2ull * count);
}

TEST_P(LoadSuite, BadModulesAreRefusedBeforeTheCompiler) {
  EngineConfig no_compiler = config();
  no_compiler.compiler_program = "/nowhere/myelin-compile";
  const auto engine = make_engine(no_compiler);
  const auto refusal = [&](const Bytes& bytes) {
    const auto module = load(*engine, Buffer::copy_of(View(bytes)));
    return module ? Error{ErrorCode::io, "loaded"} : module.error();
  };
  EXPECT_EQ(refusal({}).code, ErrorCode::invalid_module);
  EXPECT_EQ(refusal(Bytes(1000, 0x5a)).code, ErrorCode::invalid_module);
  EXPECT_EQ(refusal(Bytes(limits::module_bytes + 1, 0)).code, ErrorCode::too_large);

  const auto importing = [](std::string_view module_name, std::string_view name_, const Bytes& type) {
    return module({section(1, vec({type})), section(2, vec({join({name(module_name), name(name_), {0}, u32(0)})}))});
  };
  const Error unknown = refusal(importing("env", "launch", function_type({}, {})));
  EXPECT_EQ(unknown.code, ErrorCode::invalid_module);
  EXPECT_THAT(unknown.message, HasSubstr("unknown import \"env.launch\""));
  const Error other_type = refusal(importing("test", "add", function_type({0x7f, 0x7f}, {0x7e})));
  EXPECT_EQ(other_type.code, ErrorCode::invalid_module);
  EXPECT_THAT(other_type.message, HasSubstr("\"test.add\" is of another type"));
  const Error memory = refusal(module({section(2, vec({join({name("env"), name("memory"), {2, 0, 1}})}))}));
  EXPECT_THAT(memory.message, HasSubstr("\"env.memory\" is not a function"));
  // One that passes the pre-check shows that there is no compiler.
  EXPECT_EQ(refusal(one_function({0, 0x0b})).code, ErrorCode::io);
}

TEST_P(LoadSuite, WhatOnlyTheCompilerSeesHasItsReason) {
  const auto engine = make_engine(config());
  // i32.add on an empty stack.
  const auto module = load(*engine, Buffer::copy_of(View(one_function({0, 0x6a, 0x1a, 0x0b}))));
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::invalid_module);
  EXPECT_THAT(module.error().message, HasSubstr("type mismatch"));
  EXPECT_EQ(engine->metrics().compile_failures, 1u);
  EXPECT_TRUE(files_in(folder_.path()).empty());
}

TEST_P(LoadSuite, SegmentsThatDoNotFitAreAnErrorOfInstantiation) {
  const auto engine = make_engine(config());
  const auto module = load(*engine, guest("engine_segment"));
  ASSERT_TRUE(module) << module.error().message;
  const auto made = engine->instantiate(*module, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::invalid_module);
  EXPECT_EQ(engine->metrics().instances, 0u);
}

TEST_P(LoadSuite, NotANumberIsOneNumberWhenDeterministic) {
  EngineConfig deterministic = config();
  deterministic.deterministic = true;
  const auto engine = make_engine(deterministic);
  const auto module = load(*engine, guest("engine_floats"));
  ASSERT_TRUE(module) << module.error().message;
  const auto instance = engine->instantiate(*module, {});
  ASSERT_TRUE(instance);
  EXPECT_EQ(call(**instance, "nan").state, State::finished);
  EXPECT_EQ((*instance)->memory().load_u64(0), 0x7ff8'0000'0000'0000ull);
  EXPECT_EQ((*instance)->memory().load_u32(8), 0x7fc0'0000u);
}

INSTANTIATE_TEST_SUITE_P(Presets, LoadSuite, ::testing::Values(MemoryPreset::guarded, MemoryPreset::dense),
                         [](const auto& suite) { return suite.param == MemoryPreset::guarded ? "guarded" : "dense"; });

TEST(CompileBomb, ThePreCheckKnowsTheUsualOnes) {
  const Folder folder;
  const auto engine = make_engine(config_for(MemoryPreset::guarded, folder.path()));
  const auto module = load(*engine, Buffer::copy_of(View(compile_bomb(40'000, 1))));
  ASSERT_FALSE(module);
  EXPECT_THAT(module.error().message, HasSubstr("40000 locals"));
}

TEST(CompileBomb, OneThatTakesForeverIsStopped) {
  const Folder folder;
  EngineConfig config = config_for(MemoryPreset::guarded, folder.path());
  config.compile_wall_limit = std::chrono::milliseconds(1'500);
  const auto engine = make_engine(config);
  // Within every limit of the pre-check: 200 KB that take either allocator a minute.
  const Buffer bomb = Buffer::copy_of(View(compile_bomb(2'000, 10'000)));
  ASSERT_LT(bomb.size(), 200'000u);
  const auto before = std::chrono::steady_clock::now();
  const auto module = load(*engine, bomb);
  const auto took = std::chrono::steady_clock::now() - before;
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::timeout) << module.error().message;
  EXPECT_LT(took, std::chrono::seconds(8));
  EXPECT_EQ(engine->metrics().compile_failures, 1u);
  EXPECT_TRUE(files_in(folder.path()).empty());
  EXPECT_TRUE(load(*engine, guest("engine_small")));  // and the next one is served
}

TEST(CompileBomb, ManyLocalsOverLooserLimitsMeetTheClockToo) {
  const Folder folder;
  EngineConfig config = config_for(MemoryPreset::guarded, folder.path());
  config.module_limits.locals_per_function = 50'000;
  config.module_limits.function_bytes = limits::module_bytes;
  config.compile_wall_limit = std::chrono::seconds(1);
  const auto engine = make_engine(config);
  const auto module = load(*engine, Buffer::copy_of(View(compile_bomb(40'000, 40'000))));
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::timeout) << module.error().message;
}

TEST(CompileBomb, OneThatTakesTooMuchMemoryIsStopped) {
  if (!limits_apply()) GTEST_SKIP() << "a sanitizer takes more address space than the limit";
  const Folder folder;
  EngineConfig config = config_for(MemoryPreset::guarded, folder.path());
  config.compile_memory_bytes = 64ull << 20;
  const auto engine = make_engine(config);
  const auto module = load(*engine, Buffer::copy_of(View(compile_bomb(1'000, 4'000))));
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, ErrorCode::limit) << module.error().message;
}

TEST(EngineCreate, SaysWhatTheMachineCannotHold) {
  const Folder folder;
  EngineConfig config = config_for(MemoryPreset::guarded, folder.path());
  config.max_instances = 10'000'000;
  const auto engine = Engine::create(config, {});
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, ErrorCode::limit);
  EXPECT_THAT(engine.error().message, HasSubstr("max_instances"));
}

TEST(EngineCreate, FindsItsOwnSize) {
  for (const MemoryPreset preset : {MemoryPreset::guarded, MemoryPreset::dense}) {
    const Folder folder;
    EngineConfig config = config_for(preset, folder.path());
    config.max_instances = 0;
    const auto engine = make_engine(config);
    ASSERT_NE(engine, nullptr);
    EXPECT_GE(engine->metrics().max_instances, 1'000u);
    const auto module = load(*engine, guest("engine_small"));
    ASSERT_TRUE(module) << module.error().message;
    const auto instance = engine->instantiate(*module, {});
    ASSERT_TRUE(instance);
    EXPECT_EQ(call(**instance, "count").state, State::finished);
  }
}

TEST(EngineCreate, ACacheThatOthersMayOpenIsRefused) {
  const Folder folder;
  const std::string path = folder.path() + "/a/b";
  ASSERT_NE(make_engine(config_for(MemoryPreset::dense, path)), nullptr);
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  fs::permissions(path, fs::perms::group_read, fs::perm_options::add);
  const auto engine = Engine::create(config_for(MemoryPreset::dense, path), {});
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, ErrorCode::io);
  EXPECT_THAT(engine.error().message, HasSubstr("0700"));
}

TEST(EngineLifetime, InstancesAndModulesMayOutliveIt) {
  for (const MemoryPreset preset : {MemoryPreset::guarded, MemoryPreset::dense}) {
    const Folder folder;
    std::unique_ptr<Instance> instance;
    {
      const auto engine = make_engine(config_for(preset, folder.path()));
      const auto module = load(*engine, guest("engine_small"));
      ASSERT_TRUE(module) << module.error().message;
      instance = std::move(*engine->instantiate(*module, {}));
    }
    EXPECT_EQ(call(*instance, "count").state, State::finished);
    EXPECT_EQ(word(*instance), 1u);
  }
}

// Loads in a simulated world, where the helper is compile_child and lasts 40 ms.
struct SimulatedLoads {
  explicit SimulatedLoads(std::uint64_t seed) : world(io::SimulatedWorld::create(seed)) {
    world->add_program("myelin-compile", std::chrono::milliseconds(40), compile_child);
    loop = &world->add_host("one", *io::IpAddress::parse("10.0.0.1")).add_loop();
  }
  // Starts `count` loads of `bytes` at once; returns when all have ended, with the virtual time that it took.
  Duration run(Engine& engine, const Buffer& bytes, std::size_t count) {
    results.assign(count, std::nullopt);
    io::Scope scope(*loop);
    const Instant before = world->now();
    for (auto& result : results) scope.spawn(load_into(&engine, loop, bytes, &result));
    const auto done = [&] { return scope.running() == 0; };
    EXPECT_TRUE(world->run_until(done, std::chrono::seconds(10)));
    return world->now() - before;
  }
  std::unique_ptr<io::SimulatedWorld> world;
  io::Loop* loop;
  std::vector<std::optional<Loaded>> results;
};

TEST(SimulatedLoad, EveryRunTakesTheSameSteps) {
  const Folder folder;
  EngineConfig config = config_for(MemoryPreset::guarded, folder.path());
  config.deterministic = true;
  config.compiler_program = "myelin-compile";
  const auto engine = make_engine(config);
  std::optional<Duration> took;
  std::optional<std::uint64_t> trace;
  for (int i = 0; i < 3; ++i) {
    // The folder and the engine are warm from the second time on; the world must not show it.
    SimulatedLoads loads(7);
    const Duration now = loads.run(*engine, guest("engine_small"), 1);
    ASSERT_TRUE(*loads.results[0]) << (*loads.results[0]).error().message;
    EXPECT_GE(now, std::chrono::milliseconds(40));
    EXPECT_EQ(took.value_or(now), now);
    EXPECT_EQ(trace.value_or(loads.world->trace_hash()), loads.world->trace_hash());
    took = now;
    trace = loads.world->trace_hash();
  }
  EXPECT_EQ(engine->metrics().compiled, 3u);
}

TEST(SimulatedLoad, LoadsOfTheSameBytesShareOneCompilation) {
  EngineConfig config = config_for(MemoryPreset::dense, "");
  config.deterministic = true;
  config.compiler_program = "myelin-compile";
  const auto engine = make_engine(config);
  SimulatedLoads loads(1);
  loads.run(*engine, guest("engine_calls"), 5);
  for (const auto& result : loads.results) {
    ASSERT_TRUE(*result) << (*result).error().message;
    EXPECT_EQ(**result, *loads.results[0]);
  }
  EXPECT_EQ(engine->metrics().compiled, 1u);
}

TEST(SimulatedLoad, WhatIsTooSlowForOneAllocatorIsGivenToTheOther) {
  const Folder folder;
  EngineConfig config = config_for(MemoryPreset::guarded, folder.path());
  config.compiler_program = "slow";
  const auto engine = make_engine(config);
  SimulatedLoads loads(3);
  std::vector<std::string> fast;
  loads.world->add_program("slow", std::chrono::milliseconds(900), [&fast](const io::ChildSpec& spec) {
    const auto flag = std::ranges::find(spec.arguments, "--fast") + 1;
    fast.push_back(*flag);
    if (*flag == "0") return io::ChildEnd{.timed_out = true, .exit_code = -1, .signal = 24, .output = {}, .errors = {}};
    return compile_child(spec);
  });
  loads.run(*engine, guest("engine_calls"), 1);
  EXPECT_THAT(fast, ::testing::ElementsAre("0", "1"));
  const Loaded& module = *loads.results[0];
  ASSERT_TRUE(module) << module.error().message;  // code of the linear allocator loads like any other
  const auto instance = engine->instantiate(*module, {});
  ASSERT_TRUE(instance);
  EXPECT_EQ(call(**instance, "work").state, State::finished);
  EXPECT_EQ(word(**instance), 100'000u);
}

TEST(SimulatedLoad, ErrorsAreSharedToo) {
  EngineConfig config = config_for(MemoryPreset::dense, "");
  config.deterministic = true;
  config.compiler_program = "myelin-compile";
  config.compile_wall_limit = std::chrono::milliseconds(30);  // the helper lasts longer
  const auto engine = make_engine(config);
  SimulatedLoads loads(1);
  loads.run(*engine, guest("engine_small"), 3);
  for (const auto& result : loads.results) {
    ASSERT_FALSE(*result);
    EXPECT_EQ((*result).error().code, ErrorCode::timeout);
  }
  EXPECT_EQ(engine->metrics().compile_failures, 1u);
}

}  // namespace
}  // namespace myelin::wasm
