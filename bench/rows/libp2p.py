"""Bytes over TCP, Noise and yamux between two programs, ours and go-libp2p's."""
from rows.row import Row, Sample, Server

BYTES = 2 << 30


class OneWay(Row):
    id = "libp2p-oneway"
    claim = "2 GiB on one stream, TCP + Noise + yamux, two programs: at least 1.1x the best of go-libp2p with GOMAXPROCS 1 and 2"
    unit = "B/s"
    bar = 1.1
    command, amount = "oneway", BYTES
    sides = ("ours", "go, 1 thread", "go, 2 threads")

    def run(self, side, context):
        if side == "ours":
            program, environment = context.program("bench_stream"), {}
        else:
            program, environment = context.peer("go-stream"), {"GOMAXPROCS": side.split()[1]}
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


ROWS = [OneWay(), Cpu(), Echo(), Requests()]
