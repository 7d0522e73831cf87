"""Large and hostile loads on real nodes: constant memory, and an answer all the same."""
import hashlib
import json
import socket
import subprocess
import threading
import unittest

from harness import ENVIRONMENT, HANG_SECONDS, MYELIN, NodeTest

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
                if len(held) > 500:
                    held.pop(0).close()
            self.assertEqual(node.run("call", "echo", "echo", data=b"alive").stdout, b"alive")
            self.assertLess(node.memory_peak_bytes() - before, 256 * MIB)
            for connection in held:
                connection.close()

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
