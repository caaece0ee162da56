"""What a figure of learning curves shows where intervals are far wider than the lines."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from dalbt_ray.report.curves import learning_curves
from dalbt_ray.report.plots import draw_curves
from dalbt_ray.report.style import Style


def limits(accuracies: dict[int, list[float]]) -> tuple[float, float]:
    """The value axis in %, for one method with these accuracies by seed, round after round."""
    rounds = pd.DataFrame(
        [
            {"setting": "digits", "method": "random", "seed": seed, "round": index, "n_labeled": 10.0 * index,
             "n_bought": 10.0 * index, "test_accuracy": accuracy, "trial_id": str(seed), "status": "ok",
             "finished": True}
            for seed, curve in accuracies.items()
            for index, accuracy in enumerate(curve)
        ]
    )  # fmt: skip
    panel = Figure().add_subplot()
    looks = {"random": Style("black", "x", "")}
    draw_curves(panel, learning_curves(rounds), looks, axis="n_bought", offset=0, scale=100)
    return panel.get_ylim()


def test_intervals_of_two_seeds_do_not_flatten_the_lines() -> None:
    """They would reach from 6 to 134 %; as much is shown below and above as the lines take, and 5 %."""
    assert limits({0: [0.65, 0.79], 1: [0.75, 0.81]}) == pytest.approx((60 - 1.5, 90 + 1.5))


def test_a_band_that_is_narrower_is_shown_whole() -> None:
    """Ten seeds, t interval 2.262 standard errors wide on either side."""
    low, high = limits({seed: [0.6 + 0.001 * seed, 0.8 + 0.001 * seed] for seed in range(10)})
    half = 100 * 2.262157 * np.std(0.001 * np.arange(10), ddof=1) / np.sqrt(10)
    span = 20 + 2 * half
    assert (low, high) == pytest.approx((60.45 - half - 0.05 * span, 80.45 + half + 0.05 * span))


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_single_point_has_an_axis_around_it(value: float) -> None:
    """One seed, one round: no span and no interval."""
    low, high = limits({0: [value]})
    assert low < 100 * value < high
