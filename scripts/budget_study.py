"""The studies "which method at which budget": what each is, and the numbers that their pages share."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dalbt_ray.report.paired import holm, paired_t_test
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import trial_summary


@dataclass(frozen=True)
class Budget:
    """One preset of `sweeps/budgets.py`.

    Attributes:
        preset: its name; the bundle is `budgets_<preset>`.
        question: the page's title.
        labels: the range, in words.
        step: labels of a round.
        area: the range that AUBC covers, in words.
        seeds: that the preset has.
        cold: whether it begins without a label.
    """

    preset: str
    question: str
    labels: str
    step: str
    area: str
    seeds: int
    cold: bool = False

    @property
    def name(self) -> str:
        """The bundle's folder."""
        return f"budgets_{self.preset}"


BUDGETS = (
    Budget(
        "low",
        "Which method for the first hundred labels?",
        "0 to 100 labels",
        "10",
        "10 to 100",
        50,
        cold=True,
    ),
    Budget(
        "middle",
        "Which method for the first thousand labels?",
        "100 to 1,000 labels",
        "100",
        "100 to 1,000",
        50,
    ),
    Budget(
        "high",
        "Which method up to ten thousand labels?",
        "1,000 to 10,000 labels",
        "1,000",
        "1,000 to 10,000",
        20,
    ),
)
"""In the order of their budgets."""


def areas(study: Study, setting: str) -> pd.DataFrame:
    """AUBC of every seed (rows) and method (columns)."""
    trials = trial_summary(study.rounds)
    return trials[trials["setting"] == setting].pivot_table(index="seed", columns="method", values="aubc")


def best_and_rivals(study: Study, setting: str) -> tuple[str, "pd.Series[float]"]:
    """The method with the highest mean AUBC, and Holm's p of each rival against it."""
    found = areas(study, setting)
    best = str(found.mean().idxmax())
    rivals = found.drop(columns=best)
    p = holm(paired_t_test(rivals.to_numpy(np.float64) - found[[best]].to_numpy(np.float64)).p)
    return best, pd.Series(p, index=rivals.columns)


def opposite(differences: NDArray[np.float64]) -> float:
    """Share of all sets of three seeds whose mean difference has the other sign than that of all seeds."""
    means = np.array([sum(chosen) for chosen in combinations(differences, 3)])
    return float((means * differences.mean() < 0).mean())


def points_text(mean: float, low: float, high: float) -> str:
    """A difference of fractions in points, with its interval."""
    return f"{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def p_text(value: float) -> str:
    """A p value with two digits."""
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def spread_text(mean: float, deviation: float) -> str:
    """A mean of fractions and its standard deviation, in %."""
    return f"{100 * mean:.1f} ± {100 * deviation:.1f}"
