"""Weibull fits of 10 classes x 500 distances: ours, all classes in one solve, against scipy, class by class.

Both sides get the same distances and return the two-parameter maximum-likelihood fit; CPU time, one thread.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from scipy.stats import weibull_min

from dalbt_ray.weibull import fit_weibulls

CLASSES, DISTANCES, REPEATS = 10, 500, 15


def cpu_milliseconds(work: Callable[[], object]) -> float:
    """Median CPU time of `work` over the repeats."""
    work()  # the first call pays for caches
    times = []
    for _ in range(REPEATS):
        start = time.process_time_ns()
        work()
        times.append((time.process_time_ns() - start) / 1e6)
    return median(times)


def main() -> None:
    """Measure both sides, compare their parameters, print one line per bar."""
    rng = np.random.default_rng(0)
    shapes, scales = rng.uniform(1.5, 12, CLASSES), rng.uniform(0.5, 20, CLASSES)
    groups = [scale * rng.weibull(shape, DISTANCES) for shape, scale in zip(shapes, scales, strict=True)]
    theirs = [weibull_min.fit(group, floc=0) for group in groups]
    ours = fit_weibulls(groups)
    apart = max(
        max(abs(fit.shape / shape - 1), abs(fit.scale / scale - 1))
        for fit, (shape, _, scale) in zip(ours, theirs, strict=True)
        if fit is not None
    )
    slow = cpu_milliseconds(lambda: [weibull_min.fit(group, floc=0) for group in groups])
    fast = cpu_milliseconds(lambda: fit_weibulls(groups))
    print(f"{CLASSES} classes x {DISTANCES} distances: scipy {slow:.1f} ms, ours {fast:.2f} ms of CPU")
    print(f"BAR weibull_speedup {slow / fast:.0f}x >=20x {'met' if slow / fast >= 20 else 'short'}")
    print(f"BAR weibull_parameters_apart {apart:.1e} <=1e-3 {'met' if apart <= 1e-3 else 'short'}")


if __name__ == "__main__":
    main()
