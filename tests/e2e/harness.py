"""What the end-to-end tests share: real programs in temporary homes, on loopback, each with a bound on how long it may take."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MYELIN_E2E_BUILD", SOURCE / "build/release")).resolve()
MYELIN = BUILD / "bin" / "myelin"
GUESTS = BUILD / "guests"
# The build's own variables are none of the node's configuration.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("MYELIN_")}
HANG_SECONDS = 120  # no claim about speed: what takes this long hangs


def error_code(name):
    """The exit code of an error, from its place in the public header."""
    number = 0
    for line in (SOURCE / "include/myelin/error.hpp").read_text().splitlines():
        head = line.split("=")[0].strip()
        if head == name:
            number = int(line.split("=")[1].split(",")[0])
    assert number > 0, name
    return 64 + number


def myelin(*arguments, data=b"", home=None, environment=None):
    command = [str(MYELIN), *map(str, arguments)]
    if home:
        command += ["--home", str(home)]
    return subprocess.run(command, input=data, capture_output=True, timeout=HANG_SECONDS, env={**ENVIRONMENT, **(environment or {})})


class Node:
    def __init__(self, *flags, home=None, environment=None, listen=True):
        self.own_home = home is None
        self.home = home or tempfile.mkdtemp(prefix="myelin-e2e-")
        self.log = open(pathlib.Path(self.home, "node.log"), "w+")
        command = [str(MYELIN), "node", "--json", "--home", self.home, "--http", "127.0.0.1:0", *map(str, flags)]
        if listen and "--listen" not in flags:
            command += ["--listen", "/ip4/127.0.0.1/tcp/0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env={**ENVIRONMENT, **(environment or {})})
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(HANG_SECONDS)
            self.log.seek(0)
            raise AssertionError("the node did not start: " + self.log.read())
        ready = json.loads(line)
        self.peer, self.http, self.listen = ready["peer"], ready["http"], ready["listen"]
        self.token = pathlib.Path(self.home, "token").read_text().strip()

    def run(self, *arguments, data=b""):
        return myelin(*arguments, data=data, home=self.home)

    def spawn(self, guest, *flags):
        run = self.run("spawn", *flags, GUESTS / f"{guest}.wasm")
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout.decode().strip()

    def memory_peak_bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(HANG_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the node did not stop")
        self.process.stdout.close()
        self.log.close()
        if self.own_home:
            shutil.rmtree(self.home, ignore_errors=True)
        return self.process.returncode


class NodeTest(unittest.TestCase):
    """A test with nodes that are stopped at its end, and must stop well."""

    def setUp(self):
        self.nodes = []

    def tearDown(self):
        codes = [node.stop() for node in self.nodes]
        self.assertEqual(codes, [0] * len(codes), "a node drained and stopped")

    def node(self, *flags, **options):
        node = Node(*flags, **options)
        self.nodes.append(node)
        return node

    def assert_exit(self, run, name):
        self.assertEqual(run.returncode, error_code(name), run.stderr.decode())
        self.assertIn(name, run.stderr.decode())
