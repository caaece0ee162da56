"""What happens to nodes: one of two is lost."""

import subprocess
import sys
import tempfile

from tests.chaos.arena import Arena
from tests.chaos.on_ray import Sweeping, finish
from tests.integration.sweeps import REPOSITORY


def node_lost(arena: Arena) -> None:
    """Two nodes; the one without the driver dies after some rounds, and its trials finish on the other."""
    root = arena.fresh()
    with tempfile.TemporaryDirectory(prefix="chaos-ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        cluster = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.two_nodes", folder],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        try:
            with Sweeping.start(root, "--address", cluster.stdout.readline().strip()) as driver:
                driver.after_a_round(arena, root)
                cluster.stdin.write("lose it\n")
                cluster.stdin.flush()
                cluster.stdout.readline()
                arena.count("lost nodes")
                assert driver.status() == 0, driver.text[-3000:]
        finally:
            cluster.stdin.close()
            cluster.wait(timeout=60)
    finish(arena, root, "--in-process")
