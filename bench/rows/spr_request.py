"""Between native protocols of one runtime."""
from rows.row import Row


class SprRequest(Row):
    """The program measures both in turns, in blocks, and gives the difference of the medians."""
    id = "spr-request"
    claim = "request and reply between two protocols of one node and thread, less two hops of the same bytes through a ring buffer: at most 0.25 us"
    unit = "s"
    bar = 0.25e-6
    more_is_better = False

    def run(self, side, context):
        return context.measure([context.program("bench_spr_request"), 2_000_000])


ROWS = [SprRequest()]
