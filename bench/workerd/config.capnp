# workerd with the same guest as the node's: compiled once, one instance, called for each request.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [ (name = "main", worker = .hello) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ]
);

const hello :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "hello.wasm", wasm = embed "hello.wasm")
  ],
  compatibilityDate = "2026-01-01",
);
