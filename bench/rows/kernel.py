"""Between guests of one node, and between a guest and its end: beside Erlang/OTP where it does the same."""
from rows.row import Row


class Programs(Row):
    """One program of ours, and the same claim of the Erlang module, each with its arguments."""
    unit = "1/s"
    command = ()
    erlang = None  # (claim, count)
    sides = ("ours", "erlang")

    def run(self, side, context):
        if side == "ours":
            return context.measure([context.program(self.command[0]), *self.command[1:]])
        folder = context.peer("bench.beam").parent
        return context.measure(["erl", "-noinput", "-pa", folder, "-s", "bench", "main", *self.erlang])


class Request(Programs):
    id = "request"
    claim = "guest to guest on one node, request and response, as many pairs as cores, each pair on one shard: at least 1.0x Erlang/OTP"
    bar = 1.0
    command = ("bench_messages", "request", 1_000_000)
    erlang = ("request", 1_000_000)


class RequestCross(Programs):
    id = "request-cross"
    claim = "the same with the two of every pair on different shards (Erlang: schedulers)"
    command = ("bench_messages", "cross", 200_000)
    erlang = ("cross", 200_000)


class Ring(Programs):
    id = "ring"
    claim = "one token round 1,000 guests of one shard: at least 0.5x Erlang/OTP"
    bar = 0.5
    command = ("bench_messages", "ring", 1_000_000)
    erlang = ("ring", 1_000_000)


class ManyToOne(Programs):
    id = "many-to-one"
    claim = "4 senders, one receiver, one-way: at least 0.5x Erlang/OTP"
    bar = 0.5
    command = ("bench_messages", "many", 500_000)
    erlang = ("many", 500_000)


class Spawn(Programs):
    id = "spawn"
    claim = "spawn, first reply and exit of a one-page guest from a cached module, through the public C++ API: at least 0.2x Erlang's spawn and exit"
    bar = 0.2
    command = ("bench_spawn", 100_000)
    erlang = ("spawn", 500_000)
    same_check = False  # rates; the counts differ so that each lasts about as long


class Kill(Programs):
    id = "kill"
    claim = "an endless loop with at most 32 MiB of memory is gone 10 ms after the command (the slowest of 10)"
    unit = "s"
    bar = 0.010
    more_is_better = False
    sides = ("ours",)
    command = ("bench_kill", 10)


class Bystander(Programs):
    id = "bystander"
    claim = "p99 of an echo guest beside 8 guests that spin, minus its p99 without them: at most 200 µs"
    unit = "s"
    bar = 200e-6
    more_is_better = False
    sides = ("ours",)
    command = ("bench_bystander", "spin", 2000)


class BystanderChase(Bystander):
    id = "bystander-chase"
    claim = "the same beside 8 guests that chase pointers through 32 MiB"
    bar = None
    command = ("bench_bystander", "chase", 1000)


class BystanderFill(Bystander):
    id = "bystander-fill"
    claim = "the same beside 8 guests that fill 32 MiB in bulk"
    bar = None
    command = ("bench_bystander", "fill", 300)


ROWS = [Request(), RequestCross(), Ring(), ManyToOne(), Spawn(), Kill(), Bystander(), BystanderChase(), BystanderFill()]
