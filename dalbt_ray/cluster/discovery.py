"""What there is to run on, before Ray is imported: a Ray that `ray start` began here, or this machine itself."""

import os
import socket
import sys
from pathlib import Path

import torch

from dalbt_ray.cluster.preflight import Node

PATIENCE_S = 2.0


def running_here() -> str | None:
    """The "host:port" of the Ray that `ray start` last began on this machine, if it answers; else None.

    `ray start` notes the address in Ray's temporary folder. The note outlives a machine that went down, so it counts
    only if somebody listens there.
    """
    usual = os.environ.get("TMPDIR", "/tmp") if sys.platform == "linux" else "/tmp"  # noqa: S108 - Ray's own rule
    note = Path(os.environ.get("RAY_TMPDIR", usual), "ray", "ray_current_cluster")
    try:
        host, _, port = note.read_text().strip().rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE_S):
            return f"{host}:{port}"
    except (OSError, ValueError):
        return None


def this_machine() -> Node:
    """What a Ray of our own would offer."""
    return Node(name="here", cpus=float(os.cpu_count() or 1), gpus=float(torch.cuda.device_count()))
