"""From nothing to something: how long a node takes to be ready, and the demonstration to its first answer."""
import os
import subprocess
import sys
import time

from rows.row import ENVIRONMENT, ROOT, Failure, Node, Row, Sample


class NodeReady(Row):
    id = "cold"
    claim = "`myelin node` with a new home, from start to ready"
    unit = "s"
    more_is_better = False

    def run(self, side, context):
        begin = time.monotonic()
        node = context.serve(Node(context))
        took = time.monotonic() - begin
        sample = Sample(took, "", node.seconds(), node.peak())
        context.stop(node)
        return sample


class Demo(Row):
    id = "cold-demo"
    claim = "the built demonstration from its start to the first answer across two nodes: two identities, two nodes, one compilation"
    unit = "s"
    more_is_better = False

    def run(self, side, context):
        begin, before = time.monotonic(), os.times()
        process = subprocess.Popen([sys.executable, "-u", str(ROOT / "tools/demo.py"), str(context.build)], stdout=subprocess.PIPE, text=True,
                                   env=ENVIRONMENT)
        took = None
        for line in process.stdout:
            if took is None and line.strip().startswith("200  "):
                took = time.monotonic() - begin
        if process.wait() != 0 or took is None:
            raise Failure("the demonstration failed")
        after = os.times()
        return Sample(took, "", after.children_user + after.children_system - before.children_user - before.children_system, 0)


ROWS = [NodeReady(), Demo()]
