"""How long a sweep has still to go: by hand, and on a replay of the paper's grid."""

from collections.abc import Iterator
from heapq import heappop, heappush

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalbt_ray.launch.plan import Plan, Planned, work_of
from dalbt_ray.launch.time_left import TimeLeft, Work
from sweeps.paper_grid import paper


@given(done=st.integers(1, 50), left=st.integers(0, 50), seconds=st.floats(0.1, 1e6))
def test_equal_rounds_of_one_trial_take_what_they_took(done: int, left: int, seconds: float) -> None:
    """Twice the work left takes twice as long; nothing left takes nothing."""
    time = TimeLeft(1, {})
    time.started("a", done + left, 5.0)
    for i in range(done):
        time.committed("a", i, 5.0 + seconds * (i + 1) / done)
    assert time.seconds(5.0 + seconds) == pytest.approx(seconds * left / done, rel=1e-6, abs=1e-6)


def test_nothing_is_said_before_the_first_round() -> None:
    """There is no pace yet."""
    time = TimeLeft(2, {"a": Work("x", (1.0, 1.0))})
    time.started("a", 2, 0.0)
    assert time.seconds(100.0) is None


def test_a_costly_kind_weighs_what_it_costs() -> None:
    """A cheap trial of 10 s, nominally a hundredth of the other: 1,000 s to go, and half of that with two at once."""
    work = {"cheap": Work("x", (1.0,)), "dear": Work("y", (50.0, 50.0)), "more": Work("y", (50.0, 50.0))}
    time = TimeLeft(3, work)
    time.started("cheap", 1, 0.0)
    time.committed("cheap", 0, 10.0)
    time.ended("cheap")
    assert time.seconds(10.0) == pytest.approx(2_000)
    time.started("dear", 2, 10.0)
    time.started("more", 2, 10.0)
    assert time.seconds(10.0) == pytest.approx(1_000)
    time.committed(
        "dear", 0, 30.0
    )  # 20 s where 500 were expected: its kind is faster, and the other trial with it
    assert time.seconds(30.0) == pytest.approx(20.0)


def test_rounds_that_are_committed_or_will_not_be_are_not_to_go() -> None:
    """A trial that was interrupted, and one that ends early."""
    time = TimeLeft(2, {"a": Work("x", (1.0,) * 10, done=6), "b": Work("x", (1.0,) * 10)})
    time.started("a", 10, 0.0)
    time.committed("a", 6, 5.0)
    assert time.seconds(5.0) == pytest.approx(5 * (3 + 10))
    time.ended("b")
    assert time.seconds(5.0) == pytest.approx(5 * 3)


def test_trials_of_which_nothing_is_known_count_as_the_mean() -> None:
    """One of four has begun."""
    time = TimeLeft(4, {})
    time.started("a", 2, 0.0)
    time.committed("a", 0, 10.0)
    assert time.seconds(10.0) == pytest.approx(10 + 3 * 20)


def events(
    trials: dict[str, Work], seconds: dict[str, list[float]], at_once: int
) -> Iterator[tuple[float, str, int]]:
    """Time, trial and round of every commit of a sweep that always runs `at_once` trials; -1 for a start."""
    waiting, running = list(trials), list[tuple[float, str, int]]()
    for key in waiting[:at_once]:
        yield 0.0, key, -1
        heappush(running, (seconds[key][0], key, 0))
    del waiting[:at_once]
    while running:
        now, key, round_index = heappop(running)
        yield now, key, round_index
        if round_index + 1 < len(seconds[key]):
            heappush(running, (now + seconds[key][round_index + 1], key, round_index + 1))
        elif waiting:
            following = waiting.pop(0)
            yield now, following, -1
            heappush(running, (now + seconds[following][0], following, 0))


@pytest.mark.parametrize("seed", range(3))
def test_on_the_papers_grid_the_time_left_is_within_a_factor_of_two(seed: int) -> None:
    """From the first finished trial of each kind on; every kind is up to five times slower or faster than planned."""
    rng = np.random.default_rng(seed)
    plan = Plan(tuple(Planned(trial, f"{i:04}") for i, trial in enumerate(paper())), 0)
    work = work_of(plan, {})
    kinds = {each.kind: float(np.exp(rng.uniform(-np.log(5), np.log(5)))) for each in work.values()}
    firsts = dict.fromkeys(each.kind for each in work.values())
    assert len(firsts) == len(work) / 5
    seconds = {
        key: [kinds[each.kind] * cost * rng.uniform(0.8, 1.25) for cost in each.rounds]
        for key, each in work.items()
    }
    # One trial of each kind first, so that most of the sweep is still to come when all kinds are known.
    order = sorted(work, key=lambda key: plan.planned[int(key)].trial.seed)
    happened = list(events({key: work[key] for key in order}, seconds, at_once=8))
    end = happened[-1][0]
    time, finished, compared = TimeLeft(len(work), work), set(), 0
    for now, key, round_index in happened:
        if round_index < 0:
            time.started(key, len(work[key].rounds), now)
            continue
        time.committed(key, round_index, now)
        if round_index + 1 == len(work[key].rounds):
            time.ended(key)
            finished.add(work[key].kind)
        if finished == set(kinds) and end - now > 0.01 * end:
            said = time.seconds(now)
            assert 0.5 < said / (end - now) < 2.0, (now / end, said, end - now)
            compared += 1
    assert compared > 1_000
