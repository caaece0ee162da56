"""The plan: what is done, what is to do, and an estimate that says where it comes from."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.config import Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch.plan import Plan, estimate, make_plan, nominal_seconds
from dalbt_ray.launch.sweep_command import sweep
from dalbt_ray.results import PublishedTrial, Results
from dalbt_ray.strategies import get_strategy

BASE = Trial(
    dataset="fashion_mini",
    strategy=get_strategy("random"),
    rounds=3,
    splits=SplitSettings(train_limit=None, initial_size=100, validation_size=1_000),
)
GRID = [replace(BASE, seed=seed) for seed in range(4)]


def plan_of(trials: list[Trial], done: int = 0) -> Plan:
    """A plan in which the first `done` trials are committed."""
    everything = make_plan(trials, {}, None)
    committed = {
        each.trial_id: PublishedTrial(each.trial.rounds + 1, "ok") for each in everything.planned[:done]
    }
    assert everything.renewed(committed) == make_plan(trials, committed, None)
    return everything.renewed(committed)


def finished(plan: Plan, seconds: float) -> Results:
    """Tables of the plan's finished trials whose every round took `seconds`."""
    rows = [
        {"trial_id": each.trial_id, "round": index, "dataset": "fashion_mini", "ood": "", "strategy": "random",
         "objective": each.trial.objective.name, "budget": each.trial.budget, "total_seconds": seconds}
        for each in plan.planned
        if each.done
        for index in range(each.trial.rounds + 1)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    timings = frame[["trial_id", "round", "total_seconds"]]
    return Results(frame.drop(columns="total_seconds"), frame, timings, frame)


def test_done_trials_and_duplicates_are_told_apart() -> None:
    """A trial named twice is planned once; a committed one is not to do."""
    plan = plan_of([*GRID, GRID[0]], done=1)
    assert len(plan.planned) == 4
    assert plan.duplicates == 1
    assert [trial.seed for trial in plan.to_do] == [1, 2, 3]


def test_more_rounds_are_to_do_and_fewer_are_done() -> None:
    """A finished trial of 4 rounds, asked for 6: two more; asked for 2: nothing. One that stalled stays ended."""
    plan = plan_of(GRID[:1])
    (only,) = plan.planned
    longer = replace(plan, planned=(replace(only, trial=replace(only.trial, rounds=5)),))
    ok, stalled = PublishedTrial(4, "ok"), PublishedTrial(4, "stalled")
    assert [each.rounds_to_do for each in longer.renewed({only.trial_id: ok}).longer] == [2]
    assert plan.renewed({only.trial_id: ok}).to_do == []
    assert longer.renewed({only.trial_id: stalled}).to_do == []


def test_of_trials_that_differ_in_rounds_only_the_longest_counts() -> None:
    """They are one trial."""
    plan = plan_of([GRID[0], replace(GRID[0], rounds=9), replace(GRID[0], rounds=1)])
    assert [each.trial.rounds for each in plan.planned] == [9]
    assert plan.duplicates == 2


def test_an_estimate_from_measurements_is_their_product() -> None:
    """3 trials to do, 4 rounds each, 10 seconds a round."""
    plan = plan_of(GRID, done=1)
    cost = estimate(plan, finished(plan, 10.0))
    assert cost.seconds == pytest.approx(3 * 4 * 10)
    assert cost.basis == "measured on finished trials in this folder"


def test_an_estimate_without_measurements_says_so() -> None:
    """Step times of a benchmark, and how to do better."""
    plan = plan_of(GRID)
    cost = estimate(plan, None)
    assert cost.seconds == pytest.approx(sum(nominal_seconds(trial) for trial in GRID))
    assert "finish one trial" in cost.basis


def test_part_measured_part_nominal() -> None:
    """A strategy that has not run yet is estimated by step times, and the share is named."""
    plan = plan_of([*GRID, replace(BASE, strategy=get_strategy("margin"))], done=1)
    cost = estimate(plan, finished(plan, 10.0))
    assert cost.basis.startswith("3 of 4 trials from measurements here")


def test_nothing_to_do_costs_nothing(tmp_path: Path) -> None:
    """A finished sweep."""
    plan = plan_of(GRID, done=4)
    assert estimate(plan, finished(plan, 10.0)).seconds == 0


def test_a_sweep_file_can_keep_its_results_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two files may both have a preset `quick`; `--results` still decides."""
    monkeypatch.chdir(tmp_path)
    presets = {"quick": lambda: GRID}
    assert sweep(presets, argv=["--plan", "--in-process"]) == 0
    assert "->  results/quick\n" in capsys.readouterr().out
    assert sweep(presets, argv=["--plan", "--in-process"], results="results/mine") == 0
    assert "->  results/mine/quick\n" in capsys.readouterr().out
    assert sweep(presets, argv=["--plan", "--in-process", "--results", "here"], results="results/mine") == 0
    assert "->  here\n" in capsys.readouterr().out


def test_a_plan_says_where_the_trials_would_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, or on a Ray of our own with what this machine has."""
    monkeypatch.chdir(tmp_path)
    presets = {"quick": lambda: GRID}
    assert sweep(presets, argv=["--plan", "--in-process"]) == 0
    assert "runs     one trial after the other in this process" in capsys.readouterr().out
    assert sweep(presets, argv=["--plan", "--address", "local", "--cpus-per-trial", "1"]) == 0
    assert re.search(r"runs     up to \d+ trials at once \(\d+ of 1 CPU", capsys.readouterr().out)
