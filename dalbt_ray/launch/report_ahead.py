"""The report's libraries are imported while the last trial runs: the sweep ends a second earlier.

Where trials have processes of their own, one of their slots is free by then.
"""

from collections.abc import Callable
from importlib import import_module
from threading import Thread

_IMPORTS = (
    "dalbt_ray.report.build",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg",
    "scipy.stats",
)


class ReportAhead:
    """Told of commits as `Progress` tells it; passes that on.

    Args:
        trials: to do.
        also: told the same: (trial id, round), and (trial id, None) of a published trial.
    """

    def __init__(self, trials: int, also: Callable[[str, int | None], None]) -> None:
        self._left, self._also = trials, also

    def __call__(self, trial_id: str, number: int | None) -> None:
        """A round is committed, or a trial is published."""
        self._also(trial_id, number)
        if number is None:
            self._left -= 1
            if self._left == 1:
                Thread(target=_import, daemon=True, name="report ahead").start()


def _import() -> None:
    for name in _IMPORTS:
        import_module(name)
