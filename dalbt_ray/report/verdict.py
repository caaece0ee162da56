"""What the sweep found, in at most three sentences: made from the tests, and never saying more than they do."""

from dataclasses import dataclass
from math import isnan

import pandas as pd

from dalbt_ray.report.statistics import ALPHA
from dalbt_ray.report.wording import points

SHOWN = 4
"""Methods that a sentence names; further claims are counted."""


@dataclass(frozen=True)
class Claim:
    """One significant difference: a row of `compare_with_random`.

    Attributes:
        setting, method, baseline, shows: which comparison.
        difference, low, high: in AUBC, with its 95 % t interval.
    """

    setting: str
    method: str
    baseline: str
    shows: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """The answer of a sweep.

    Attributes:
        above, below: significant differences to random sampling after Holm's correction, the largest first.
        untold: comparisons that are not significant, or could not be tested.
        tested: comparisons that could be tested.
        seeds: the fewest and the most paired seeds behind a test.
        detectable: the largest difference that one of the untold comparisons would have missed more than one time in
            five; NaN where none was tested.
        n_settings: settings with comparisons.
    """

    above: list[Claim]
    below: list[Claim]
    untold: int
    tested: int
    seeds: tuple[int, int]
    detectable: float
    n_settings: int

    @property
    def sentences(self) -> list[str]:
        """At most three."""
        if not self.tested:
            if not self.untold:
                return [
                    "Nothing can be compared: there is no random sampling to compare with, or nothing has finished."
                ]
            return ["Nothing can be told yet: no method shares two finished seeds with random sampling."]
        said = []
        if self.above:
            said.append(
                f"Significantly better than random sampling in AUBC: {_listed(self.above, self.n_settings)}."
            )
        else:
            said.append("No method is significantly better than random sampling in AUBC.")
        if self.below:
            said.append(f"Significantly worse than it: {_listed(self.below, self.n_settings)}.")
        if self.untold:
            least, most = self.seeds
            seeds = f"{least}" if least == most else f"{least} to {most}"
            total = self.untold + len(self.above) + len(self.below)
            missed = (
                ""
                if isnan(self.detectable)
                else f": differences of up to {100 * self.detectable:.2g} points are missed more than one time in five"
            )
            said.append(
                f"{self.untold} of {total} comparisons cannot be told from chance with {seeds} seeds{missed}."
            )
        return said


def find_verdict(against_random: pd.DataFrame) -> Verdict:
    """The verdict of the comparisons in AUBC.

    Args:
        against_random: what `compare_with_random` returned, whole.
    """
    tested = against_random[against_random["p_holm"].notna()]
    significant = tested[tested["p_holm"] < ALPHA]
    open_ones = against_random.drop(index=significant.index)
    names = ["setting", "method", "baseline", "shows", "difference", "low", "high"]
    claims = [Claim(*row) for row in significant[names].itertuples(index=False)]
    detectable = open_ones["detectable"].max()
    return Verdict(
        above=sorted((c for c in claims if c.difference > 0), key=lambda c: -c.difference),
        below=sorted((c for c in claims if c.difference < 0), key=lambda c: c.difference),
        untold=len(open_ones),
        tested=len(tested),
        seeds=(int(tested["n_seeds"].min()), int(tested["n_seeds"].max())) if len(tested) else (0, 0),
        detectable=float(detectable),
        n_settings=against_random["setting"].nunique(),
    )


def _listed(claims: list[Claim], n_settings: int) -> str:
    """The claims by method and baseline: what the selection does first, then those that hold in the most settings."""
    groups: dict[tuple[str, str, str], list[Claim]] = {}
    for claim in claims:
        groups.setdefault((claim.shows, claim.method, claim.baseline), []).append(claim)
    order = sorted(
        groups.values(),
        key=lambda group: (
            group[0].shows != "selection",
            -len(group),
            -max(abs(c.difference) for c in group),
        ),
    )
    said = [_said(group, n_settings) for group in order[:SHOWN]]
    rest = sum(len(group) for group in order[SHOWN:])
    return "; ".join(said) + (f"; and {rest} more, in the table" if rest else "")


def _said(group: list[Claim], n_settings: int) -> str:
    """`dalbt (joint) against random (joint) by +2.10 (+1.31 to +2.89) points`, and what it shows beside selection."""
    first = group[0]
    what = f"{first.method} against {first.baseline}"
    if first.shows != "selection":
        what += f" [{first.shows}]"
    if len(group) == 1:
        where = f" in {first.setting}" if n_settings > 1 else ""
        return f"{what} by {points(first.difference, first.low, first.high)} points{where}"
    least, most = sorted((claim.difference for claim in group), key=abs)[:: len(group) - 1]
    where = f" ({'; '.join(claim.setting for claim in group)})" if len(group) < n_settings else ""
    settings = f"{len(group)} of {n_settings} settings"
    return f"{what} in {settings} by {points(least)} to {points(most)} points{where}"
