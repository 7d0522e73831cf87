"""The command line against a running node, as a person uses it."""
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

from harness import ENVIRONMENT, GUESTS, HANG_SECONDS, MYELIN, Node, NodeTest, error_code, myelin

COMMANDS = ["node", "run", "spawn", "call", "ps", "inspect", "logs", "kill", "rm", "peers", "connect", "ping", "keygen", "doctor", "version"]


class WithoutNode(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)

    def test_every_command_helps_with_an_example(self):
        self.assertEqual(myelin("--help").returncode, 0)
        for command in COMMANDS:
            run = myelin(command, "--help")
            self.assertEqual(run.returncode, 0, command)
            self.assertIn(b"Example:\n  ", run.stdout, command)
            self.assertIn(b"myelin " + command.encode(), run.stdout, command)

    def test_what_it_does_not_know_is_a_bad_request(self):
        for arguments in ([], ["dance"], ["ps", "--fast"], ["spawn"], ["ping", "x", "--count", "0"]):
            self.assertEqual(myelin(*arguments).returncode, error_code("bad_request"), arguments)

    def test_version(self):
        self.assertTrue(myelin("version").stdout.startswith(b"myelin "))
        self.assertEqual(json.loads(myelin("version", "--json").stdout)["protocol"], "ww/0.1.0")

    def test_keygen(self):
        text = myelin("keygen").stdout.decode().strip()
        self.assertRegex(text, r"^[1-9A-HJ-NP-Za-km-z]{90,96}$")
        raw = myelin("keygen", "--raw").stdout
        self.assertEqual((len(raw), raw[:4]), (68, bytes.fromhex("08011240")))
        path = self.home / "key"
        made = myelin("keygen", "--out", path, "--json")
        self.assertTrue(json.loads(made.stdout)["peer"].startswith("12D3Koo"))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(myelin("keygen", "--out", path).returncode, error_code("conflict"))

    def test_doctor(self):
        report = json.loads(myelin("doctor", "--json", home=self.home).stdout)
        self.assertIn("memory maps (vm.max_map_count)", [finding["what"] for finding in report["findings"]])
        self.assertIn(b"ADVICE", myelin("doctor", home=self.home).stdout)

    def test_no_node(self):
        run = myelin("ps", home=self.home)
        self.assertEqual(run.returncode, error_code("offline"))
        self.assertIn(b"myelin node", run.stderr)
        self.assertEqual(json.loads(myelin("ps", "--json", home=self.home).stderr)["error"], "offline")

    def test_run_passes_stdio_and_the_exit_code(self):
        run = myelin("run", GUESTS / "wasi_arguments_command.wasm", "one", "two")
        self.assertNotEqual(run.stdout + run.stderr, b"")
        echo = myelin("run", "--method", "echo", GUESTS / "echo.wasm", data=b"through")
        self.assertEqual((echo.returncode, echo.stdout), (0, b"through"))
        self.assertEqual(myelin("run", "--method", "exit3", GUESTS / "crash.wasm").returncode, 3)
        trap = myelin("run", "--method", "trap", GUESTS / "crash.wasm")
        self.assertEqual(trap.returncode, error_code("trapped"), trap.stderr)
        self.assertEqual(myelin("run", self.home / "nothing.wasm").returncode, error_code("io"))
        late = myelin("run", "--method", "spin", "--limit", "wall=200ms", GUESTS / "spin.wasm")
        self.assertIn(late.returncode, (error_code("timeout"), error_code("trapped")))

    def test_configuration_is_strict(self):
        (self.home / "config.yaml").write_text("listen:\n  - /ip4/127.0.0.1/tcp/0\nhttpp:\n  listen: 127.0.0.1:0\n")
        run = myelin("node", home=self.home)
        self.assertEqual(run.returncode, error_code("bad_request"), run.stderr)
        self.assertIn(b"config.yaml:3:1", run.stderr)
        (self.home / "config.yaml").unlink()
        wrong = myelin("node", home=self.home, environment={"MYELIN_NO_SUCH_KEY": "1"})
        self.assertEqual(wrong.returncode, error_code("bad_request"))
        self.assertIn(b"MYELIN_NO_SUCH_KEY", wrong.stderr)

    def test_a_key_that_others_can_read_is_refused(self):
        self.home.chmod(0o700)
        myelin("keygen", "--out", self.home / "key")
        (self.home / "key").chmod(0o644)
        run = myelin("node", "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", home=self.home)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn(b"key", run.stderr)

    def test_http_beyond_loopback_needs_a_word(self):
        run = myelin("node", "--http", "0.0.0.0:0", "--listen", "/ip4/127.0.0.1/tcp/0", home=self.home)
        self.assertEqual(run.returncode, error_code("forbidden"))
        self.assertIn(b"--insecure-http", run.stderr)


class OneNode(NodeTest):
    def test_the_life_of_a_process(self):
        node = self.node()
        self.assertEqual(node.run("ps").stdout.decode().split(), ["PID", "NAME", "KIND", "STATE", "CALLS", "FAILED", "RESTARTS", "MEMORY", "QUEUED"])
        pid = node.spawn("counter", "--name", "counter", "--limit", "memory=1MiB")
        self.assertEqual(node.run("call", "counter", "increment").stdout.strip(), b"1")
        self.assertEqual(node.run("call", pid, "increment").stdout.strip(), b"2")
        process = json.loads(node.run("inspect", "counter", "--json").stdout)
        self.assertEqual((process["pid"], process["calls"], process["limits"]["memory_bytes"]), (pid, 2, 1 << 20))
        self.assertEqual(json.loads(node.run("ps", "--json").stdout)["processes"][0]["pid"], pid)
        self.assertEqual(node.run("kill", "--signal", "restart", "counter").returncode, 0)
        self.assertEqual(node.run("call", "counter", "increment").stdout.strip(), b"1")
        self.assert_exit(node.run("spawn", "--name", "counter", GUESTS / "echo.wasm"), "conflict")
        replaced = node.spawn("echo", "--name", "counter", "--replace")
        self.assertNotEqual(replaced, pid)
        self.assertEqual(node.run("rm", "counter").returncode, 0)
        self.assert_exit(node.run("inspect", "counter"), "no_such_process")

    def test_outcomes_are_exit_codes(self):
        node = self.node()
        node.spawn("crash", "--name", "crash", "--restart", "always")
        node.spawn("echo", "--name", "echo")
        node.spawn("spin", "--name", "spin")
        self.assertEqual(node.run("call", "crash", "exit3").returncode, 3)
        self.assert_exit(node.run("call", "crash", "trap"), "trapped")
        self.assert_exit(node.run("call", "nobody", "x"), "no_such_process")
        self.assert_exit(node.run("call", "echo", "nothing"), "no_such_method")
        reserved = node.run("call", "echo", "_initialize").returncode
        self.assertIn(reserved, (error_code("bad_request"), error_code("no_such_method")))
        self.assert_exit(node.run("call", "spin", "spin", "--timeout", "100ms"), "timeout")
        self.assert_exit(node.run("spawn", __file__), "invalid_module")
        data = os.urandom(3 << 20)
        echo = node.run("call", "echo", "echo", data=data)
        self.assertEqual((echo.returncode, echo.stdout == data), (0, True))
        self.assertEqual(node.run("call", "echo", "echo", "--input", "said").stdout, b"said")

    def test_an_exit_code_of_a_guest_is_not_taken_for_an_error_of_ours(self):
        # (import "wasi_snapshot_preview1" "proc_exit") (func (export "go") i32.const 200 call 0)
        module = bytes.fromhex("0061736d01000000" "0108026001 7f00 600000" "022401" "16") + b"wasi_snapshot_preview1" + b"\x09proc_exit" + bytes.fromhex(
            "0000" "03020101" "0503010001" "070f02" "02676f0001" "066d656d6f72790200" "0a09010700" "41c801" "1000" "0b")
        node = self.node()
        path = pathlib.Path(node.home, "exit200.wasm")
        path.write_bytes(module)
        self.assertEqual(node.run("spawn", "--name", "exit200", path).returncode, 0)
        call = node.run("call", "exit200", "go", "--json")
        self.assertEqual(call.returncode, error_code("guest_failed"))
        self.assertEqual(json.loads(call.stderr)["detail"], 200)

    def test_logs(self):
        node = self.node()
        node.spawn("kernel_methods", "--name", "talker")
        node.run("call", "talker", "chatter")
        lines = node.run("logs", "talker").stdout.decode().splitlines()
        self.assertTrue(lines, "chatter writes to stderr")
        follower = subprocess.Popen([str(MYELIN), "logs", "-f", "talker", "--home", node.home], stdout=subprocess.PIPE, env=ENVIRONMENT)
        self.assertEqual(follower.stdout.readline().decode().rstrip("\n"), lines[0])
        node.run("rm", "talker")
        follower.wait(HANG_SECONDS)
        follower.stdout.close()

    def test_one_node_per_home(self):
        node = self.node()
        second = myelin("node", "--http", "127.0.0.1:0", home=node.home)
        self.assertEqual(second.returncode, error_code("conflict"))

    def test_an_identity_lasts(self):
        with tempfile.TemporaryDirectory() as home:
            os.chmod(home, 0o700)
            first = Node(home=home)
            peer, token = first.peer, first.token
            self.assertEqual(first.stop(), 0)
            self.assertFalse(pathlib.Path(home, "api").exists())
            second = Node(home=home)
            self.assertEqual((second.peer, second.token), (peer, token))
            self.assertEqual(second.stop(), 0)
            for name in ("key", "token"):
                self.assertEqual(stat.S_IMODE(pathlib.Path(home, name).stat().st_mode), 0o600, name)

    def test_the_first_signal_drains_and_the_second_ends(self):
        node = Node()
        node.spawn("spin", "--name", "spin")
        call = subprocess.Popen([str(MYELIN), "call", "spin", "spin", "--home", node.home], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT)
        while json.loads(node.run("inspect", "spin", "--json").stdout)["state"] != "busy":
            pass
        node.process.send_signal(signal.SIGTERM)
        while node.run("call", "spin", "ok").returncode == 0:
            pass  # until the drain has begun, new calls are taken and wait behind the spinner
        self.assertIsNone(node.process.poll(), "it waits for the call under way")
        node.process.send_signal(signal.SIGTERM)
        self.assertEqual(node.process.wait(HANG_SECONDS), 128 + signal.SIGTERM)
        call.wait(HANG_SECONDS)
        call.stderr.close()
        self.assertNotEqual(call.returncode, 0)
        node.stop()

    def test_flags_over_environment_over_file_over_default(self):
        def port_of(node):
            return int(node.listen[0].split("/")[4])

        def free_ports(count):
            sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
            ports = [one.getsockname()[1] for one in sockets]
            for one in sockets:
                one.close()
            return ports

        of_file, of_environment, of_flag = free_ports(3)
        address = "/ip4/127.0.0.1/tcp/{}".format
        with tempfile.TemporaryDirectory() as home:
            pathlib.Path(home, "config.yaml").write_text(f"listen: [{address(of_file)}]\n")
            environment = {"MYELIN_LISTEN": address(of_environment)}
            for flags, variables, port in (((), {}, of_file), ((), environment, of_environment), (("--listen", address(of_flag)), environment, of_flag)):
                node = Node(*flags, home=home, environment=variables, listen=False)
                self.assertEqual(port_of(node), port)
                self.assertEqual(node.stop(), 0)

    def test_processes_of_the_configuration(self):
        with tempfile.TemporaryDirectory() as home:
            os.chmod(home, 0o700)
            pathlib.Path(home, "config.yaml").write_text(f"processes:\n  - file: {GUESTS}/echo.wasm\n    name: echo\n")
            node = self.node(home=home)
            self.assertEqual(node.run("call", "echo", "echo", data=b"x").stdout, b"x")
            self.nodes.remove(node)
            self.assertEqual(node.stop(), 0)


class TwoNodes(NodeTest):
    def test_calls_cross(self):
        b = self.node()
        a = self.node("--peer", b.listen[0])
        b.spawn("echo", "--name", "echo", "--allow", a.peer)
        b.spawn("hash", "--name", "closed")
        self.assertEqual(a.run("call", f"{b.peer}/echo", "echo", data=b"across").stdout, b"across")
        self.assert_exit(a.run("call", f"{b.peer}/closed", "sha256"), "forbidden")
        self.assert_exit(a.run("call", f"{b.peer}/nobody", "echo"), "no_such_process")
        self.assert_exit(a.run("call", "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq/echo", "echo"), "unknown_peer")

    def test_calls_cross_over_ipv6_to_an_alias(self):
        b = self.node("--listen", "/ip6/::1/tcp/0")
        self.assertTrue(b.listen[0].startswith("/ip6/::1/tcp/"), b.listen)
        with tempfile.TemporaryDirectory() as home:
            pathlib.Path(home, "config.yaml").write_text(f"aliases:\n  bob: {b.peer}\nstatic_peers:\n  - {b.listen[0]}\n")
            a = self.node(home=home)
            b.spawn("echo", "--name", "echo", "--allow", a.peer)
            self.assertEqual(a.run("call", "bob/echo", "echo", data=b"over six").stdout, b"over six")
            self.assert_exit(a.run("call", "bib/echo", "echo"), "bad_request")
            self.nodes.remove(a)
            self.assertEqual(a.stop(), 0)

    def test_connect_ping_peers(self):
        a, b = self.node(), self.node()
        self.assert_exit(a.run("ping", b.peer, "--count", "1"), "unknown_peer")
        self.assertEqual(a.run("connect", b.listen[0]).returncode, 0)
        ping = a.run("ping", b.peer, "--count", "2")
        self.assertEqual((ping.returncode, ping.stdout.count(b" ms")), (0, 2))
        peers = json.loads(a.run("peers", "--json").stdout)["peers"]
        self.assertEqual([(peer["id"], peer["connected"]) for peer in peers], [(b.peer, True)])
        wrong = b.listen[0].replace(b.peer, "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq")
        self.assertNotEqual(a.run("connect", wrong).returncode, 0)


if __name__ == "__main__":
    unittest.main()
