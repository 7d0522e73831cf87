"""HTTP calls of a hello guest, driven by wrk: beside the same server's constant answer, and beside workerd with the same guest."""
import re
import shutil
import socket
import subprocess

from rows.row import CACHE, Failure, Node, Row, Sample, Server, wait_until

SECONDS = 3
CONNECTIONS = 64
ANSWER = b"Hello, world!\n"


def wrk(url, script):
    """Requests a second; fails if any answer was no success."""
    program = shutil.which("wrk")
    if not program:
        raise Failure("wrk is not installed")
    run = subprocess.run([program, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script, url], capture_output=True, text=True)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    if not rate or "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        raise Failure(f"wrk {url}: {run.stdout.strip() or run.stderr.strip()}")
    return float(rate.group(1))


def first_answer(context, address, method, path):
    connection = context.connect(address)
    connection.request(method, path, body=b"" if method == "POST" else None)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status != 200:
        raise Failure(f"{method} {path}: {response.status} {body[:100]!r}")
    return body


class Http(Row):
    unit = "1/s"
    same_check = False

    def setup(self, context):
        self.script = context.build / "bench-wrk-post.lua"
        self.script.write_text('wrk.method = "POST"\n')
        self.plain = context.build / "bench-wrk-get.lua"
        self.plain.write_text('wrk.method = "GET"\n')
        self.node = context.serve(Node(context))
        self.node.spawn(context, "bench_hello", "--name", "hello", "--allow", "anyone")
        self.path = f"/ww/0.1.0/{self.node.peer}/hello/hello"
        if first_answer(context, self.node.address, "POST", self.path) != ANSWER:
            raise Failure("the guest's answer is not the right one")

    def drive(self, server, url, script):
        before = server.seconds()
        rate = wrk(url, script)
        return Sample(rate, "", server.seconds() - before, server.peak())


class Hello(Http):
    id = "http-hello"
    claim = "HTTP call of a hello guest, wrk, keep-alive, 64 connections: at least 0.5x the same server answering a constant"
    bar = 0.5
    sides = ("ours", "constant answer")

    def run(self, side, context):
        if side == "ours":
            return self.drive(self.node, self.node.http + self.path, self.script)
        return self.drive(self.node, self.node.http + "/version", self.plain)


class Workerd(Http):
    id = "http-workerd"
    claim = "the same against workerd with the same guest: at least 2x"
    bar = 2.0
    sides = ("ours", "workerd")

    def setup(self, context):
        super().setup(context)
        folder = context.peer("workerd")
        program = context.peer("workerd/node_modules/@cloudflare/workerd-linux-64/bin/workerd")
        shutil.copy(context.guest("bench_hello"), folder / "hello.wasm")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self.peer = context.serve(Server([program, "serve", folder / "config.capnp", "--socket-addr", f"http={self.address}"], ready=False))

        def answers():
            try:
                return first_answer(context, self.address, "POST", "/") == ANSWER
            except OSError:
                return False
        wait_until(answers, "workerd's answer")

    def run(self, side, context):
        if side == "ours":
            return self.drive(self.node, self.node.http + self.path, self.script)
        return self.drive(self.peer, f"http://{self.address}/", self.script)


ROWS = [Hello(), Workerd()]
