"""Messages over the session wire: two programs over the public Runtime, beside a bare loop in Go without any runtime on the same wire (W3)."""
from rows.row import Row, Server


class Session(Row):
    sides = ("ours", "bare loop")
    unit = "1/s"
    arguments = ()

    def program(self, side, context):
        return context.program("bench_spr_session") if side == "ours" else context.peer("go-spr")

    def run(self, side, context):
        program = self.program(side, context)
        server = context.serve(Server([program, "serve"], ready=True))
        before = server.seconds()
        command, *rest = self.arguments
        sample = context.measure([program, command, server.line.strip(), *rest])
        sample.cpu += server.seconds() - before
        sample.peak += server.peak()
        context.stop(server)
        return sample


class OneWay(Session):
    id = "spr-oneway"
    claim = "messages of 8 bytes one way, TCP, two programs: at least 0.2x the bare loop"
    bar = 0.2
    arguments = ("oneway", 4_000_000, 8)


class OneWayLarge(Session):
    id = "spr-oneway-1k"
    claim = "messages of 1 KiB one way: at least 0.5x the bare loop"
    bar = 0.5
    arguments = ("oneway", 1_000_000, 1024)


class Window(Session):
    id = "spr-window64"
    claim = "round trips with 64 outstanding: at least 0.4x the bare loop"
    bar = 0.4
    arguments = ("window", 1_000_000, 64)


class RoundTrip(Session):
    id = "spr-rtt"
    claim = "a round trip with one outstanding: at most 1.2x the bare loop's time"
    unit = "s"
    bar = 1.2
    more_is_better = False
    arguments = ("rtt", 30_000)


class Burst(Session):
    id = "spr-burst"
    claim = "a burst of 1,000,000 Pings is answered in full (both sides count the Pongs); Pongs a second"
    arguments = ("burst", 1_000_000)


ROWS = [OneWay(), OneWayLarge(), Window(), RoundTrip(), Burst()]
