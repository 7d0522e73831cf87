// The helpers of node_testing.hpp, compiled once for the tests of this folder.
#include "node/node_testing.hpp"

namespace myelin::node::testing {
namespace {

io::Task<void> note(io::Task<void> task, bool* done) {
  co_await std::move(task);
  *done = true;
}

}  // namespace

NodeWorld::NodeWorld(std::uint64_t seed, std::size_t shards)
    : world(io::SimulatedWorld::create(seed)), shards_(shards) {
  world->add_program(kernel::testing::compiler, 50ms, wasm::compile_child);
}

NodeWorld::~NodeWorld() {
  for (auto& machine : machines) stop(*machine);
  calls.clear();
  world->run_for(10s);
}

Machine& NodeWorld::add_machine() {
  machines.push_back(std::make_unique<Machine>());
  Machine& machine = *machines.back();
  const auto number = static_cast<std::uint8_t>(machines.size());
  machine.host = &world->add_host("m" + std::to_string(number), {io::IpAddress::Family::v4, {10, 0, 0, number}});
  for (std::size_t i = 0; i < shards_; ++i) machine.loops.push_back(&machine.host->add_loop());
  machine.loop = machine.loops.front();
  machine.scope = std::make_unique<io::Scope>(*machine.loop);
  return machine;
}

Config NodeWorld::config_for(const Machine& machine) const {
  Config config;
  config.home = "/home/myelin";
  config.listen = {"/ip4/" + machine.host->address().to_string() + "/tcp/4001"};
  config.deterministic = true;
  return config;
}

Machine& NodeWorld::add_node() {
  Machine& machine = add_machine();
  return add_node(machine, config_for(machine));
}

Machine& NodeWorld::add_node(Machine& machine, Config config) {
  auto node = run(machine, Node::start(machine.loops, std::move(config), &kernel::testing::shared_engine()));
  MYELIN_CHECK(node, "a node of the test starts");
  machine.node = std::move(*node);
  return machine;
}

Machine& NodeWorld::add_bare() {
  Machine& machine = add_machine();
  libp2p::HostConfig config;
  std::array<std::uint8_t, 32> seed{};
  seed[0] = static_cast<std::uint8_t>(machines.size());
  config.key = identity::KeyPair::ed25519(seed);
  machine.bare = libp2p::Host::create(*machine.loop, std::move(config));
  MYELIN_CHECK(machine.bare->listen(*libp2p::Multiaddr::parse(config_for(machine).listen[0])), "a bare host listens");
  return machine;
}

void NodeWorld::introduce(Machine& a, Machine& b) {
  const auto host = [](Machine& m) -> libp2p::Host& { return m.node ? m.node->host() : *m.bare; };
  const auto address = [&](Machine& m) { return *libp2p::Multiaddr::parse(config_for(m).listen[0]); };
  host(a).add_addresses(host(b).id(), {address(b)}, true);
  host(b).add_addresses(host(a).id(), {address(a)}, true);
}

kernel::ProcessInfo NodeWorld::spawn(Machine& machine, const std::string& guest, kernel::SpawnSpec spec) {
  spec.module = kernel::testing::guest(guest);
  auto info = run(machine, machine.node->kernel().spawn(*machine.loop, std::move(spec)));
  EXPECT_TRUE(info) << (info ? "" : to_string(info.error()));
  return info ? *info : kernel::ProcessInfo{};
}

kernel::ProcessInfo NodeWorld::spawn_open(Machine& machine, const std::string& guest, const std::string& name) {
  kernel::SpawnSpec spec;
  spec.name = name;
  spec.access.anyone = true;
  return spawn(machine, guest, std::move(spec));
}

kernel::CallSpec NodeWorld::spec_for(const identity::PeerId& node, std::variant<Pid, std::string> process,
                                     std::string method) {
  kernel::CallSpec spec;
  spec.principal.kind = kernel::Principal::Kind::token;
  spec.target = {node, std::move(process), std::move(method)};
  spec.path = spec.target.to_string();
  spec.may_forward = true;
  return spec;
}

WatchedCall& NodeWorld::start(Machine& from, kernel::CallSpec spec, std::string input, bool close) {
  calls.push_back(std::make_unique<WatchedCall>());
  WatchedCall& watched = *calls.back();
  watched.call = from.node->kernel().call(*from.loop, std::move(spec));
  from.scope->spawn(kernel::testing::write_input(watched.call.get(), std::move(input), close));
  from.scope->spawn(kernel::testing::follow(&watched));
  return watched;
}

CallEnd NodeWorld::finish(WatchedCall& watched, Duration limit) {
  EXPECT_TRUE(world->run_until([&] { return watched.ended(); }, limit)) << "the call did not end";
  return watched.end.value_or(CallEnd{fail(ErrorCode::io, "the call did not end"), {}, {}, {}});
}

CallEnd NodeWorld::call(Machine& from, Machine& to, std::variant<Pid, std::string> process, std::string method,
                        std::string input) {
  return finish(start(from, spec_for(to.node->id(), std::move(process), std::move(method)), std::move(input)));
}

std::string NodeWorld::ask(Machine& at, std::variant<Pid, std::string> process, std::string method, std::string body) {
  kernel::Message message;
  message.id = 7;
  message.source.process = Pid{};
  message.target.process = std::move(process);
  message.method = std::move(method);
  message.body = Buffer::copy_of(body);
  message.principal.kind = kernel::Principal::Kind::operator_;
  std::optional<kernel::Outcome> out;
  at.node->kernel().request(*at.loop, std::move(message),
                            [&out](kernel::Outcome outcome) { out.emplace(std::move(outcome)); });
  if (!world->run_until([&] { return out.has_value(); }, 600s)) return "no outcome";
  return *out ? to_text((*out)->body.view()) : to_string(out->error());
}

void NodeWorld::run(Machine& machine, io::Task<void> task, Duration limit) {
  bool done = false;
  machine.scope->spawn(note(std::move(task), &done));
  MYELIN_CHECK(world->run_until([&] { return done; }, limit), "a task of the test has not ended");
}

void NodeWorld::stop(Machine& machine) {
  if (machine.crashed) return;
  if (machine.node) run(machine, machine.node->stop());
  if (machine.bare) run(machine, machine.bare->stop());
  EXPECT_TRUE(world->run_until([&] { return machine.scope->running() == 0; }, 60s)) << "tasks of the test are left";
}

io::Task<ReadEnd> read_to_end(libp2p::Stream* stream) {
  ReadEnd read;
  while (true) {
    auto piece = co_await stream->read(64 * 1024);
    if (!piece) {
      read.end = fail(piece.error());
      co_return read;
    }
    if (piece->empty()) co_return read;
    read.bytes += to_text(piece->view());
  }
}

}  // namespace myelin::node::testing
