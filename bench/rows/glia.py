"""Calls across two nodes over one libp2p connection, both ends ours or both ends a Go program of go-libp2p and wazero."""
import json
import pathlib

from rows.http import ANSWER, Http
from rows.row import Failure, Node, Row, Server

COUNT = 40_000
BYTES = 64 << 20
GO = ("go, 1 thread", "go, 2 threads")


def program_of(side, context):
    if side == "ours":
        return context.program("bench_glia"), {}
    return context.peer("go-glia"), {"GOMAXPROCS": side.split()[1]}


class Pair(Row):
    """A node that serves and one that calls; each figure is that of both."""
    command, amount = "", 0
    sides = ("ours", *GO)

    def run(self, side, context):
        program, environment = program_of(side, context)
        server = context.serve(Server([program, "serve", context.guest("bench_glia")], ready=True, environment=environment))
        at = json.loads(server.line)
        before = server.seconds()
        sample = context.measure([program, self.command, at["address"], at["path"], self.amount], environment=environment)
        sample.cpu += server.seconds() - before
        sample.peak += server.peak()
        context.stop(server)
        return sample


class Calls(Pair):
    id = "glia-calls"
    claim = "hello calls over one libp2p TCP connection, 64 outstanding, both ends ours: at least 3x both ends go-libp2p and wazero"
    unit = "1/s"
    bar = 3.0
    command, amount = "calls", COUNT


class Echo(Pair):
    id = "glia-echo"
    claim = "64 MiB through an echo guest and back at once, across two nodes: at least 1.3x go-libp2p and wazero"
    unit = "B/s"
    bar = 1.3
    command, amount = "echo", BYTES


class EchoOwn(Echo):
    id = "glia-echo-own"
    claim = "the same against our own libp2p echo without a guest: at least 0.85x"
    bar = 0.85
    sides = ("ours", "libp2p echo")

    def run(self, side, context):
        if side == "ours":
            return super().run(side, context)
        program = context.program("bench_stream")
        server = context.serve(Server([program, "listen"], ready=True))
        before = server.seconds()
        sample = context.measure([program, "echo", server.line.strip(), self.amount])
        sample.cpu += server.seconds() - before
        sample.peak += server.peak()
        context.stop(server)
        return sample


class Forward(Http):
    """wrk asks one node over HTTP, the guest is on the other."""
    id = "glia-forward"
    claim = "HTTP at one node, guest on the other, wrk with 64 connections: at least 3x go-libp2p and wazero"
    bar = 3.0
    sides = ("ours", *GO)

    def setup(self, context):
        self.urls, self.pairs, self.scripts = {}, {}, {}
        config = context.build / "bench-glia.yaml"
        config.write_text("glia: {calls_per_second_per_peer: 0}\n")
        far = context.serve(Node(context, "--config", config, "--shards", "1"))
        far.spawn(context, "bench_glia", "--name", "guest", "--allow", "anyone")
        near = context.serve(Node(context, "--shards", "1", "--peer", json.loads(far.line)["listen"][0]))
        token = pathlib.Path(near.home, "token").read_text().strip()
        self.add(context, "ours", near.http, f"/ww/0.1.0/{far.peer}/guest/hello", (far, near), {"Authorization": f"Bearer {token}"})
        for side in GO:
            program, environment = program_of(side, context)
            far = context.serve(Server([program, "serve", context.guest("bench_glia")], ready=True, environment=environment))
            at = json.loads(far.line)
            near = context.serve(Server([program, "forward", at["address"]], ready=True, environment=environment))
            self.add(context, side, json.loads(near.line)["http"], at["path"] + "hello", (far, near), {})

    def add(self, context, side, http, path, pair, headers):
        script = context.build / f"bench-wrk-glia-{len(self.urls)}.lua"
        script.write_text('wrk.method = "POST"\n' + "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in headers.items()))
        self.urls[side], self.pairs[side], self.scripts[side] = (http.rstrip("/"), path, headers), pair, script
        self.check(context, side)

    def check(self, context, side):
        http, path, headers = self.urls[side]
        connection = context.connect(http.removeprefix("http://"))
        connection.request("POST", path, body=b"", headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != 200 or body != ANSWER:
            raise Failure(f"POST {path}: {response.status} {body[:100]!r}")

    def run(self, side, context):
        http, path, _ = self.urls[side]
        pair = self.pairs[side]
        before = sum(server.seconds() for server in pair)
        sample = self.drive(pair[0], http + path, self.scripts[side])
        sample.cpu = sum(server.seconds() for server in pair) - before
        sample.peak = sum(server.peak() for server in pair)
        self.check(context, side)
        return sample


ROWS = [Calls(), Forward(), Echo(), EchoOwn()]
