"""What there is to run on, before Ray is imported: a Ray that `ray start` began here, or this machine itself."""

import os
import socket
import stat
import sys
from pathlib import Path

import torch

from dalbt_ray.cluster.preflight import Node

PATIENCE_S = 2.0


def running_here() -> str | None:
    """The "host:port" of the Ray that this user's `ray start` last began on this machine, if it answers; else None.

    `ray start` notes the address in Ray's temporary folder, which everybody may write to. The note outlives a machine
    that went down, so it counts only if somebody listens there; and only if note and listener are this user's: the Ray
    of another user is never joined unasked.
    """
    usual = os.environ.get("TMPDIR", "/tmp") if sys.platform == "linux" else "/tmp"  # noqa: S108 - Ray's own rule
    note = Path(os.environ.get("RAY_TMPDIR", usual), "ray", "ray_current_cluster")
    try:
        status = note.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return None
        host, _, port = note.read_text().strip().rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE_S):
            return f"{host}:{port}" if _is_ours(host.strip("[]"), int(port)) else None
    except (OSError, ValueError):
        return None


def _is_ours(host: str, port: int) -> bool:
    """Whether nobody else listens at a port of this machine; what is on another machine cannot be told."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return True  # not an address of this machine
    owners = [uid for table in ("tcp", "tcp6") for listens, uid in _listeners(table) if listens == port]
    return not owners or os.geteuid() in owners


def _listeners(table: str) -> list[tuple[int, int]]:
    """Port and user of every listening socket, as Linux tells them; none elsewhere."""
    try:
        lines = Path("/proc/net", table).read_text().splitlines()[1:]
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return [(int(row[1].rpartition(":")[2], 16), int(row[7])) for row in rows if row[3] == "0A"]


def this_machine() -> Node:
    """What a Ray of our own would offer."""
    return Node(name="here", cpus=float(os.cpu_count() or 1), gpus=float(torch.cuda.device_count()))
