"""A trial that diverges ends as `diverged`, is said to, and breaks nothing that is shown of the others."""

from dataclasses import replace
from pathlib import Path

import pytest

from dalbt_ray.config import Training, Trial
from dalbt_ray.launch.sweep_command import sweep
from dalbt_ray.report.build import build_report
from dalbt_ray.report.study import read_study
from dalbt_ray.report.tables import summary_table
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.trial.rounds import run_trial
from tests.integration.sweeps import small_trials
from tests.small_trials import small_image_set, small_trial


@pytest.mark.parametrize("learning_rate", [1e30, 1e308])
def test_one_step_too_far_is_diverged(tmp_path: Path, learning_rate: float) -> None:
    """The loss of the only step is a number; what the network says afterwards is none."""
    trial = small_trial("dalbt", training=Training(epochs=1, batch_size=64, learning_rate=learning_rate))
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    run_trial(trial, small_image_set(), store)
    assert load_results(tmp_path).rounds["status"].tolist() == ["diverged"]


@pytest.mark.parametrize("strategies", [("random",), ("random", "margin")], ids=["baseline", "all"])
def test_a_report_survives_diverged_trials(tmp_path: Path, strategies: tuple[str, ...]) -> None:
    """The baseline that everything is compared with, and every single trial."""
    store = ResultsStore(tmp_path)
    store.create_or_open({"trials": 4})
    too_far = Training(epochs=4, batch_size=8, learning_rate=1e30)
    for name in ("random", "margin"):
        for seed in (0, 1):
            trial = small_trial(name, seed=seed, rounds=1)
            trial = replace(trial, training=too_far) if name in strategies else trial
            run_trial(trial, small_image_set(), store)
    assert Path(build_report(str(tmp_path), None)).exists()
    assert read_study(str(tmp_path)).running == []
    assert summary_table(read_study(str(tmp_path))).renderables


def test_the_exit_status_and_a_line_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when the command finds nothing left to do."""

    def one() -> list[Trial]:
        return [replace(small_trials(rounds=0)[1], training=Training(epochs=1, learning_rate=1e30))]

    arguments = ["--results", str(tmp_path), "--in-process"]
    assert sweep(one, argv=arguments) == 1
    said = capsys.readouterr().out
    assert "[1/1] diverged" in said
    assert "1 trials diverged" in said
    assert sweep(one, argv=arguments) == 1
