"""Large and hostile loads on real nodes: constant memory, and an answer all the same."""
import hashlib
import json
import pathlib
import resource
import socket
import struct
import subprocess
import threading
import unittest

from harness import ENVIRONMENT, GUESTS, HANG_SECONDS, MYELIN, NodeTest, error_code

MIB = 1 << 20


class Load(NodeTest):
    def test_a_gigabyte_echoes_in_constant_memory(self):
        b = self.node()
        a = self.node("--peer", b.listen[0])
        b.spawn("echo", "--name", "echo", "--allow", a.peer)
        self.assertEqual(a.run("call", f"{b.peer}/echo", "echo", data=b"x" * MIB).returncode, 0)
        before = [node.memory_peak_bytes() for node in (a, b)]
        call = subprocess.Popen([str(MYELIN), "call", f"{b.peer}/echo", "echo", "--home", a.home], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                env=ENVIRONMENT)
        block = hashlib.sha256(b"seed").digest() * (MIB // 32)
        sent = hashlib.sha256()

        def feed():
            for i in range(1024):
                piece = i.to_bytes(8, "little") + block[8:]
                sent.update(piece)
                call.stdin.write(piece)
            call.stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        got, size = hashlib.sha256(), 0
        while piece := call.stdout.read(MIB):
            got.update(piece)
            size += len(piece)
        feeder.join()
        call.stdout.close()
        self.assertEqual(call.wait(HANG_SECONDS), 0)
        self.assertEqual((size, got.hexdigest()), (1024 * MIB, sent.hexdigest()))
        for node, peak in zip((a, b), before):
            self.assertLess(node.memory_peak_bytes() - peak, 96 * MIB, "memory does not grow with the message")

    def test_ten_thousand_half_open_connections(self):
        node = self.node()
        node.spawn("echo", "--name", "echo")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        at_once = min(10_000, hard - 200)
        for port, words in ((int(node.http.rsplit(":", 1)[1]), b"POST /ww HT"), (int(node.listen[0].split("/")[4]), b"\x13/multi")):
            held = []
            before = node.memory_peak_bytes()
            for _ in range(10_000):
                connection = socket.socket()
                connection.setblocking(False)
                connection.settimeout(5)
                try:
                    connection.connect(("127.0.0.1", port))
                    connection.send(words)
                except OSError:
                    pass  # it may refuse: that is its way to stay small
                held.append(connection)
                if len(held) > at_once:
                    held.pop(0).close()
            self.assertEqual(node.run("call", "echo", "echo", data=b"alive").stdout, b"alive")
            self.assertLess(node.memory_peak_bytes() - before, 256 * MIB)
            for connection in held:
                connection.close()

    def test_an_endless_guest_is_killed(self):
        node = self.node("--shards", "1")
        node.spawn("spin", "--name", "spin", "--restart", "always")
        spinner = subprocess.Popen([str(MYELIN), "call", "spin", "spin", "--home", node.home], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=ENVIRONMENT)
        while json.loads(node.run("inspect", "spin", "--json").stdout)["state"] != "busy":
            pass
        self.assertEqual(node.run("kill", "spin").returncode, 0)
        self.assertEqual(spinner.wait(HANG_SECONDS), error_code("stopping"))
        spinner.stderr.close()
        self.assertEqual(json.loads(node.run("inspect", "spin", "--json").stdout)["state"], "exited")

    def test_a_client_that_goes_with_every_buffer_full_is_noticed(self):
        node = self.node()
        node.spawn("spin", "--name", "spin", "--allow", "anyone", "--restart", "never")
        client = socket.create_connection(("127.0.0.1", int(node.http.rsplit(":", 1)[1])))
        client.sendall(b"POST /ww/0.1.0/self/spin/spin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n")
        client.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            while True:
                client.send(bytes(65536))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        self.assertEqual(node.run("call", "spin", "ok").stdout.strip(), b"ok")

    def test_a_burst_of_modules_is_compiled_a_few_at_a_time(self):
        node = self.node()
        node.spawn("echo", "--name", "echo")
        module = (GUESTS / "hash.wasm").read_bytes()
        spawns = []
        for i in range(20):
            path = pathlib.Path(node.home, f"{i}.wasm")
            path.write_bytes(module + b"\x00\x05\x04" + f"{i:04}".encode())  # a custom section: another module each time
            spawns.append(subprocess.Popen([str(MYELIN), "spawn", str(path), "--home", node.home], stdout=subprocess.DEVNULL, env=ENVIRONMENT))
        most = 0
        while any(spawn.poll() is None for spawn in spawns):
            most = max(most, sum(len(file.read_text().split()) for file in pathlib.Path(f"/proc/{node.process.pid}/task").glob("*/children")))
        self.assertEqual([spawn.returncode for spawn in spawns], [0] * 20)
        # Two at a time; the threads' lists are read one after the other, so that one that ends and its follower may both be counted.
        self.assertTrue(1 <= most <= 5, most)
        self.assertEqual(node.run("call", "echo", "echo", data=b"alive").stdout, b"alive")

    def test_a_spinner_holds_nobody_up(self):
        node = self.node("--shards", "1")
        node.spawn("spin", "--name", "spin", "--limit", "fuel=3000000000")
        node.spawn("echo", "--name", "echo")
        spinner = subprocess.Popen([str(MYELIN), "call", "spin", "spin", "--home", node.home], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=ENVIRONMENT)
        answered = 0
        while spinner.poll() is None:
            answered += node.run("call", "echo", "echo", data=b"x").stdout == b"x"
        self.assertIn(b"fuel", spinner.stderr.read())
        spinner.stderr.close()
        self.assertGreater(answered, 3)
        self.assertEqual(json.loads(node.run("inspect", "spin", "--json").stdout)["failures"], 1)


if __name__ == "__main__":
    unittest.main()
