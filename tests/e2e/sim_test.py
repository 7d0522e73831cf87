#!/usr/bin/env python3
"""`myelin sim` as a person runs it: scenario files, seeds, outputs, failing runs made short, and real processes."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import GUESTS, HANG_SECONDS, MYELIN, SOURCE, error_code, myelin

SCENARIOS = SOURCE / "tests/scenarios"


def sim(*arguments):
    return myelin("sim", *arguments)


def children_of(parent):
    """Process ID and state of each child."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.read_text().split(" ", 1)
        except OSError:  # it has ended
            continue
        state, ppid = rest[rest.rindex(")") + 2 :].split()[:2]
        if int(ppid) == parent:
            found.append((int(pid), state))
    return found


class Sim(unittest.TestCase):
    def test_a_scenario_holds_and_is_the_same_again(self):
        with tempfile.TemporaryDirectory() as folder:
            traces = [pathlib.Path(folder, f"{i}.jsonl") for i in range(2)]
            outputs = []
            for trace in traces:
                run = sim(SCENARIOS / "gossip.yaml", "--trace", trace, "--csv", f"{folder}/m.csv", "--plot", f"{folder}/plots", "--json")
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
                outputs.append(json.loads(run.stdout))
            self.assertEqual(outputs[0], outputs[1])
            self.assertEqual(outputs[0]["least_reliability"], 1)
            self.assertEqual(traces[0].read_bytes(), traces[1].read_bytes())
            lines = traces[0].read_text().splitlines()
            self.assertEqual(json.loads(lines[0])["format"], "protoviz/1")
            self.assertLessEqual({"meta", "node", "session", "deliver", "fault"}, {json.loads(line)["kind"] for line in lines})
            self.assertEqual(pathlib.Path(folder, "m.csv").read_text().count("\n"), 13)
            self.assertTrue(pathlib.Path(folder, "plots/messages-per-cycle.svg").read_text().startswith("<svg"))

    def test_another_seed_and_other_sizes_are_other_runs(self):
        runs = [json.loads(sim(SCENARIOS / "gossip.yaml", "--json", *more).stdout) for more in ([], ["--seed", 2], ["--nodes", 30])]
        self.assertEqual(len({run["steps"] for run in runs}), 3)
        self.assertEqual(runs[2]["nodes"], 30)

    def test_a_failing_run_is_made_short_and_its_command_replays_it(self):
        run = sim(SCENARIOS / "failing.yaml", "--runs", 10, "--json")
        self.assertEqual(run.returncode, 1, run.stderr)
        verdict = json.loads(run.stdout)
        self.assertIn("reliability_at_least", verdict["failure"])
        self.assertIn("/nodes=", verdict["case"])
        self.assertTrue(verdict["replay"].endswith("--seed " + verdict["case"]), verdict)
        again = sim(SCENARIOS / "failing.yaml", "--seed", verdict["case"], "--json")
        self.assertEqual(again.returncode, 1)
        self.assertLess(json.loads(again.stdout)["nodes"], 20)

    def test_full_stack(self):
        run = sim(SCENARIOS / "stack.yaml", "--json")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(json.loads(run.stdout)["live"], 11)

    def test_guests_on_whole_nodes(self):
        with tempfile.TemporaryDirectory() as folder:
            scenario = shutil.copy(SCENARIOS / "guests.yaml", folder)
            lost = sim(scenario)
            self.assertEqual(lost.returncode, error_code("bad_request"))
            self.assertIn(b"kernel_mailbox.wasm: No such file", lost.stderr)
            shutil.copy(GUESTS / "kernel_mailbox.wasm", folder)
            traces = [pathlib.Path(folder, f"{i}.jsonl") for i in range(2)]
            runs = [sim(scenario, "--json", "--trace", trace) for trace in traces]
            for run in runs:
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            result = json.loads(runs[0].stdout)
            self.assertEqual((result["live"], result["broadcasts"], result["least_reliability"]), (6, 6, 1))
            self.assertEqual(result["process_messages"], 25)  # 6 + 6 + 1 answers; 6 messages to protocols, and 6 answers for them
            self.assertEqual(traces[0].read_bytes(), traces[1].read_bytes())
            self.assertIn('"kind":"process"', traces[0].read_text())
            real = sim(scenario, "--real")
            self.assertEqual(real.returncode, error_code("unsupported"))

    def test_real_processes(self):
        run = sim(SCENARIOS / "real.yaml", "--real", "--json")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        result = json.loads(run.stdout)
        self.assertEqual((result["nodes"], result["live"], result["broadcasts"]), (4, 3, 5))
        self.assertEqual(result["least_reliability"], 1)

    def test_real_processes_are_slow_and_come_and_go(self):
        states, pids = set(), set()
        with subprocess.Popen([MYELIN, "sim", SCENARIOS / "real_faults.yaml", "--real", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            deadline = time.monotonic() + HANG_SECONDS
            while run.poll() is None:
                if time.monotonic() > deadline:
                    run.kill()
                for pid, state in children_of(run.pid):
                    pids.add(pid)
                    states.add(state)
                time.sleep(0.01)
            out, err = run.communicate()
        self.assertEqual(run.returncode, 0, out + err)
        result = json.loads(out)
        self.assertEqual((result["nodes"], result["live"], result["broadcasts"], result["refused"]), (5, 5, 6, 0))
        self.assertEqual(result["least_reliability"], 1)
        self.assertIn("T", states, "no node was ever stopped")
        self.assertEqual(len(pids), 5 + 3, "three went, and three came")
        self.assertEqual(err, b"myelin: not checked on real processes: connected\n")

    def test_real_processes_refuse_what_only_a_simulated_network_does(self):
        text = "nodes: 2\nprotocols: [flood]\n"
        for more, place in {
            "latency: 20ms\n": "3:1: real processes cannot have 'latency'",
            "noise: {loss: 0.1}\n": "3:1: real processes cannot have 'noise'",
            "faults:\n  - {at: 1s, crash: '0'}\n  - {at: 1s, partition: {nodes: '0'}}\n": "5:14: real processes cannot have 'partition'",
            "faults: [{noise: {loss: 1}, at: 1s}]\n": "3:11: real processes cannot have 'noise'",
        }.items():
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(text + more)
                file.flush()
                run = sim(file.name, "--real")
                self.assertEqual(run.returncode, error_code("unsupported"))
                self.assertIn(place.encode(), run.stderr)
                self.assertEqual(run.stdout, b"")

    def test_bad_files_name_the_place(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("nodes: 3\nprotocols: [flood]\nfalts: []\n")
            file.flush()
            run = sim(file.name)
            self.assertEqual(run.returncode, error_code("bad_request"))
            self.assertIn(b":3:1: unknown key 'falts'", run.stderr)
        self.assertEqual(sim("/nowhere.yaml").returncode, error_code("io"))
        self.assertEqual(sim(SCENARIOS / "gossip.yaml", "--seed", "x").returncode, error_code("bad_request"))


if __name__ == "__main__":
    unittest.main()
