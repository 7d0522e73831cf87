#!/usr/bin/env python3
"""Runs the rows: each claim beside its peer, the same work on both sides, interleaved; prints the table, writes build/bench.json.

    bench/run.py --build BUILD [--row ID] [--runs N]

A row is a class in bench/rows/ (see rows/row.py). One run of a row is one run of each of its sides, one after another, so that
what changes on the machine changes for all of them. The figure is the median of 10 such runs, the spread the distance between
the quartiles over the median. Processor time (user and system, of everything that a side starts) and peak memory stand beside it.

A run is disturbed if other programs used more than a twentieth of the machine while it lasted, by the kernel's own account
(/proc/stat minus what the run's processes used). Such a run is thrown away and repeated, as often as the row's runs again; if
the machine does not become quiet, what there is is taken, and the table says that it is disturbed.
"""
import argparse
import importlib
import json
import os
import pathlib
import platform
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from rows.row import Context, Failure  # noqa: E402

DISTURBED_SHARE = 0.05
MODULES = ("http", "kernel", "memory", "libp2p", "glia", "cold", "spr_request", "spr", "sim")
TICK = os.sysconf("SC_CLK_TCK")


def busy_seconds():
    """Processor seconds that the whole machine has used, stolen ones included."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, open("/proc/stat").readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


def own_seconds():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Quiet:
    """How much of the machine others used while a run lasted."""

    def __init__(self, context):
        self.context = context
        self.begin = (time.monotonic(), busy_seconds(), own_seconds() + context.server_seconds())

    def others(self):
        began, busy, own = self.begin
        wall = time.monotonic() - began
        others = (busy_seconds() - busy) - (own_seconds() + self.context.server_seconds() - own)
        return max(0.0, others) / (wall * os.cpu_count()) if wall > 0 else 0.0


def run_row(row, context, runs):
    """The samples of each side, and the share of the machine that others used in the runs that were kept."""
    samples = {side: [] for side in row.sides}
    shares, spare, repeated = [], runs, 0
    row.setup(context)
    try:
        for side in row.sides if row.warm_up else ():
            row.run(side, context)
        while len(shares) < runs:
            quiet = Quiet(context)
            taken = {side: row.run(side, context) for side in row.sides}
            share = quiet.others()
            if share > DISTURBED_SHARE and spare > 0:
                spare -= 1
                repeated += 1
                continue
            checks = {side: sample.check for side, sample in taken.items()}
            if row.same_check and len(set(checks.values())) != 1:
                raise Failure(f"the sides did not do the same work: {checks}")
            for side, sample in taken.items():
                samples[side].append(sample)
            shares.append(share)
    finally:
        row.teardown(context)
    return samples, statistics.median(shares), repeated


def spread_of(values):
    if len(values) < 2 or statistics.median(values) == 0:
        return 0.0
    quartiles = statistics.quantiles(values, n=4)
    return (quartiles[2] - quartiles[0]) / abs(statistics.median(values))


def summary(row, samples, share, repeated, runs):
    """The best peer is the one that counts; the row is measured against it."""
    figures = {side: statistics.median(s.value for s in taken) for side, taken in samples.items()}
    ours = figures["ours"]
    peers = {side: value for side, value in figures.items() if side != "ours"}
    best = (max if row.more_is_better else min)(peers, key=peers.get) if peers else None
    peer = peers[best] if best else None
    ratio = ours / peer if best else None
    measured = ratio if best else ours
    holds = None
    if row.bar is not None:
        holds = measured >= row.bar if row.more_is_better else measured <= row.bar
    result = {
        "id": row.id, "claim": row.claim, "unit": row.unit, "ours": ours, "peer": peer, "ratio": ratio, "bar": row.bar, "holds": holds,
        "spread": spread_of([s.value for s in samples["ours"]]),
        "peer_name": best, "runs": runs, "repeated": repeated, "others": round(share, 3), "disturbed": share > DISTURBED_SHARE,
        "sides": {side: {"value": figures[side], "spread": spread_of([s.value for s in taken]),
                         "cpu": statistics.median(s.cpu for s in taken), "peak": statistics.median(s.peak for s in taken)}
                  for side, taken in samples.items()},
    }
    return result


def human(value, unit):
    if value is None:
        return "-"
    if unit == "s":
        if abs(value) < 1e-6:
            return f"{value * 1e9:.0f} ns"
        return f"{value * 1e6:.0f} µs" if abs(value) < 1e-3 else f"{value * 1e3:.2f} ms" if abs(value) < 1 else f"{value:.2f} s"
    if unit == "B":
        return f"{value / 1024:.1f} KiB" if value >= 10240 else f"{value:.0f} B"
    if unit == "B/s":
        return f"{value / 1e6:.0f} MB/s"
    if unit == "x":
        return f"{value:.0f}x"
    return f"{value:,.0f}/s"


def print_row(r):
    bar = "shown" if r["bar"] is None else (f"{r['bar']:g}x" if r["peer"] is not None else human(r["bar"], r["unit"]))
    verdict = {None: "", True: "holds", False: "MISSED"}[r["holds"]]
    notes = []
    if r["disturbed"]:
        notes.append(f"DISTURBED: others used {r['others']:.0%}")
    if r["repeated"]:
        notes.append(f"{r['repeated']} repeated")
    ratio = f"{r['ratio']:.2f}x" if r["ratio"] is not None else "-"
    print(f"{r['id']:16} {human(r['ours'], r['unit']):>14} {human(r['peer'], r['unit']):>14} {ratio:>8} {bar:>10} {verdict:7} "
          f"±{r['spread']:.0%}  {'; '.join(notes)}")
    for side, s in r["sides"].items():
        print(f"{'':16}   {side}: {human(s['value'], r['unit'])} ±{s['spread']:.0%}, CPU {s['cpu']:.2f} s, peak {s['peak'] / 2**20:.0f} MiB")
    sys.stdout.flush()


def all_rows():
    for name in MODULES:
        yield from importlib.import_module(f"rows.{name}").ROWS


def write(results, path):
    path.parent.mkdir(exist_ok=True)
    before = json.loads(path.read_text()) if path.exists() else []
    now = {r["id"]: r for r in results}
    kept = [now.pop(r["id"], r) for r in before]
    path.write_text(json.dumps(kept + list(now.values()), indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--row")
    parser.add_argument("--runs", type=int)
    arguments = parser.parse_args()
    rows = list(all_rows())
    if arguments.row:
        rows = [row for row in rows if row.id == arguments.row]
        if not rows:
            sys.exit(f"error: no row {arguments.row!r}; there are: {' '.join(row.id for row in all_rows())}")
    context = Context(pathlib.Path(arguments.build).resolve())
    path = HERE.parent / "build" / "bench.json"
    if not arguments.row and path.exists():
        path.unlink()
    print(f"{os.cpu_count()} cores, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}")
    print(f"{'row':16} {'ours':>14} {'peer':>14} {'ratio':>8} {'bar':>10}")
    failed, measured = [], {}
    for row in rows:
        runs = arguments.runs or row.runs
        try:
            if (row.source or row.id) not in measured:
                measured[row.source or row.id] = run_row(row, context, runs)
            samples, share, repeated = measured[row.source or row.id]
            derived = {side: [row.derive(sample) for sample in taken] for side, taken in samples.items() if side in row.sides}
            result = summary(row, derived, share, repeated, runs)
        except Failure as why:
            failed.append(row.id)
            print(f"{row.id:16} FAILED: {why}", flush=True)
            continue
        finally:
            context.stop_all()
        print_row(result)
        write([result], path)
    if failed:
        sys.exit(f"error: {len(failed)} rows could not be measured: {' '.join(failed)}")


if __name__ == "__main__":
    main()
