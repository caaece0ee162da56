"""What the driver makes of failures that Tune tells it about."""

from types import SimpleNamespace
from typing import Any

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Share
from dalbt_ray.cluster.train_loop import SharedWork
from dalbt_ray.cluster.watch import Watch
from dalbt_ray.config import Trial
from tests.small_trials import small_image_set, small_trial


class Listener:
    """The part of a progress display that is asked for here."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)


def test_a_process_that_died_before_it_began_is_tried_again() -> None:
    """Tune has no error file then; the sweep goes on and says so in a line."""
    trial: Trial = small_trial()
    sweep = SharedWork(
        trials=(trial,),
        turns=((0,),),
        own_code=({},) * 9,
        shares=(Share(1.0, 0.0),),
        image_sets={trial.image_key: small_image_set()},
        store_root="nowhere",
        code="",
        trial_timeout_s=None,
        max_failures=1,
        scratch="nowhere",
    )
    listener: Any = Listener()
    watch = Watch(sweep, ClusterOptions(), listener)
    failed: Any = SimpleNamespace(config={"turn": 0}, pickled_error_file=None, get_error=lambda: None)
    watch.on_trial_recover(trial=failed)
    assert listener.said == [f"again   {trial.label}: RuntimeError: its process ended before it began"]
