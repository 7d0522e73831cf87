// doctor: what on this machine limits a node, and what to do about it.
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/home.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "kernel/kernel.hpp"
#include "wasm/wasi.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

namespace myelin::cli {
namespace {

struct Finding {
  std::string what;
  std::string value;
  bool good;
  std::string advice;  // empty where there is none
};

std::string limit_text(int resource, std::uint64_t& value) {
  rlimit limit{};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  value = limit.rlim_cur;
  return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur);
}

Finding open_files() {
  std::uint64_t value = 0;
  const std::string text = limit_text(RLIMIT_NOFILE, value);
  return {"open files (RLIMIT_NOFILE)", text, value >= 4096, "connections and streams need more: ulimit -n 65536"};
}

Finding address_space() {
  std::uint64_t value = 0;
  const std::string text = limit_text(RLIMIT_AS, value);
  return {"address space (RLIMIT_AS)", text, value == RLIM_INFINITY,
          "the guarded preset reserves 4 GiB of it per process: ulimit -v unlimited, or wasm.preset: dense"};
}

Finding memory_maps() {
  Result<Buffer> file = read_file("/proc/sys/vm/max_map_count", 64);
  std::string text = file ? to_text(file->view()) : "unknown";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::uint64_t value = parse_number(text).value_or(0);
  return {"memory maps (vm.max_map_count)", text, value >= 65530,
          "guarded processes take six each: sysctl vm.max_map_count=1048576, or wasm.preset: dense"};
}

Finding memory() {
  const std::uint64_t bytes =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {"memory", fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(1ull << 30)),
          bytes >= (1ull << 30), "a node with guests wants a GiB"};
}

Finding home_rights(const std::string& home) {
  struct stat info{};
  if (::stat(home.c_str(), &info) != 0) return {"home", home + " (not made yet)", true, ""};
  const bool mine = info.st_uid == ::geteuid() && (info.st_mode & 077) == 0;
  return {"home", fmt::format("{} (mode {:03o})", home, info.st_mode & 0777), mine,
          "it holds the key: chmod 700 " + home};
}

Finding key_rights(const std::string& home) {
  struct stat info{};
  const std::string key = home + "/key";
  if (::stat(key.c_str(), &info) != 0) return {"key", "none yet (a node makes one)", true, ""};
  return {"key", fmt::format("mode {:03o}", info.st_mode & 0777), (info.st_mode & 077) == 0,
          "others can read it: chmod 600 " + key};
}

Finding helper() {
  Result<std::string> program = compiler_program();
  return {"compile helper", program ? *program : program.error().message, program.has_value(),
          "make install puts it where the program looks"};
}

Finding engine() {
  wasm::EngineConfig config;
  Result<std::string> program = compiler_program();
  if (program) config.compiler_program = *program;
  std::vector<wasm::HostFunction> functions = wasm::wasi::host_functions();
  for (wasm::HostFunction& function : kernel::host_functions()) functions.push_back(std::move(function));
  auto engine = wasm::Engine::create(std::move(config), std::move(functions));
  if (!engine)
    return {"engine", to_string(engine.error()), false, "lower wasm.max_instances, or use wasm.preset: dense"};
  return {"engine (guarded preset)", fmt::format("{} processes at a time", (*engine)->metrics().max_instances), true,
          ""};
}

}  // namespace

int run_doctor(const Common& common) {
  utsname system{};
  ::uname(&system);
  const std::vector<Finding> findings{
      {"kernel", std::string(system.sysname) + " " + system.release + " " + system.machine, true, ""},
      {"cores", std::to_string(std::thread::hardware_concurrency()), true, ""},
      memory(),
      open_files(),
      address_space(),
      memory_maps(),
      engine(),
      helper(),
      home_rights(common.home),
      key_rights(common.home)};
  bool good = true;
  std::vector<std::vector<std::string>> rows;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    good = good && finding.good;
    rows.push_back({finding.good ? "ok" : "!!", finding.what, finding.value, finding.good ? "" : finding.advice});
    list.push_back({{"what", finding.what},
                    {"value", finding.value},
                    {"good", finding.good},
                    {"advice", finding.good ? "" : finding.advice}});
  }
  if (common.json) {
    print(nlohmann::ordered_json{{"good", good}, {"findings", list}}.dump());
  } else {
    print_table({"", "WHAT", "HERE", "ADVICE"}, rows);
  }
  return good ? 0 : 1;
}

int run_version(const Common& common) {
  const std::string version = MYELIN_VERSION;
  print(common.json ? nlohmann::ordered_json{{"version", version}, {"protocol", "ww/0.1.0"}}.dump()
                    : "myelin " + version);
  return 0;
}

}  // namespace myelin::cli
