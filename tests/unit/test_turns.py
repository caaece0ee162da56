"""How short trials share workers, and what is told of them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Share
from dalbt_ray.cluster.reports import Event, Reports, events_of
from dalbt_ray.cluster.train_loop import SharedWork
from dalbt_ray.cluster.turns import turns_of
from dalbt_ray.cluster.watch import Watch
from dalbt_ray.launch.grid import with_seeds
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.results import ResultsStore
from tests.small_trials import small_image_set, small_trial

ONE_CPU = Share(1.0, 0.0)


def test_every_trial_is_in_one_turn_and_long_ones_are_alone() -> None:
    """400 short trials on 4 places: 16 turns or more, none above the encoder's limit; LeNet's are not grouped."""
    short = with_seeds([small_trial(encoder=Frozen())], range(400))
    long = with_seeds([small_trial()], range(3))
    trials = [*long, *short]
    turns = turns_of(range(403), trials, [ONE_CPU] * 403, at_once=4)
    assert sorted(index for turn in turns for index in turn) == list(range(403))
    assert [turn for turn in turns if set(turn) & {0, 1, 2}] == [(0,), (1,), (2,)]
    assert max(map(len, turns)) == Frozen.trials_in_a_row
    few = turns_of(range(3, 11), trials, [ONE_CPU] * 403, at_once=2)
    assert [len(turn) for turn in few] == [1] * 8


def test_other_images_and_other_shares_are_other_turns() -> None:
    """A worker maps one set of features, and holds what it was given."""
    trials = [small_trial(encoder=Frozen()), small_trial(encoder=Frozen(side=64))] * 40
    shares = [ONE_CPU] * 40 + [Share(0.5, 0.0)] * 40
    turns = turns_of(range(80), trials, shares, at_once=1)
    assert sorted(index for turn in turns for index in turn) == list(range(80))
    assert [len(turn) for turn in turns] == [5] * 16  # four turns for each of four kinds
    for turn in turns:
        assert len({(trials[index].image_key, shares[index]) for index in turn}) == 1


def test_reports_hold_all_events_in_order() -> None:
    """Whatever waits is sent with the next report; nothing is lost or repeated."""
    sent: list[dict[str, Any]] = []
    reports = Reports(sent.append, pause_s=1e9)
    events = [Event(0, "began"), Event(0, "round", {"round": 0}), Event(0, "finished"), Event(1, "began")]
    for event in events:
        reports.add(event, at_once=event.kind == "began")
    reports.flush()
    reports.flush()
    assert [event for report in sent for event in events_of(report)] == events
    assert len(sent) == 2
    assert events_of({"round": 3}) == []


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def __getattr__(self, kind: str) -> Any:
        """Any of an observer's methods."""
        return lambda key, *_: self.told.append((kind, key))


def test_a_worker_that_dies_takes_only_its_own_trial_with_it(tmp_path: Path) -> None:
    """Of a turn of three the second dies for good: the first is done, the third is left for another turn."""
    trials = tuple(with_seeds([small_trial(encoder=Frozen())], range(3)))
    work = SharedWork(
        trials=trials,
        turns=((0, 1, 2),),
        own_code=({},) * 3,
        shares=(ONE_CPU,) * 3,
        image_sets={trials[0].image_key: small_image_set()},
        store_root=str(tmp_path),
        code="",
        trial_timeout_s=None,
        max_failures=0,
        scratch="nowhere",
    )
    ResultsStore(tmp_path).create_or_open({"sweep": "test"})
    listener: Any = Listener()
    watch = Watch(work, ClusterOptions(), listener)
    metadata = SimpleNamespace(pickled_error_filename=None)
    turn: Any = SimpleNamespace(config={"turn": 0}, run_metadata=metadata, error_file=None)
    watch.on_trial_start(trial=turn)
    place = {"node": "a", "pid": 7}
    events = [Event(0, "began", place), Event(0, "finished"), Event(1, "began", place)]
    watch.on_trial_result(trial=turn, result={"events": [event.to_json() for event in events]})
    watch.on_trial_error(trial=turn)
    ids = [work.trial_id(index) for index in range(3)]
    assert listener.told == [
        ("started", ids[0]),
        ("finished", ids[0]),
        ("started", ids[1]),
        ("failed", ids[1]),
    ]
    assert (watch.done, watch.failed, watch.left) == (1, 1, [2])
    assert list(ResultsStore(tmp_path).errors()) == [ids[1]]
    watch.schedule(replace(work, turns=((2,),)))
    watch.on_trial_start(trial=turn)
    watch.on_trial_result(trial=turn, result={"events": [Event(2, "finished").to_json()]})
    assert watch.left == []
