"""Processes that a Ray of our own starts ahead of the first trial, with what every trial imports."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.tune.execution import class_cache

_IMPORTS = ("torch", "pandas", "pyarrow.parquet", "ray.train.torch", "ray.tune")
"""Most of the time that a trial takes to start. None of our own modules: a process knows only with its job which copy
of them the driver runs. None that reads the number of threads once and for all, as SciPy's linear algebra does."""

KEPT_S = 60.0
"""Seconds that a process of a Ray of our own may wait for a trial."""


def system_config(cpus: int | None, trials: int) -> dict[str, Any]:
    """For `ray.init`: what the processes import that Ray starts at once, one for each CPU, and that it keeps them.

    By default Ray ends them after a second if no CPU is free, and none is once Tune has reserved what trials will hold.

    Args:
        cpus: that Ray will offer; None for those of this machine.
        trials: of the sweep. Where they are fewer than the CPUs, some processes would hold 300 MiB for nothing.
    """
    if trials < (cpus or os.cpu_count() or 1):
        return {}
    return {
        "preload_python_modules": list(_IMPORTS),
        "idle_worker_killing_time_threshold_ms": int(KEPT_S * 1_000),
    }


@contextmanager
def usable_by_tune(*, own: bool) -> Iterator[None]:
    """Inside, Tune asks a Ray of our own (`own`) for processes without an environment of their own.

    With the variables that it would hand on, it would get none that was started ahead. The processes have them: they
    inherit the environment of this one. What is lost is a setting for PyTorch Lightning.
    """
    if not own:
        yield
        return
    before = class_cache.DEFAULT_ENV_VARS, class_cache.ENV_VARS_TO_PROPAGATE
    class_cache.DEFAULT_ENV_VARS, class_cache.ENV_VARS_TO_PROPAGATE = {}, set()
    try:
        yield
    finally:
        class_cache.DEFAULT_ENV_VARS, class_cache.ENV_VARS_TO_PROPAGATE = before
