"""The results that are committed with a study are whole, and say what its page says."""

from pathlib import Path

import pytest

from dalbt_ray.report.study import read_study
from dalbt_ray.report.summaries import summarize

STUDIES = Path(__file__).parents[2] / "docs" / "studies"


def test_the_mnist_study() -> None:
    """80 finished trials of 10 rounds, every file with its recorded hash; the page's table of means."""
    study = read_study(STUDIES / "mnist_results")
    assert study.rounds.groupby("trial_id").size().tolist() == [10] * 80
    page = (STUDIES / "mnist.md").read_text()
    table = summarize(study.rounds).set_index("method")
    for method, row in (
        ("dalbt (joint, min_steps=0)", "**`dalbt` (joint)**"),
        ("dal_osr (supervised)", "`dal_osr`"),
    ):
        one = table.loc[method]
        means = f"{100 * one['aubc']:.1f} ± {100 * one['aubc_sd']:.1f} | {100 * one['final']:.1f} ±"
        assert f"| {row} | {means}" in page
    assert table.loc["random (supervised, min_steps=0)", "final"] == pytest.approx(0.9356, abs=5e-5)
