"""The plan: what is done, what is to do, and an estimate that says where it comes from."""

import re
import shlex
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from dalbt_ray.config import Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch.arguments import Chosen, choose_trials, parse_arguments
from dalbt_ray.launch.places import Places
from dalbt_ray.launch.plan import Cost as SettingCost
from dalbt_ray.launch.plan import Plan, estimate, make_plan
from dalbt_ray.launch.plan_text import plan_text
from dalbt_ray.launch.sweep_command import sweep, trials_in_all
from dalbt_ray.models import VGG16
from dalbt_ray.models.encoder import Cost
from dalbt_ray.results import PublishedTrial, Results, ResultsStore
from dalbt_ray.strategies import get_strategy
from dalbt_ray.trial.clock import span
from dalbt_ray.trial.nominal import GPU_TIMES, Gpu, measured_gpus, nominal_seconds, round_seconds
from sweeps.open_set import study
from sweeps.paper_grid import quick
from tests.results_records import config, identity, record, run_trial

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


def finished(plan: Plan, seconds: float, device: str = "cpu") -> Results:
    """Tables of the plan's finished trials whose every round took `seconds`."""
    rows = [
        {"trial_id": each.trial_id, "round": index, "dataset": "fashion_mini", "ood": "", "strategy": "random",
         "objective": each.trial.objective.name, "budget": each.trial.budget, "total_seconds": seconds,
         "device": device}
        for each in plan.planned
        if each.done
        for index in range(each.trial.rounds + 1)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    timings = frame[["trial_id", "round", "total_seconds", "device"]]
    return Results(frame.drop(columns=["total_seconds", "device"]), frame, timings, frame)


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


SETTING = "fashion_mini b=100"
GPU = Gpu("fast", {"lenet": Cost(step=0.001, image=1e-6)}, "measured by hand")


def test_an_estimate_from_measurements_is_their_product() -> None:
    """3 trials to do, 4 rounds each, 10 seconds a round; what was measured on another device says nothing."""
    plan = plan_of(GRID, done=1)
    cost = estimate(plan, finished(plan, 10.0))[SETTING]
    assert (cost.seconds, cost.longest) == (pytest.approx(3 * 4 * 10), pytest.approx(40))
    assert (cost.trials, cost.measured, cost.unknown) == (3, 3, 0)
    assert estimate(plan, finished(plan, 10.0, device="fast"))[SETTING].measured == 0
    assert estimate(plan, finished(plan, 10.0, device="fast"), GPU)[SETTING].seconds == pytest.approx(120)


def test_an_estimate_without_measurements_is_the_nominal_one() -> None:
    """Step times of a benchmark; a GPU by its table."""
    plan = plan_of(GRID)
    for gpu in (None, GPU):
        expected = [nominal_seconds(trial, gpu) for trial in GRID]
        assert estimate(plan, None, gpu)[SETTING].seconds == pytest.approx(sum(expected))
    assert nominal_seconds(GRID[0], GPU) < nominal_seconds(GRID[0]) / 5


def test_part_measured_part_nominal() -> None:
    """A strategy that has not run yet is estimated by step times."""
    plan = plan_of([*GRID, replace(BASE, strategy=get_strategy("margin"))], done=1)
    cost = estimate(plan, finished(plan, 10.0))[SETTING]
    assert (cost.trials, cost.measured) == (4, 3)


def test_what_nobody_measured_on_a_gpu_is_unknown() -> None:
    """Another encoder, and networks that a strategy trains for itself."""
    assert nominal_seconds(replace(BASE, encoder=VGG16()), GPU) is None
    assert nominal_seconds(replace(BASE, strategy=get_strategy("vaal")), GPU) is None
    assert nominal_seconds(replace(BASE, strategy=get_strategy("vaal"))) is not None


def test_the_rounds_that_are_done_cost_nothing_more() -> None:
    """A finished trial that is asked for two more rounds: the nominal seconds of those, which have the most labels."""
    plan = plan_of(GRID[:1])
    (only,) = plan.planned
    longer = replace(plan, planned=(replace(only, trial=replace(only.trial, rounds=5), rounds_done=4),))
    rounds = round_seconds(longer.planned[0].trial)
    assert estimate(longer, None)[SETTING].seconds == pytest.approx(sum(rounds[4:]))
    assert rounds[4] > rounds[0]


def test_wall_time_is_shared_but_no_trial_is() -> None:
    """Ten seconds in all on four workers, one trial of six: six."""
    assert SettingCost(trials=3, seconds=10.0, longest=2.0).wall(4) == 2.5
    assert SettingCost(trials=3, seconds=10.0, longest=6.0).wall(4) == 6.0


def test_nothing_to_do_costs_nothing() -> None:
    """A finished sweep."""
    plan = plan_of(GRID, done=4)
    assert estimate(plan, finished(plan, 10.0)) == {}


def shown(plan: Plan, **changes: Any) -> str:
    """What `--plan` prints on a wide terminal."""
    settings: dict[str, Any] = {"finished": None, "here": Places("two at once", 2), "gpus": {}}
    console = Console(width=160, file=StringIO())
    console.print(plan_text(plan, "quick", **(settings | changes)))
    return console.file.getvalue()


def test_the_plan_says_what_each_setting_takes_here_and_on_a_gpu() -> None:
    """One line a setting and one for all; unknown where nobody measured."""
    plan = plan_of([*GRID, *(replace(each, budget=50) for each in GRID[:2])])
    text = shown(plan)
    assert "runs     two at once" in text
    lines = {line.split("  ")[0]: line.split() for line in text.splitlines() if line}
    assert set(lines) >= {"fashion_mini b=100", "fashion_mini b=50", "all"}
    assert lines["all"][1] == "6"
    assert lines["all"][-1] == "unknown"
    assert "no GPU has been measured" in text
    seconds = sum(nominal_seconds(each.trial) for each in plan.planned)
    assert span(seconds) in text
    assert span(seconds / 2) in text
    on_gpu = sum(nominal_seconds(each.trial, GPU) for each in plan.planned)
    text = shown(plan, gpus={"fast": GPU})
    assert span(on_gpu) in text
    assert "fast: one trial at a time, measured by hand" in text


def test_a_sum_that_leaves_trials_out_says_so_in_the_line_of_its_column() -> None:
    """`+` on a GPU where one of three trials has networks that nobody timed; no word of it where all are timed."""
    partly = shown(plan_of([*GRID[:2], replace(BASE, strategy=get_strategy("vaal"))]), gpus={"fast": GPU})
    (line,) = [line for line in partly.splitlines() if line.startswith("fashion_mini")]
    assert line.rstrip().endswith(" +")
    assert "by hand; +: without 1 trials that nobody has timed there" in partly
    assert "+:" not in shown(plan_of(GRID), gpus={"fast": GPU})


def test_the_plan_on_a_gpu_that_nobody_measured_is_unknown_there() -> None:
    """And says so, instead of a CPU's time."""
    line = next(
        line
        for line in shown(plan_of(GRID), here=Places("", 2, "other")).splitlines()
        if line.startswith("fashion")
    )
    assert line.split()[-2:] == ["unknown", "unknown"]


def test_the_table_of_gpus_is_read(tmp_path: Path) -> None:
    """The shipped one can be read, and one with two encoders of a device has both."""
    shipped = measured_gpus().values()
    assert {name for gpu in shipped for name in gpu.costs} >= {"lenet", "vgg16"}
    assert all(gpu.measured for gpu in shipped)
    table = tmp_path / "gpu_times.csv"
    head = GPU_TIMES.read_text().splitlines()[0]
    table.write_text(f"{head}\nfast,lenet,0.001,1e-6,here\nfast,vgg16,0.01,1e-5,here\n")
    (gpu,) = measured_gpus(table).values()
    assert (gpu.device, gpu.costs["vgg16"]) == ("fast", Cost(step=0.01, image=1e-5))


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
    assert re.search(r"runs     up to \d+ at once, each on 1 CPU\n", capsys.readouterr().out)


def test_what_a_preset_mixes_into_a_users_set_is_said_and_can_be_left_out() -> None:
    """`quick` has a mixed pool of one data set, which is then a mixed pool of the user's; what is told does without."""

    def chosen(*typed: str) -> Chosen:
        return choose_trials({"quick": quick}, parse_arguments({"quick": quick}, None, "results", typed))

    assert chosen().notes == []
    assert chosen("--dataset", "fashion_mini") == chosen()
    pets = chosen("--dataset", "pets")
    (note,) = pets.notes
    assert {(trial.dataset, trial.ood) for trial in pets.trials} == {("pets", ""), ("pets", "kmnist_mini")}
    assert note.startswith("4 of 20 trials mix kmnist_mini into the pool of pets")
    pets = chosen("--dataset", "pets", *shlex.split(note.partition("without: ")[2]))
    assert {(trial.dataset, trial.ood) for trial in pets.trials} == {("pets", "")}
    assert (len(pets.trials), pets.notes) == (16, [])


def test_a_set_that_the_preset_has_keeps_its_own_trials() -> None:
    """Pools of two sets: `--dataset` of one leaves those of the other out; of a third, it takes the place of both."""

    def settings(*typed: str) -> set[tuple[str, str, int | None]]:
        trials = choose_trials(presets, parse_arguments(presets, None, "results", typed)).trials
        return {(trial.dataset, trial.ood, trial.splits.known_classes) for trial in trials}

    presets = {"study": study}
    assert settings("--dataset", "cifar10") == {("cifar10", "svhn", None), ("cifar10", "", 4)}
    assert settings("--dataset", "fashion_mnist") == {
        ("fashion_mnist", "kmnist", None),
        ("fashion_mnist", "", 5),
    }
    assert settings("--dataset", "mnist") == {
        ("mnist", "svhn", None),
        ("mnist", "kmnist", None),
        ("mnist", "", 4),
        ("mnist", "", 5),
    }


def test_the_trials_of_a_study_are_those_of_all_its_commands(tmp_path: Path) -> None:
    """`--seeds 20-29` after 0-19 made it a study of ten: finished, running and failed trials count, and once."""
    store, plan = ResultsStore(tmp_path), plan_of(GRID)
    store.create_or_open({})
    run_trial(store, 0)
    running = store.journal(identity(1))
    running.begin(config(1, 2))
    running.commit(0, record(0))
    store.record_error(identity(2), ValueError("too large"))
    assert trials_in_all(plan, store) == 3 + len(GRID)
    store.record_error(plan.planned[0].trial_id, ValueError("one that is asked for again"))
    assert trials_in_all(plan, store) == 3 + len(GRID)
