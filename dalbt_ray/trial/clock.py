"""How long the parts of a round took, and on what: the observations that no hash may depend on."""

import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter

import torch

from dalbt_ray.results import Timing
from dalbt_ray.trial.machine import code_state, instructions, processor


class Clock:
    """Seconds by part of one round."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = perf_counter()
        self._started = datetime.now(UTC)

    @contextmanager
    def measure(self, part: str) -> Iterator[None]:
        """Add the time of the `with` block to `part`."""
        began = perf_counter()
        try:
            yield
        finally:
            self.add(part, perf_counter() - began)

    def add(self, part: str, seconds: float) -> None:
        """Add `seconds` to `part`."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds

    def row(self, device: torch.device) -> Timing:
        """The round's row of the `timings` table, without its trial and round."""
        parts = ("train", "auxiliary", "score", "select", "evaluate")
        on_gpu = device.type == "cuda"
        peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            1024 if sys.platform == "darwin" else 1
        )
        peak = torch.cuda.max_memory_allocated(device) / 2**20 if on_gpu else peak_kib / 2**10
        return Timing(
            **{f"{part}_seconds": self.seconds.get(part, 0.0) for part in parts},
            total_seconds=perf_counter() - self._began,
            host=socket.gethostname(),
            device=torch.cuda.get_device_name(device) if on_gpu else "cpu",
            cpu=processor(),
            instructions=instructions(),
            code=code_state(),
            threads=torch.get_num_threads(),
            peak_memory_mib=peak,
            started_utc=self._started.isoformat(timespec="seconds"),
        )


def span(seconds: float) -> str:
    """Seconds for people: `45 s`, `12 min`, `3 h 05 min`, `2 d 4 h`, `1,041 d`."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes, hours = round(whole / 60), whole // 3600
    if minutes < 100:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    if hours < 240:
        return f"{hours // 24} d {hours % 24} h"
    return f"{round(hours / 24):,} d"
