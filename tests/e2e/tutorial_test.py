"""docs/tutorial.md as a stranger: its files as they stand there, its commands one by one, and what it says that they print; and the examples
that are native protocols."""
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest

from harness import BUILD, ENVIRONMENT, HANG_SECONDS, SOURCE

TUTORIAL = SOURCE / "docs/tutorial.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)


def free_ports(count):
    """Ports that nobody has now; held together while they are chosen."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def changed(text, diff):
    """`text` with a diff applied that has no line numbers: what it takes away must be there exactly once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(old) == 1, f"found {text.count(old)} times:\n{old}"
    return text.replace(old, new)


class Native(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.temporary.name)
        cls.prefix = cls.root / "myelin"
        done = subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], capture_output=True, timeout=HANG_SECONDS, env=ENVIRONMENT)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        cls.ports = dict(zip(("7001", "7002", "7003"), map(str, free_ports(3))))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def local(self, text, folder):
        text = text.replace("/tmp/myelin", str(self.prefix)).replace(f"/tmp/{folder}", str(self.root / folder))
        return re.sub(r"127\.0\.0\.1:(\d+)", lambda found: "127.0.0.1:" + self.ports[found.group(1)], text)

    def type(self, line, folder, cwd):
        if line.startswith("make install"):
            return ""
        run = subprocess.run(["bash", "-c", "set -o pipefail; " + self.local(line, folder)], cwd=cwd, capture_output=True, timeout=8 * HANG_SECONDS,
                             env=ENVIRONMENT)
        output = run.stdout.decode() + run.stderr.decode()
        self.assertEqual(run.returncode, 0, f"{line}\n{output}")
        return output


class Tutorial(Native):
    def test_every_step(self):
        folder = self.root / "gossip"
        folder.mkdir()
        text = TUTORIAL.read_text()
        output, commands, expectations = "", 0, 0
        for block in FENCE.finditer(text):
            language, body = block.groups()
            if language == "sh":
                output = "".join(self.type(line, "gossip", folder) for line in body.splitlines())
                commands += len(body.splitlines())
            elif language == "text":
                for line in body.splitlines():
                    self.assertIn(self.local(line, "gossip"), output)
                    expectations += 1
            else:
                paragraph = text[:block.start()].rstrip().split("\n\n")[-1]
                file = folder / re.findall(r"`([\w.]+)`:", paragraph)[-1]
                if language == "diff":
                    file.write_text(changed(file.read_text(), body))
                elif "Append to" in paragraph:
                    file.write_text(file.read_text() + "\n" + body)
                else:
                    file.write_text(body)
        self.assertGreaterEqual(commands, 12)
        self.assertGreaterEqual(expectations, 8)
        for name in ("CMakeLists.txt", "gossip.hpp", "gossip_test.cpp", "main.cpp"):
            self.assertEqual((SOURCE / "examples/protocol-gossip" / name).read_text(), (folder / name).read_text(),
                             f"examples/protocol-gossip/{name} is what the tutorial arrives at")


class Examples(Native):
    def test_pingpong(self):
        output = ""
        for line in FENCE.search((SOURCE / "examples/protocol-pingpong/README.md").read_text()).group(2).splitlines():
            output += self.type(line, "pingpong", SOURCE)
        self.assertIn("experiment: 10000 pings were answered", output)
        self.assertIn("experiment: the peer left", output)

    def test_gossip(self):
        output = ""
        for line in FENCE.search((SOURCE / "examples/protocol-gossip/README.md").read_text()).group(2).splitlines():
            output += self.type(line, "gossip", SOURCE)
        self.assertIn("[  PASSED  ] 2 tests.", output)


if __name__ == "__main__":
    unittest.main()
