#!/usr/bin/env python3
"""The demonstration: two nodes with identities of their own, guests on them, and calls that cross libp2p between them.

    tools/demo.py BUILD                   the whole exchange; exit code 0 means that all of it happened
    tools/demo.py BUILD --leave-running   one node with an echo process, until Ctrl-C
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
MYELIN = BUILD / "bin" / "myelin"
GUESTS = BUILD / "guests"
# The build's own variables are none of the node's configuration.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("MYELIN_")}
BOLD, DIM, RESET = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def say(text=""):
    print(text, flush=True)


def step(text):
    say(f"\n{BOLD}{text}{RESET}")


def check(condition, what):
    if not condition:
        say(f"FAILED: {what}")
        sys.exit(1)


class Node:
    """One `myelin node` with a temporary home; stopped with SIGTERM, as a service manager would."""

    def __init__(self, name, http="127.0.0.1:0", listen=("/ip4/127.0.0.1/tcp/0",), peers=()):
        self.name = name
        self.home = tempfile.mkdtemp(prefix=f"myelin-demo-{name}-")
        command = [str(MYELIN), "node", "--json", "--home", self.home, "--http", http, "--log-level", "warn"]
        for address in listen:
            command += ["--listen", address]
        for peer in peers:
            command += ["--peer", peer]
        self.log = open(os.path.join(self.home, "node.log"), "w")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=ENVIRONMENT)
        line = self.process.stdout.readline()
        if not line:
            self.log.flush()
            say(pathlib.Path(self.home, "node.log").read_text())
            check(False, f"node {name} did not start")
        ready = json.loads(line)
        self.peer, self.http, self.listen = ready["peer"], ready["http"], ready["listen"]
        self.token = pathlib.Path(self.home, "token").read_text().strip()

    def myelin(self, *arguments, data=None, ok=True):
        run = subprocess.run([str(MYELIN), *map(str, arguments), "--home", self.home], input=data, capture_output=True, env=ENVIRONMENT)
        if ok:
            check(run.returncode == 0, f"myelin {' '.join(map(str, arguments))}: {run.stderr.decode()}")
        return run

    def spawn(self, guest, *arguments):
        pid = self.myelin("spawn", *arguments, GUESTS / f"{guest}.wasm").stdout.decode().strip()
        say(f"  {DIM}node {self.name}:{RESET} myelin spawn {' '.join(arguments)} {guest}.wasm  ->  {pid}")
        return pid

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)
        return self.process.returncode


def curl(node, path, data=b"", show=None, timeout_ms=None, quiet=False):
    """POSTs with curl, as a person would; returns status, body and seconds."""
    shown = f"curl -s -X POST -H \"Authorization: Bearer $(cat {node.home}/token)\" "
    command = ["curl", "-s", "-o", "-", "-w", "\n%{http_code}", "-X", "POST", "-H", f"Authorization: Bearer {node.token}",
               "--data-binary", "@-"]
    if timeout_ms:
        command += ["-H", f"Myelin-Timeout-Ms: {timeout_ms}"]
        shown += f"-H 'Myelin-Timeout-Ms: {timeout_ms}' "
    url = node.http + path
    shown += (show or f"--data-binary {data.decode()!r}" if data or show else "") + f" {url}"
    begin = time.monotonic()
    run = subprocess.run([*command, url], input=data, capture_output=True)
    seconds = time.monotonic() - begin
    body, _, status = run.stdout.rpartition(b"\n")
    if not quiet:
        say(f"  $ {shown}")
        text = body.decode(errors="replace").strip()
        say(f"  {status.decode()}  {text if len(text) < 200 else text[:200] + '…'}   {DIM}({seconds * 1000:.1f} ms){RESET}")
    return int(status or 0), body, seconds


def call_across(a, b):
    step("1. A call over HTTP at node A reaches a guest on node B; libp2p carries it between them")
    b.spawn("echo", "--name", "echo", "--allow", a.peer)
    path = f"/ww/0.1.0/{b.peer}/echo/echo"
    status, body, _ = curl(a, path, b"Hello, Myelin!")
    check(status == 200 and body == b"Hello, Myelin!", "the echo came back")
    status, _, _ = curl(a, f"/ww/0.1.0/{b.peer}/nobody/echo", b"x")
    check(status == 404, "an unknown process is 404")
    b.spawn("counter", "--name", "counter", "--allow", a.peer)
    for expected in (b"1", b"2"):
        status, body, _ = curl(a, f"/ww/0.1.0/{b.peer}/counter/increment")
        check(status == 200 and body.strip() == expected, "the counter keeps its state in memory")


def stream(a, b):
    step("2. A guest that streams: 64 MiB are hashed while they arrive")
    b.spawn("hash", "--name", "hash", "--allow", a.peer)
    data = os.urandom(1 << 20) * 64
    expected = hashlib.sha256(data).hexdigest()
    status, body, seconds = curl(a, f"/ww/0.1.0/{b.peer}/hash/sha256", data, show="--data-binary @64MiB.bin")
    check(status == 200 and body.decode().strip() == expected, "the guest's hash is the right one")
    say(f"  sha256sum says the same; {64 / seconds:.0f} MiB/s through curl, HTTP, libp2p and the guest")


def ping_pong(a, b):
    step("3. Two guests on different nodes send each other requests")
    b.spawn("ping-pong", "--name", "pong", "--allow", a.peer, "--env", f"PARTNER={a.peer}/ping")
    a.spawn("ping-pong", "--name", "ping", "--allow", b.peer, "--env", f"PARTNER={b.peer}/pong")
    status, body, _ = curl(a, f"/ww/0.1.0/{a.peer}/ping/play", b"20")
    check(status == 200 and b"20" in body, "twenty hits were played")


def crash(a, b):
    step("4. A guest that crashes ends its caller's request with an error, and is started again")
    b.spawn("crash", "--name", "crash", "--allow", a.peer)
    status, _, _ = curl(a, f"/ww/0.1.0/{b.peer}/crash/trap")
    check(status == 500, "a trap is 500")
    deadline = time.monotonic() + 20
    while True:
        status, body, _ = curl(a, f"/ww/0.1.0/{b.peer}/crash/ok", quiet=True)
        if status == 200 or time.monotonic() > deadline:
            break
    process = json.loads(b.myelin("inspect", "crash", "--json").stdout)
    say(f"  node B: state {process['state']}, restarts {process['restarts']}, last error: {process['last_error']}")
    check(status == 200 and process["restarts"] >= 1, "it was restarted and answers again")


def spin(a, b):
    step("5. A guest that loops forever is stopped at its limit, while the others keep answering")
    b.spawn("spin", "--name", "spin", "--allow", a.peer, "--limit", "wall=2s")
    result = {}
    spinner = threading.Thread(target=lambda: result.update(zip(("status", "body"), curl(a, f"/ww/0.1.0/{b.peer}/spin/spin", quiet=True)[:2])))
    spinner.start()
    times = []
    while spinner.is_alive():
        status, body, seconds = curl(a, f"/ww/0.1.0/{b.peer}/echo/echo", b"still here", quiet=True)
        check(status == 200 and body == b"still here", "the bystander answers")
        times.append(seconds)
    spinner.join()
    say(f"  the spinner ended with {result['status']}: {result['body'].decode().strip()}")
    say(f"  meanwhile the echo answered {len(times)} times, the slowest in {max(times) * 1000:.1f} ms")
    check(result["status"] in (500, 504) and len(times) > 3, "the spinner was stopped at its limit")


def demo():
    begin = time.monotonic()
    step("Two nodes, each with its own identity in a temporary home")
    b = Node("B")
    a = Node("A", peers=b.listen)
    try:
        for node in (a, b):
            say(f"  node {node.name}: {node.peer}\n    HTTP {node.http}, libp2p {node.listen[0]}")
        for part in (call_across, stream, ping_pong, crash, spin):
            part(a, b)
    finally:
        codes = [a.stop(), b.stop()]
    check(codes == [0, 0], "both nodes drained and stopped")
    step(f"All of it happened, in {time.monotonic() - begin:.1f} s. `make node` leaves a node running; README.md says what to type next.")


def leave_running():
    node = Node("demo", http="127.0.0.1:2080", listen=("/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001"))
    try:
        node.spawn("echo", "--name", "echo", "--allow", "anyone")
        say(f"\n  URL       {node.http}")
        for address in node.listen:
            say(f"  multiaddr {address}")
        say(f"\n  try: curl -d 'Hello!' {node.http}/ww/0.1.0/{node.peer}/echo/echo")
        say(f"       {MYELIN} ps --home {node.home}\n\n  Ctrl-C stops it.")
        node.process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        node.stop()


if __name__ == "__main__":
    leave_running() if "--leave-running" in sys.argv else demo()
