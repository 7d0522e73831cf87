"""`make install` and a program that is built against what it installed."""
import pathlib
import subprocess
import tempfile
import unittest

from harness import BUILD, ENVIRONMENT, GUESTS, HANG_SECONDS, SOURCE


class Embed(unittest.TestCase):
    def test_a_program_with_a_node_inside(self):
        with tempfile.TemporaryDirectory() as folder:
            prefix, build = pathlib.Path(folder, "prefix"), pathlib.Path(folder, "build")

            def run(*command):
                done = subprocess.run(list(map(str, command)), capture_output=True, timeout=4 * HANG_SECONDS, env=ENVIRONMENT)
                self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
                return done.stdout.decode()

            run("cmake", "--install", BUILD, "--prefix", prefix)
            for part in ("bin/myelin", "libexec/myelin/myelin-compile", "include/myelin/node.hpp", "share/myelin/sdk/c/myelin.h"):
                self.assertTrue((prefix / part).exists(), part)
            self.assertIn("myelin ", run(prefix / "bin/myelin", "version"))
            echo = subprocess.run([str(prefix / "bin/myelin"), "run", "--method", "echo", str(GUESTS / "echo.wasm")], input=b"installed",
                                  capture_output=True, timeout=HANG_SECONDS, env=ENVIRONMENT)
            self.assertEqual(echo.stdout, b"installed", echo.stderr.decode())
            run("cmake", "-S", SOURCE / "examples/embed", "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_CXX_COMPILER=clang++-19",
                "-DCMAKE_BUILD_TYPE=Release")
            run("cmake", "--build", build)
            output = run(build / "embed", pathlib.Path(folder, "home"), GUESTS / "echo.wasm")
            self.assertIn("Hello from inside!", output)
            self.assertIn("no_such_process", output)


if __name__ == "__main__":
    unittest.main()
