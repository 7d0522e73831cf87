#!/usr/bin/env python3
"""`myelin protocol pingpong`: two programs ping each other over the session wire; signals, flags, and every error by its name."""
import json
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

from harness import ENVIRONMENT, HANG_SECONDS, MYELIN, error_code

EXAMPLE = """
logging:
  level: debug          # debug, info, warn, error
  components: ["protocol"] # runtime, session, transport, protocol
  format: text          # text or json

runtime:
  self:
    ip: 127.0.0.1
    port: {own}
  peer:
    ip: 127.0.0.1
    port: {peer}
"""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def pingpong(*arguments):
    return subprocess.run([MYELIN, "protocol", "pingpong", *map(str, arguments)], capture_output=True, text=True, timeout=HANG_SECONDS,
                          env=ENVIRONMENT)


class Program:
    """One that runs until it is told to end."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([MYELIN, "protocol", "pingpong", *map(str, arguments)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.first = self.process.stdout.readline().strip()

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=HANG_SECONDS)
        return self.process.returncode, out, errors


class PingPongTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="myelin-protocol-")
        self.addCleanup(self.folder.cleanup)

    def file(self, text, name="node.yaml"):
        path = pathlib.Path(self.folder.name, name)
        path.write_text(text)
        return path

    def assert_error(self, run, name, *words):
        self.assertEqual(run.returncode, error_code(name), run.stderr + run.stdout)
        self.assertIn(name, run.stderr)
        for word in words:
            self.assertIn(word, run.stderr)

    def two(self, wire, *flags):
        own, peer = free_ports(2)
        other = Program("-config", self.file(EXAMPLE.format(own=peer, peer=own), "other.yaml"), "-log-level", "warn", "-wire", wire)
        run = pingpong("-config", self.file(EXAMPLE.format(own=own, peer=peer)), "-wire", wire, "-count", 500, *flags)
        return run, other.end()

    def test_two_programs_ping_each_other(self):
        for wire in ("w0", "w3"):
            run, (code, out, errors) = self.two(wire)
            self.assertEqual(run.returncode, 0, run.stderr[-2000:])
            self.assertIn("ended: experiment (got 500 Pongs), 500 pongs", run.stdout)
            self.assertIn("component=protocol", run.stderr)
            self.assertIn('msg="Pong received"', run.stderr)
            self.assertNotIn("component=session", run.stderr)
            self.assertEqual(code, 0, errors)
            self.assertIn("ended: graceful", out)

    def test_flags_come_over_the_file_in_every_form(self):
        own, peer = free_ports(2)
        path = self.file(EXAMPLE.format(own=1, peer=2))
        for forms in (("-port", own, "-peer-port", peer), ("--port", own, "--peer-port", peer),
                      ("-self-ip", "127.0.0.1", "-self-port", own, "-peer-ip", "127.0.0.1", f"-peer-port={peer}")):
            program = Program("-config", path, "-log-level", "error", *forms)
            self.assertEqual(program.first, f"listening on 127.0.0.1:{own}")
            for number in (signal.SIGINT,):
                code, out, errors = program.end(number)
                self.assertEqual(code, 0, errors)
                self.assertIn("ended: graceful, 0 pongs", out)

    def test_a_port_is_free_again_at_once(self):
        own, peer = free_ports(2)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            program = Program("-port", own, "-peer-port", peer, "-log-level", "error")
            self.assertEqual(program.first, f"listening on 127.0.0.1:{own}")
            self.assertEqual(program.end(number)[0], 0)

    def test_the_first_bytes_are_those_of_the_original(self):
        own, = free_ports(1)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            program = Program("-port", own, "-peer-port", listener.getsockname()[1], "-log-level", "error")
            connection, _ = listener.accept()
            with connection:
                hello = b"\0\0\0\x13\x01\x01" + b"127.0.0.1      " + struct.pack("<H", own)
                got = b""
                while len(got) < len(hello):
                    got += connection.recv(100)
                self.assertEqual(got, hello)
                connection.sendall(b"\0\0\0\2\1\2")
                self.assertEqual(connection.recv(100), b"\0\0\0\5\0\1\0\1\0", "Ping of protocol 1, message 1, no payload")
                connection.sendall(b"\0\0\0\5\0\1\0\1\0")
                self.assertEqual(connection.recv(100), b"\0\0\0\5\0\1\0\2\0", "and the Pong")
            self.assertEqual(program.end()[0], 0)

    def test_logs_as_json(self):
        own, peer = free_ports(2)
        text = EXAMPLE.format(own=own, peer=peer).replace("text          # text or json", "json").replace('["protocol"]', "[session, transport]")
        run = pingpong("-config", self.file(text), "-attempts", 2)
        self.assert_error(run, "offline", "given up after 2 attempts")
        lines = [json.loads(line) for line in run.stderr.splitlines() if line.startswith("{")]
        self.assertTrue(any(line["component"] == "transport" and line["msg"] == "listening" for line in lines), run.stderr)
        self.assertTrue(any(line["component"] == "session" and line["msg"] == "given up" for line in lines))
        self.assertEqual({line["component"] for line in lines} - {"session", "transport"}, set())

    def test_errors_have_names_and_places(self):
        own, peer = free_ports(2)
        good = self.file(EXAMPLE.format(own=own, peer=peer))
        self.assert_error(pingpong("-config", "/nonexistent/node.yaml"), "io", "/nonexistent/node.yaml")
        self.assert_error(pingpong("-config", self.file("logging:\n  levl: debug\n", "bad.yaml")), "bad_request", "bad.yaml:2:3", "'levl'")
        self.assert_error(pingpong("-config", self.file("runtime: {self: {port: many}}", "bad.yaml")), "bad_request", "bad.yaml:1:24")
        self.assert_error(pingpong("-peer-port", peer), "no_channel")
        self.assert_error(pingpong("-port", own), "bad_request", "peer")
        self.assertEqual(pingpong("-port", "many").returncode, error_code("bad_request"))
        self.assertEqual(pingpong("-port", own, "-peer-port", peer, "-wire", "w9").returncode, error_code("bad_request"))
        self.assert_error(pingpong("-config", good, "-self-ip", "0.0.0.0"), "bad_request")
        self.assert_error(pingpong("-config", good, "-log-level", "loud"), "bad_request")
        with socket.create_server(("127.0.0.1", own)):
            self.assert_error(pingpong("-config", good), "conflict")


if __name__ == "__main__":
    unittest.main()
