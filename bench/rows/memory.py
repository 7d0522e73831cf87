"""What a live guest costs that waits for its next message."""
from rows.row import Row


class Idle(Row):
    unit = "B"
    more_is_better = False
    warm_up = False
    preset, count = "", 0

    def run(self, side, context):
        return context.measure([context.program("bench_idle"), self.preset, self.count])


class IdleDense(Idle):
    id = "idle-dense"
    claim = "each of 100,000 live one-page guests in the dense preset, page tables and kernel memory counted: at most 24,576 B"
    bar = 24_576
    preset, count = "dense", 100_000


class IdleGuarded(Idle):
    id = "idle-guarded"
    claim = "each of 10,000 in the guarded preset: at most 40,960 B"
    bar = 40_960
    preset, count = "guarded", 10_000


ROWS = [IdleDense(), IdleGuarded()]
