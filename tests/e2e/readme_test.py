"""The README as a stranger: its C program and its commands, as they stand there, against the built program; and the links that it gives."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from harness import BUILD, ENVIRONMENT, HANG_SECONDS, MYELIN, SOURCE, Node

README = (SOURCE / "README.md").read_text()


class Readme(unittest.TestCase):
    def test_its_process_runs(self):
        source = re.search(r"```c\n(.*?)```", README, re.S).group(1)
        commands = re.search(r"(clang-19 .*?)\n(.*?)```", README, re.S)
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "greet.c").write_text(source)
            subprocess.run(commands.group(1), shell=True, cwd=folder, check=True, timeout=HANG_SECONDS)
            node = Node()
            environment = {**ENVIRONMENT, "MYELIN_HOME": node.home, "PATH": f"{BUILD}/bin:{ENVIRONMENT['PATH']}"}
            try:
                output = b""
                for line in commands.group(2).splitlines():
                    if line.strip() and not line.startswith("myelin node"):
                        run = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, timeout=HANG_SECONDS, executable="/bin/bash")
                        self.assertEqual(run.returncode, 0, f"{line}: {run.stderr.decode()}")
                        output += run.stdout
                self.assertIn(b"Hello, Ada!\n", output)
            finally:
                self.assertEqual(node.stop(), 0)

    def test_its_links_lead_somewhere(self):
        for document in SOURCE.glob("*.md"):
            for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
                self.assertTrue((SOURCE / target).exists(), f"{document.name} links to {target}")

    def test_its_make_targets_are_there(self):
        makefile = (SOURCE / "Makefile").read_text()
        for document in ("README.md", "CONTRIBUTING.md"):
            for target in re.findall(r"`?make ([a-z-]+)", (SOURCE / document).read_text()):
                self.assertRegex(makefile, rf"(?m)^{target}:", f"{document} names make {target}")

    def test_the_demo_shows_all_of_it(self):
        run = subprocess.run(["python3", str(SOURCE / "tools/demo.py"), str(BUILD)], capture_output=True, env=os.environ, timeout=4 * HANG_SECONDS)
        self.assertEqual(run.returncode, 0, run.stdout.decode() + run.stderr.decode())
        for words in (b"Hello, Myelin!", b"sha256sum says the same", b"20 hits", b"restarts", b"the spinner ended with", b"All of it happened"):
            self.assertIn(words, run.stdout)


if __name__ == "__main__":
    unittest.main()
