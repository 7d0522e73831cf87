#!/usr/bin/env python3
"""The matrix of real peers: {js, go, rust} x {they dial, we dial} x cases, and a guest called as a reference client calls it.

One line per cell; the last line counts. Called by run.sh, which installs the peers. MYELIN_INTEROP_PATIENCE multiplies every limit
of time, for machines that are busy."""
import argparse
import hashlib
import os
import pathlib
import queue
import random
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = float(os.environ.get("MYELIN_INTEROP_PATIENCE", "1"))
CASES = {  # the limit of each in seconds: what takes this long hangs
    "ping": 30, "identify": 30, "echo": 120, "streams": 120, "halfclose": 30, "reset": 40, "slow": 60,
}
KILL_SECONDS = 10    # until a killed peer is missed
FROZEN_SECONDS = 27  # until a peer that is silent is missed by us: keep-alive interval 15 and timeout 10, and some


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


class Program:
    """One run of a peer; its lines come through a queue, so that waiting for one has a limit."""

    def __init__(self, command, *arguments):
        self.process = subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.lines, self.said, self.errors = queue.Queue(), [], []
        self.readers = [threading.Thread(target=self._read_lines, daemon=True), threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read_lines(self):
        for line in self.process.stdout:
            self.said.append(line.strip())
            self.lines.put(line.strip())
        self.lines.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.strip())

    def line(self, seconds, what):
        try:
            line = self.lines.get(timeout=seconds * PATIENCE)
        except queue.Empty:
            raise Failure(f"no {what} within {seconds * PATIENCE:.0f} s") from None
        check(line is not None, f"ended before {what}: {self.why()}")
        return line

    def expect(self, wanted, seconds):
        line = self.line(seconds, wanted)
        check(line == wanted, f"{line!r} in place of {wanted!r}")

    def end(self, seconds):
        """Waits for its good end."""
        try:
            code = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"hangs: no end within {seconds * PATIENCE:.0f} s; {self.why()}") from None
        for reader in self.readers:
            reader.join(5)
        check(code == 0, f"exit code {code}: {self.why()}")
        return " ".join(self.said)

    def why(self):
        return " | ".join((self.errors or self.said)[-3:])

    def send_signal(self, number):
        self.process.send_signal(number)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Listener(Program):
    def __init__(self, command, verb="listen"):
        super().__init__(command, *([verb] if verb else []))
        try:
            self.address = self.line(30, "address")
        except Failure:
            self.close()
            raise


class Report:
    def __init__(self):
        self.passed, self.failed, self.lock = 0, 0, threading.Lock()

    def cell(self, language, direction, name, run):
        """Runs one cell and prints its line; `run` gives a remark or raises."""
        begin = time.monotonic()
        try:
            remark, passed = run() or "", True
        except Failure as failure:
            remark, passed = str(failure), False
        except Exception as error:  # of the harness or the system: loud as well
            remark, passed = f"{type(error).__name__}: {error}", False
        seconds = time.monotonic() - begin
        with self.lock:
            self.passed += passed
            self.failed += not passed
            print(f"{'ok  ' if passed else 'FAIL'}  {language:<5} {direction:<10} {name:<20} {seconds:7.2f} s  {remark}", flush=True)


def dial(command, address, case, seconds, verb="dial", more=()):
    with Program(command, verb, address, *([case] if case else []), *more) as program:
        return program.end(seconds)


def failures(command, address):
    return int(dial(command, address, "failed", 30))


def killed_listener(dialer, listener):
    """A listener is killed under its dialer, which is to notice."""
    with Listener(listener) as victim, Program(dialer, "dial", victim.address, "kill") as witness:
        witness.expect("held", 30)
        begin = time.monotonic()
        victim.send_signal(signal.SIGKILL)
        witness.expect("lost", KILL_SECONDS)
        remark = f"noticed after {time.monotonic() - begin:.2f} s"
        witness.end(30)
        return remark


def killed_dialer(dialer, listener):
    """A dialer with ten streams is killed; the listener is to notice all ten and to go on."""
    with Listener(listener) as witness:
        with Program(dialer, "dial", witness.address, "hold") as victim:
            victim.expect("held", 30)
            victim.send_signal(signal.SIGKILL)
        return until_failed(dialer, witness.address, 10, KILL_SECONDS)


def until_failed(dialer, address, count, seconds):
    begin = time.monotonic()
    while True:
        broken = failures(dialer, address)
        elapsed = time.monotonic() - begin
        if broken == count:
            return f"noticed after {elapsed:.2f} s"
        check(broken < count, f"{broken} broken streams, not {count}")
        check(elapsed < seconds * PATIENCE, f"{broken} of {count} broken streams noticed within {seconds * PATIENCE:.0f} s")
        time.sleep(0.1)


def frozen_listener(ours, theirs):
    """Their listener stops answering while its connection stands; we, who dialled, are to notice."""
    with Listener(theirs) as victim, Program(ours, "dial", victim.address, "kill") as witness:
        witness.expect("held", 30)
        begin = time.monotonic()
        victim.send_signal(signal.SIGSTOP)
        witness.expect("lost", FROZEN_SECONDS)
        remark = f"noticed after {time.monotonic() - begin:.1f} s"
        witness.end(60)
        return remark


def frozen_dialer(ours, theirs):
    """Their dialer with ten streams stops answering; we, who listen, are to notice."""
    with Listener(ours) as witness, Program(theirs, "dial", witness.address, "hold") as victim:
        victim.expect("held", 30)
        victim.send_signal(signal.SIGSTOP)
        return until_failed(ours, witness.address, 10, FROZEN_SECONDS)


def matrix(report, ours, language, theirs):
    for direction, dialer, listener in (("they dial", theirs, ours), ("we dial", ours, theirs)):
        try:
            served = Listener(listener)
        except Failure as failure:
            for case in CASES:
                report.cell(language, direction, case, lambda why=str(failure): check(False, f"the listener: {why}"))
            continue
        with served:
            for case, seconds in CASES.items():
                report.cell(language, direction, case, lambda c=case, s=seconds: dial(dialer, served.address, c, s))
        report.cell(language, direction, "killed listener", lambda d=dialer, l=listener: killed_listener(d, l))
        report.cell(language, direction, "killed dialer", lambda d=dialer, l=listener: killed_dialer(d, l))


def muxer_negotiation(report, ours, go):
    """go-libp2p says whether the muxer came with the Noise handshake: it does, unless we leave it to multistream."""
    plain = [*ours, "--no-early-muxer"]

    def says(listener, dialer, early):
        with Listener(listener) as served:
            told = dial(dialer, served.address, "ping", 30)
        wanted = f"early muxer: {'true' if early else 'false'}"
        check(wanted in told, f"{told!r} does not say {wanted!r}")
        return wanted

    report.cell("go", "they dial", "early muxer", lambda: says(ours, go, True))
    report.cell("go", "they dial", "muxer by multistream", lambda: says(plain, go, False))

    def pings(listener, dialer):
        with Listener(listener) as served:
            return dial(dialer, served.address, "ping", 30)

    report.cell("go", "we dial", "muxer by multistream", lambda: pings(go, plain))
    return pings, plain


def frozen(report, ours, peers):
    """Waiting, nearly all of it: so all at once."""
    threads = []
    for language, theirs in peers.items():
        for direction, name, run in (("they dial", "frozen dialer", frozen_dialer), ("we dial", "frozen listener", frozen_listener)):
            cell = (language, direction, name, lambda r=run, t=theirs: r(ours, t))
            threads.append(threading.Thread(target=report.cell, args=cell))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def call(go, address, path, message):
    run = subprocess.run([*go, "call", address, path], input=message, capture_output=True, timeout=90 * PATIENCE)
    return run.returncode, run.stdout, run.stderr.decode(errors="replace").strip()


def base58(data):
    alphabet, number, text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = alphabet[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def reference_client(report, build, go):
    """A go-libp2p program that knows only the path calls a guest of a running node."""
    os.environ["MYELIN_E2E_BUILD"] = str(build)
    sys.path.insert(0, str(HERE.parent / "e2e"))
    from harness import Node

    def cell(name, run):
        report.cell("go", "guest", name, run)

    try:
        node = Node()
    except Exception as error:
        cell("node", lambda why=error: check(False, f"no node: {why}"))
        return
    try:
        pid, private = node.spawn("echo", "--allow", "anyone"), node.spawn("echo")
        address = next(a for a in node.listen if "/tcp/" in a)
        address = address if "/p2p/" in address else f"{address}/p2p/{node.peer}"
        other = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"

        def answers(message, method="echo", wanted=None):
            code, answer, errors = call(go, address, f"/ww/0.1.0/{node.peer}/{pid}/{method}", message)
            check(code == 0, f"exit code {code}: {errors}")
            wanted = message if wanted is None else wanted
            check(answer == wanted, f"{len(answer)} bytes, sha256 {hashlib.sha256(answer).hexdigest()}, not the {len(wanted)} wanted")
            return f"{len(answer)} bytes"

        def refused(path):
            code, answer, errors = call(go, address, path, b"x")
            check(code == 3, f"exit code {code}, {len(answer)} bytes, {errors}")
            return "na"

        cell("echo, 15 bytes", lambda: answers(b"Hello, Wetware!"))
        cell("echo, empty", lambda: answers(b""))
        cell("echo, 16 MiB", lambda: answers(random.randbytes(16 << 20)))
        cell("another method", lambda: answers(b"Hello", "shout", b"HELLO"))
        unknown = base58(bytes(range(1, 21)))
        for name, path in {
            "unknown process": f"/ww/0.1.0/{node.peer}/{unknown}/echo",
            "unknown method": f"/ww/0.1.0/{node.peer}/{pid}/nope",
            "_initialize": f"/ww/0.1.0/{node.peer}/{pid}/_initialize",
            "malloc": f"/ww/0.1.0/{node.peer}/{pid}/malloc",
            "another node": f"/ww/0.1.0/{other}/{pid}/echo",
            "no method": f"/ww/0.1.0/{node.peer}/{pid}",
            "another version": f"/ww/0.1.00/{node.peer}/{pid}/echo",
        }.items():
            cell(name, lambda p=path: refused(p))

        def fails(path):
            code, answer, errors = call(go, address, path, b"x")
            check(code != 0 and not answer, f"exit code {code}, answer {answer!r}")
            return "na" if code == 3 else errors

        # What exists but does not admit the caller ends in a reset; so does the advertised name, which go-libp2p does not wait for.
        cell("not admitted", lambda: fails(f"/ww/0.1.0/{node.peer}/{private}/echo"))
        cell("prefix alone", lambda: fails("/ww/0.1.0"))
        cell("echo after all that", lambda: answers(b"still there"))
    finally:
        node.stop()


def told(line):
    """What interop_spr says of its run, as numbers by name."""
    words = line.split(" last error ")[0].replace("given up", "given_up").split()
    return dict(zip(words[::2], map(int, words[1::2])))


def session_cross(ours, go, wire, count):
    """Both dial at once, and the other behaves as the original programs: two connections, one session here."""
    with Program(ours, "cross", wire, str(count)) as we:
        address = we.line(30, "address")
        with Program(go, "cross", address, wire, str(count)) as they:
            theirs = they.line(30, "address")
            for program, line in ((we, theirs), (they, "go")):
                program.process.stdin.write(line + "\n")
                program.process.stdin.flush()
            they.expect(f"{count} pongs, 2 connections", 60)
            line = we.line(60, "tally")
            tally = told(line)
            check(tally["sessions"] == 1 and tally["ends"] == 1 and tally["pongs"] == count, line)
            we.end(30)
            they.process.stdin.close()
            they.end(30)
    return "one session, one end"


def session_silent(ours, go):
    """A peer that accepts and never says Ack: each try has its time, and the last is told."""
    with Listener([*go, "silent"], verb=None) as silent:
        line = dial(ours, silent.address, "w0", 60, verb="dial", more=["2"])
        tally = told(line)
        check(tally["failures"] == 2 and tally["given_up"] == 1 and tally["sessions"] == 0 and line.endswith("timeout"), line)
        for _ in range(2):
            silent.expect("connection", 10)
    return "given up after 2"


def session_wire(report, ours, go):
    """The wire of the Simple Protocol Runtime against an independent peer in Go: both generations, both directions."""
    def burst(program, address, wire, count, verb):
        line = dial(program, address, wire, 120, verb=verb, more=[str(count)])
        if verb == "burst":
            tally = told(line)
            check(tally["sessions"] == 1 and tally["pongs"] == count and tally["refused"] == 0, line)
        else:
            check(line.startswith(f"{count} pongs"), line)
        return f"{count} answered"

    with Listener([*go, "listen"], verb=None) as theirs, Listener([*ours, "listen"], verb=None) as we:
        for wire in ("w0", "w3"):
            for count in (10, 100, 2_000, 1_000_000):
                report.cell("spr", "they dial", f"{wire} burst {count}", lambda w=wire, n=count: burst(go, we.address, w, n, "dial"))
                report.cell("spr", "we dial", f"{wire} burst {count}", lambda w=wire, n=count: burst(ours, theirs.address, w, n, "burst"))
            report.cell("spr", "both dial", f"{wire} crossing", lambda w=wire: session_cross(ours, go, w, 500))
        report.cell("spr", "they dial", "hostile bytes", lambda: dial(go, we.address, None, 120, verb="garbage"))
        report.cell("spr", "they dial", "and after them", lambda: burst(go, we.address, "w3", 100, "dial"))
        we.process.stdin.close()
        report.cell("spr", "they dial", "no Pong refused", lambda: we.end(60) and "")
    with Listener([*go, "reject"], verb=None) as rejecting:
        report.cell("spr", "we dial", "W0 rejected, W3", lambda: burst(ours, rejecting.address, "w0", 2_000, "burst"))
    report.cell("spr", "we dial", "never an Ack", lambda: session_silent(ours, go))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    for language in ("js", "go", "rust"):
        parser.add_argument(f"--{language}", help="the peer's command")
    parser.add_argument("--spr", help="the command of the peer of the session wire")
    parser.add_argument("--ours", help="our peer's command (default: BUILD/bin/interop_peer)")
    parser.add_argument("--only", default="", help="comma-separated: js, go, rust, frozen, guest, spr")
    options = parser.parse_args()
    ours = (options.ours or str(options.build / "bin" / "interop_peer")).split()
    peers = {language: getattr(options, language).split() for language in ("js", "go", "rust") if getattr(options, language)}
    chosen = set(filter(None, options.only.split(","))) or {"js", "go", "rust", "frozen", "guest", "spr"}
    missing = chosen & {"js", "go", "rust"} - set(peers)
    if missing:
        sys.exit(f"error: no command for {', '.join(sorted(missing))}")
    report = Report()
    begin = time.monotonic()
    for language, theirs in peers.items():
        if language in chosen:
            matrix(report, ours, language, theirs)
    if "go" in chosen:
        pings, plain = muxer_negotiation(report, ours, peers["go"])
        if "js" in chosen:
            report.cell("js", "they dial", "muxer by multistream", lambda: pings(plain, peers["js"]))
            report.cell("js", "we dial", "muxer by multistream", lambda: pings(peers["js"], plain))
    if "frozen" in chosen:
        frozen(report, ours, {language: theirs for language, theirs in peers.items() if language in chosen})
    if "spr" in chosen:
        if not options.spr:
            sys.exit("error: no command for spr")
        session_wire(report, [str(options.build / "bin" / "interop_spr")], options.spr.split())
    if "guest" in chosen:
        reference_client(report, options.build, peers["go"])
    print(f"{time.monotonic() - begin:.0f} s")
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
