"""Bytes over TCP, Noise and yamux between two programs, ours, go-libp2p's and rust-libp2p's, and what a connection costs that does nothing."""
import pathlib
import resource
import time

from rows.row import Failure, Row, Sample, Server

BYTES = 2 << 30
PEERS = ("go, 1 thread", "go, 2 threads", "rust, 1 thread", "rust, 2 threads")


def program_of(side, context):
    """The program of a side, and the environment that gives it its threads."""
    if side == "ours":
        return context.program("bench_stream"), {}
    name, threads = side.split(", ")
    if name == "go":
        return context.peer("go-stream"), {"GOMAXPROCS": threads.split()[0]}
    return context.peer("rust-stream"), {"TOKIO_WORKER_THREADS": threads.split()[0]}


def resident(server):
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise Failure("a listener has ended")


class OneWay(Row):
    id = "libp2p-oneway"
    claim = "2 GiB on one stream, TCP + Noise + yamux, two programs: at least 1.1x the best of go-libp2p and rust-libp2p, each on one thread and on two"
    unit = "B/s"
    bar = 1.1
    command, amount = "oneway", BYTES
    sides = ("ours", *PEERS)

    def run(self, side, context):
        program, environment = program_of(side, context)
        server = context.serve(Server([program, "listen"], ready=True, environment=environment))
        before = server.seconds()
        sample = context.measure([program, self.command, server.line.strip(), self.amount], environment=environment)
        sample.cpu += server.seconds() - before
        sample.peak += server.peak()
        context.stop(server)
        return sample


class Cpu(OneWay):
    """The same runs, seen from the processor's side."""
    id = "libp2p-cpu"
    claim = "processor time of both programs for 1 GiB of that: at most 0.8x the best of them"
    unit = "s"
    bar = 0.8
    more_is_better = False
    source = OneWay.id

    def derive(self, sample):
        return Sample(sample.cpu / (BYTES / (1 << 30)), sample.check, sample.cpu, sample.peak)


class Echo(OneWay):
    id = "libp2p-echo"
    claim = "1 GiB on one stream and back at once: at least 1.1x the best of them"
    command, amount = "echo", 1 << 30


class Requests(OneWay):
    id = "libp2p-requests"
    claim = "a new stream for each request of 1 KiB, 64 in flight: at least 2x the best of them"
    unit = "1/s"
    bar = 2.0
    command, amount = "requests", 20_000


class Memory(Row):
    """The growth of a listener's resident memory. Our program dials both; what the kernel keeps for a socket is in neither figure."""
    id = "libp2p-memory"
    claim = "resident memory of each of 3,000 idle inbound connections after identify, without the kernel's: at most what rust-libp2p takes"
    unit = "B"
    bar = 1.0
    more_is_better = False
    warm_up = False
    sides = ("ours", "rust, 1 thread", "rust, 2 threads")
    first, count = 500, 3_000  # growth from `first` on, so that what a program takes once is not in it
    settle_seconds = 1.0

    def setup(self, context):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.first + self.count + 100
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise Failure(f"{wanted} file descriptors are needed, {hard} allowed")
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    def run(self, side, context):
        program, environment = program_of(side, context)
        listener = context.serve(Server([program, "listen"], ready=True, environment=environment))
        before = listener.seconds()
        sizes, dialers = [], []
        for count in (self.first, self.count):
            dialer = context.serve(Server([context.program("bench_stream"), "idle", listener.line.strip(), count], ready=True))
            if dialer.line.strip() != str(count):
                raise Failure("not all connections came about")
            dialers.append(dialer)
            time.sleep(self.settle_seconds)  # the listener's own question to the last of them is answered
            sizes.append(resident(listener))
        sample = Sample((sizes[1] - sizes[0]) / self.count, str(self.count), listener.seconds() - before, listener.peak())
        for server in (*dialers, listener):
            context.stop(server)
        return sample


ROWS = [OneWay(), Cpu(), Echo(), Requests(), Memory()]
