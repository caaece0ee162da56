"""More rounds continue: a published trial becomes an unfinished one again, and its first rounds stay bit for bit."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import PublishedTrial, ResultsStore, compact, gather, load_results, verify
from dalbt_ray.trial.rounds import run_trial as run_rounds
from tests.results_records import identity, record, records, rewrite, run_trial
from tests.small_trials import small_image_set, small_trial


def opened(root: Path) -> ResultsStore:
    """A new results folder."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": "continue"})
    return store


def published(root: Path, name: str) -> list[bytes]:
    """The deterministic files of a trial."""
    return [(root / table / f"{name}.parquet").read_bytes() for table in ("rounds", "selections")]


@pytest.mark.parametrize("place", ["single", "both", "bundle"])
def test_a_continued_trial_is_the_one_that_was_asked_for_all_rounds_at_once(
    place: str, tmp_path: Path
) -> None:
    """From its single files, from a bundle, or with both there: the same bytes, no round is run twice."""
    store = opened(tmp_path / "results")
    name = run_trial(store, 0, rounds=3)
    root = tmp_path / "results"
    if place == "both":
        compact(root)
    elif place == "bundle":
        root = tmp_path / "study"
        gather([tmp_path / "results"], root)
        store = ResultsStore(root)
    store.reopen(name)
    assert store.committed() == set()
    assert store.unfinished() == {name: 3}
    assert store.journal(name).rounds() == records(3)
    assert load_results(root).rounds.empty
    assert len(load_results(root, include_running=True).rounds) == 3
    assert not verify(root).damaged
    run_trial(store, 0, rounds=5)
    run_trial(opened(tmp_path / "at_once"), 0, rounds=5)
    assert published(root, name) == published(tmp_path / "at_once", name)
    assert len(load_results(root).selections) == 12
    assert store.published(name) == PublishedTrial(rounds=5, status="ok")
    assert not verify(root).damaged
    assert compact(root) == 1
    assert len(load_results(root).rounds) == 5


def test_pandas_keeps_seeing_the_finished_rounds(tmp_path: Path) -> None:
    """The tables of a trial that is continued stay until longer ones replace them."""
    store = opened(tmp_path)
    name = run_trial(store, 0, rounds=3)
    store.reopen(name)
    store.journal(name).commit(3, record(3))
    assert pd.read_parquet(tmp_path / "rounds")["round"].tolist() == [0, 1, 2]
    run_trial(store, 0, rounds=5)
    assert pd.read_parquet(tmp_path / "rounds")["round"].tolist() == [0, 1, 2, 3, 4]


def test_a_sweep_that_starts_does_not_forget_a_continued_trial(tmp_path: Path) -> None:
    """The journals of published trials are cleared then; of a trial that is in a bundle, the journal counts."""
    store = opened(tmp_path)
    name = run_trial(store, 0, rounds=3)
    compact(tmp_path)
    store.reopen(name)
    store.journal(name).commit(3, record(3))
    with store.lease():
        assert store.journal(name).rounds() == records(4)
    compact(tmp_path)  # of the trials that are finished: none
    assert store.unfinished() == {name: 4}
    assert len(load_results(tmp_path, include_running=True).rounds) == 4


def test_a_trial_that_ended_for_good_stays(tmp_path: Path) -> None:
    """Stalled, exhausted, diverged: it is told from a trial that may go on, and reopening it changes nothing."""
    store = opened(tmp_path)
    for number, status in enumerate(("stalled", "pool_exhausted", "diverged")):
        ended = [*records(2), record(2, status=status)]
        store.publish(identity(number), {"status": status}, ended)
        assert store.published(identity(number)) == PublishedTrial(rounds=3, status=status)
        assert store.published_rounds()[identity(number)].ended
        store.reopen(identity(number))
        assert identity(number) in store.committed()
    assert store.unfinished() == {}


def test_a_manifest_without_its_next_query_costs_one_round(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Trials of before there were such queries: the last round is trained again, which the log announces."""
    store = opened(tmp_path)
    name = run_trial(store, 0, rounds=3)
    rewrite(tmp_path / "trials" / f"{name}.json", "trial", {"next_query": None})
    store.reopen(name)
    assert store.journal(name).rounds() == records(2)
    assert "round 2 is trained again" in caplog.text
    run_trial(store, 0, rounds=4)
    run_trial(opened(tmp_path / "at_once"), 0, rounds=4)
    assert published(tmp_path, name) == published(tmp_path / "at_once", name)


def test_fewer_rounds_change_nothing_and_more_are_longer(tmp_path: Path) -> None:
    """Whoever publishes second: another driver was asked for another number of rounds."""
    store = opened(tmp_path)
    name = run_trial(store, 0, rounds=4)
    before = published(tmp_path, name)
    store.publish(name, {}, records(2))
    assert published(tmp_path, name) == before
    store.publish(name, {"status": "ok"}, records(6))
    assert store.published(name) == PublishedTrial(rounds=6, status="ok")
    assert len(load_results(tmp_path).rounds) == 6


def test_a_users_measures_are_continued(tmp_path: Path) -> None:
    """A metric of the user's is in the rounds that come back from the tables."""
    store = opened(tmp_path)
    measured = [record(index, zeal=0.5, recall=[0.25, 0.75]) for index in range(3)]
    store.publish(identity(0), {"status": "ok"}, measured[:2])
    store.reopen(identity(0))
    assert store.journal(identity(0)).rounds() == measured[:2]
    store.publish(identity(0), {"status": "ok"}, measured)
    frame = load_results(tmp_path).rounds
    assert frame["zeal"].tolist() == [0.5] * 3
    assert [list(value) for value in frame["recall"]] == [[0.25, 0.75]] * 3


def test_what_is_not_published_cannot_be_reopened(tmp_path: Path) -> None:
    """Refused by name."""
    with pytest.raises(InputError, match=f"trial: '{identity(0)}' is not published.*lists the ids"):
        opened(tmp_path).reopen(identity(0))


def test_the_round_loop_continues_a_shorter_trial(tmp_path: Path) -> None:
    """Rounds do not depend on how many were asked for; the shorter trial's journal leads to the longer one's bytes."""
    image_set, short, long = small_image_set(), small_trial(rounds=1), small_trial(rounds=3)
    trained: list[int] = []
    store, name = opened(tmp_path / "at_once"), long.trial_id(image_set.data_hash)
    run_rounds(long, image_set, store)
    rows = load_results(tmp_path / "at_once").rounds
    store = opened(tmp_path / "continued")
    run_rounds(short, image_set, store)
    store.reopen(short.trial_id(image_set.data_hash))
    # The same trial by its id, whether or not the number of rounds is a part of that.
    for index, each in enumerate(store.journal(short.trial_id(image_set.data_hash)).rounds()):
        store.journal(name).commit(index, each)
    store.publish(name, {"status": "ok"}, store.journal(name).rounds())
    run_rounds(long, image_set, store, on_round=lambda each: trained.append(each.row.round))
    assert trained == [2, 3]
    assert published(tmp_path / "continued", name) == published(tmp_path / "at_once", name)
    assert rows["n_bought"].tolist() == [0, 6, 12, 18]


def test_the_last_round_says_the_same_whatever_the_number_of_rounds(tmp_path: Path) -> None:
    """A pool that ends in the last round ends the trial, as it would in any other."""
    trial = replace(small_trial(rounds=2), budget=50)
    store = opened(tmp_path)
    run_rounds(trial, small_image_set(), store)
    assert load_results(tmp_path).rounds["status"].tolist() == ["ok", "ok", "pool_exhausted"]
