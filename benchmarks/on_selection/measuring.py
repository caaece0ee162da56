"""What a selection takes, and how far its picks reach."""

import resource
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.geometry import row_blocks, squared_distances

Numbers = dict[str, float]


def timed(work: Callable[[], NDArray[np.int64]]) -> tuple[NDArray[np.int64], Numbers]:
    """The picks of `work`, its CPU and wall seconds, and how far it raised the process's peak memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    picks = work()
    numbers = {"seconds": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return picks, numbers | {"MB": (after - before) / 1024}  # kilobytes on Linux


def radius(pool: PoolView, picks: NDArray[np.int64]) -> float:
    """Largest distance of an image to its nearest labeled or acquired one, in float64."""
    features = pool.features.astype(np.float64)
    centers = features[np.concatenate([np.flatnonzero(pool.labeled), picks])]
    blocks = row_blocks(len(features), len(centers))
    return float(
        np.sqrt(max(squared_distances(features[rows], centers).min(axis=1).max() for rows in blocks))
    )
