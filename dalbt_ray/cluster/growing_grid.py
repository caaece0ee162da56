"""Tune's grid for worker groups: how many trials run at once follows the nodes that are alive."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from ray.tune.experiment import Trial as TuneTrial
from ray.tune.search import BasicVariantGenerator

ASK_EVERY_S = 2.0


class GrowingGrid(BasicVariantGenerator):  # type: ignore[misc]
    """A grid that asks before each trial how many there may be.

    The trial of a worker group reserves next to nothing by itself, so Tune would start all of them at once.

    Args:
        limit: trials at once, at least 1; asked every two seconds at most.
    """

    def __init__(self, limit: Callable[[], int]) -> None:
        super().__init__(max_concurrent=limit())
        self._limit, self._asked = limit, monotonic()

    def next_trial(self) -> TuneTrial | None:
        """Tune: the next trial to queue, or None if there is none or no place for it."""
        if monotonic() - self._asked >= ASK_EVERY_S:
            self.max_concurrent, self._asked = self._limit(), monotonic()
        return super().next_trial()

    def get_state(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searchers for a restore, which never happens."""
        return {}
