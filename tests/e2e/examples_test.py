"""The examples' READMEs: every command line in them, as it stands there, in one shell against a running node."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, ENVIRONMENT, GUESTS, HANG_SECONDS, SOURCE, NodeTest, error_code

EXAMPLES = SOURCE / "examples"


def blocks(example):
    """The shell blocks of an example's README, each as its lines without comments."""
    text = (EXAMPLES / example / "README.md").read_text()
    return [[line for line in block.splitlines() if line.strip()] for block in re.findall(r"```sh\n(.*?)```", text, re.S)]


def command(line):
    return line.split(" #")[0].rstrip()


class Examples(NodeTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for module in GUESTS.glob("*.wasm"):
            (self.folder / module.name).symlink_to(module)

    def environment(self, node):
        return {**ENVIRONMENT, "MYELIN_HOME": node.home, "PATH": f"{BUILD}/bin:{ENVIRONMENT['PATH']}"}

    def shell(self, node, lines):
        """Runs the lines in one shell; gives exit code and output of each."""
        script = "".join(f"{{ {line}\n}}; echo \"::end $?\"\n" for line in map(command, lines))
        run = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment(node), stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=HANG_SECONDS)
        ends = re.findall(r"(.*?)::end (\d+)\n", run.stdout.decode(), re.S)
        self.assertEqual(len(ends), len(lines), run.stdout.decode() + run.stderr.decode())
        return [(int(code), output) for output, code in ends]

    def follow(self, example, expected):
        """`expected`: for each line of the first block what its output has in it, or its exit code if it is to fail."""
        lines = blocks(example)[0]
        shutil.copy(EXAMPLES / example / "README.md", self.folder / "README.md")
        ends = self.shell(self.node(), lines)
        self.assertEqual(len(lines), len(expected), "the README has other lines than this test")
        for line, (code, output), wanted in zip(lines, ends, expected):
            if isinstance(wanted, int):
                self.assertEqual(code, wanted, line)
            else:
                self.assertEqual(code, 0, line)
                self.assertIn(wanted, output, line)
        return [output for _, output in ends]

    def test_echo(self):
        self.follow("echo", ["", "hello\n", "HELLO\n", "/echo/whoami"])

    def test_counter(self):
        self.follow("counter", ["", "1", "2", "2"])

    def test_crash(self):
        self.follow("crash", ["", "ok 1", "ok 2", error_code("trapped"), "3", "ok 1", "crash"])

    def test_hash(self):
        outputs = self.follow("hash", ["", "", "", ""])
        self.assertRegex(outputs[2], "^[0-9a-f]{64}")
        self.assertEqual(outputs[2].split()[0], outputs[3].split()[0])

    def test_spin(self):
        self.follow("spin", ["", "", "", "still here", "", "ok"])

    def test_wordcount(self):
        outputs = self.follow("wordcount", ["", "", ""])
        text = (EXAMPLES / "wordcount" / "README.md").read_bytes()
        self.assertEqual(outputs[1].split()[:3], [str(text.count(b"\n")), str(len(text.split())), str(len(text))])
        self.assertEqual(len(outputs[2].splitlines()), 10)

    @unittest.skipUnless((GUESTS / "greet-go.wasm").exists(), "no Go here")
    def test_greet_go(self):
        lines = blocks("greet-go")[0]
        self.assertTrue(lines[0].startswith("GOOS=wasip1 GOARCH=wasm go build"), "what the build does, by hand")
        ends = self.shell(self.node(), lines[1:])
        self.assertEqual([code for code, _ in ends], [0] * 4)
        self.assertIn("hello, Ada", ends[1][1])
        self.assertEqual(ends[2][1].split(), ["a", "b"])
        self.assertNotEqual(ends[3][1], "")

    def test_ping_pong_on_one_node(self):
        self.follow("ping-pong", ["", "", "10 hits in"])

    def test_ping_pong_on_two_nodes(self):
        b = self.node()
        a = self.node("--peer", b.listen[0])
        nodes = {"A": a, "B": b}
        outputs = []
        for line in blocks("ping-pong")[1]:
            where = re.search(r"# on node ([AB])$", line)
            self.assertIsNotNone(where, line)
            text = line.replace("<peer A>", a.peer).replace("<peer B>", b.peer)
            outputs += self.shell(nodes[where.group(1)], [text])
        self.assertEqual([code for code, _ in outputs], [0, 0, 0], outputs)
        self.assertIn("10 hits in", outputs[-1][1])

    def test_compiled_by_hand(self):
        line = re.search(r"```sh\n(clang-19 .*?)\n```", (EXAMPLES / "README.md").read_text(), re.S).group(1)
        shutil.copytree(SOURCE / "sdk/c", self.folder / "sdk/c")
        shutil.copytree(EXAMPLES / "echo", self.folder / "examples/echo")
        subprocess.run(line, shell=True, cwd=self.folder / "examples", check=True, timeout=HANG_SECONDS)
        node = self.node()
        self.assertEqual(node.run("spawn", "--name", "echo", self.folder / "examples/echo.wasm").returncode, 0)
        self.assertEqual(node.run("call", "echo", "echo", data=b"by hand").stdout, b"by hand")

    def test_every_example_is_tried(self):
        tried = {"echo", "counter", "crash", "hash", "spin", "wordcount", "greet-go", "ping-pong"}
        tried |= {"embed", "protocol-pingpong", "protocol-gossip"}  # embed_test.py, tutorial_test.py
        self.assertEqual({folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()}, tried)


if __name__ == "__main__":
    unittest.main()
