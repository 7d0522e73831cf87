"""What rows are made of: a Row with its sides, a Sample of one run, and the Context that starts programs and adds up what they use."""
import dataclasses
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("MYELIN_CACHE", pathlib.Path.home() / ".cache/myelin")) / "bench"
# The build's own variables are none of the node's configuration.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("MYELIN_")}
HANG_SECONDS = 180
TICK = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """A row that cannot be measured: a peer is missing, a program failed, a check did not hold."""


@dataclasses.dataclass
class Sample:
    value: float
    check: str = ""
    cpu: float = 0.0
    peak: int = 0


class Row:
    id = claim = unit = ""
    bar = None  # of the ratio where there is a peer, else of the figure; None: shown only
    more_is_better = True
    sides = ("ours",)
    runs = 10
    warm_up = True
    same_check = True
    source = None  # the id of a row, listed before, whose runs this one only reads differently: its own sides of them, through derive()

    def setup(self, context):
        pass

    def run(self, side, context):
        raise NotImplementedError

    def derive(self, sample):
        return sample

    def teardown(self, context):
        pass


class Server:
    """A program that serves until it is stopped; what it has used is read from /proc."""

    def __init__(self, command, ready, **options):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, env={**ENVIRONMENT, **options.pop("environment", {})}, **options)
        self.line = self.process.stdout.readline() if ready else ""
        if ready and not self.line:
            self.stop()
            raise Failure(f"{command[0]} did not start")

    def seconds(self):
        try:
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return sum(map(int, fields[11:15])) / TICK  # its own and that of children it has waited for

    def peak(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


class Node(Server):
    """`myelin node` with a temporary home."""

    def __init__(self, context, *flags):
        self.home = tempfile.mkdtemp(prefix="myelin-bench-")
        self.program = context.program("myelin")
        try:
            super().__init__([self.program, "node", "--json", "--home", self.home, "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0",
                              "--log-level", "error", *flags], ready=True)
        except Failure:
            shutil.rmtree(self.home, ignore_errors=True)
            raise
        ready = json.loads(self.line)
        self.peer, self.http = ready["peer"], ready["http"]
        self.address = self.http.removeprefix("http://").rstrip("/")

    def spawn(self, context, guest, *flags):
        run = subprocess.run([self.program, "spawn", "--home", self.home, *flags, context.guest(guest)], capture_output=True, text=True,
                             env=ENVIRONMENT)
        if run.returncode != 0:
            raise Failure(f"spawn {guest}: {run.stderr.strip()}")
        return run.stdout.strip()

    def stop(self):
        super().stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Context:
    def __init__(self, build):
        self.build = build
        self.servers = []
        self.gone_seconds = 0.0

    def program(self, name):
        path = self.build / "bin" / name
        if not path.exists():
            raise Failure(f"{path} is not built")
        return path

    def guest(self, name):
        return self.build / "guests" / f"{name}.wasm"

    def peer(self, name):
        path = CACHE / name
        if not path.exists():
            raise Failure(f"the peer {path} is not there")
        return path

    def serve(self, server):
        self.servers.append(server)
        return server

    def server_seconds(self):
        # Of servers that were stopped the kernel counts with our children.
        return sum(server.seconds() for server in self.servers if server.process.poll() is None)

    def stop(self, server):
        self.servers.remove(server)
        server.stop()

    def stop_all(self):
        for server in list(self.servers):
            self.stop(server)

    def measure(self, command, **options):
        """Runs a program that prints one line of JSON (value, check, peak) and adds the processor time that it used."""
        command = list(map(str, command))
        environment = {**ENVIRONMENT, **options.pop("environment", {})}
        limit = options.pop("timeout", HANG_SECONDS)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        before = os.times()
        try:
            out, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failure(f"{command[0]} hangs")
        after = os.times()
        if process.returncode != 0:
            raise Failure(f"{' '.join(command)}: {(errors.strip().splitlines() or ['failed'])[-1]}")
        try:
            line = json.loads(out.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise Failure(f"{command[0]} printed no result")
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Sample(line["value"], line["check"], cpu, line["peak"])

    def connect(self, address):
        host, _, port = address.rpartition(":")
        return http.client.HTTPConnection(host, int(port), timeout=10)


def wait_until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what} did not come")
        time.sleep(0.02)
