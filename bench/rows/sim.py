"""The simulator: overlays of whole messages, and full stacks. No peer does the same; the bars are the figures themselves.

sim-overlay reads the large side of sim-flat's runs, so that ten of each fit."""
from rows.row import Row, Sample


class Flat(Row):
    id = "sim-flat"
    claim = "events/s at 10,000 nodes against 1,000: at least 0.5x"
    unit = "1/s"
    bar = 0.5
    warm_up = False
    same_check = False  # the sides are two sizes of one thing
    sides = ("ours", "small")

    def run(self, side, context):
        nodes = 10_000 if side == "ours" else 1_000
        return context.measure([context.program("bench_sim_overlay"), nodes, 50, 250])


class Overlay(Flat):
    id = "sim-overlay"
    claim = "HyParView and Plumtree on 10,000 simulated nodes, 50 cycles and 250 broadcasts: at least 500,000 events/s"
    bar = 500_000
    source = Flat.id
    sides = ("ours",)


class Hundred(Row):
    id = "sim-100k"
    claim = "100,000 nodes joined, 50 cycles and one broadcast: within 4 GiB"
    unit = "B"
    bar = 4 << 30
    more_is_better = False
    warm_up = False
    runs = 1

    def run(self, side, context):
        sample = context.measure([context.program("bench_sim_overlay"), 100_000, 50, 1], timeout=1800)
        return Sample(sample.peak, sample.check, sample.cpu, sample.peak)


class Stack(Row):
    id = "sim-stack"
    claim = "200 nodes, sessions over simulated TCP, HyParView and Plumtree, 1 KiB/s of broadcasts, 10 virtual minutes: at least 50x real time"
    unit = "x"
    bar = 50
    warm_up = False

    def run(self, side, context):
        return context.measure([context.program("bench_sim_stack"), 200, 600])


ROWS = [Flat(), Overlay(), Hundred(), Stack()]
