"""Which method beats which: the pairwise penalty matrix, and ranks over settings."""

from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
import pandas as pd

from dalbt_ray.report.baselines import BASELINE
from dalbt_ray.report.curves import carried_on
from dalbt_ray.report.measures import MAIN
from dalbt_ray.report.paired import holm, paired_t_test
from dalbt_ray.report.summaries import compared_rounds, trial_summary


@dataclass(frozen=True)
class PenaltyMatrix:
    """Who beats whom how often, and the tests behind it.

    Attributes:
        matrix: row beats column: summed over settings, the share of checkpoints with a significant win. At
            most the number of settings.
        beaten: per method, its column's mean over the other methods; lower is better.
        tests: one row per setting, checkpoint and pair: `setting, round, method, rival, n_seeds,
            dropped_seeds, difference, p, p_holm`.
        checkpoints: the rounds that count, per setting.
    """

    matrix: pd.DataFrame
    beaten: "pd.Series[float]"
    tests: pd.DataFrame
    checkpoints: dict[str, list[int]]

    @property
    def by_wins(self) -> list[str]:
        """The methods, most wins first; of equal ones the least beaten."""
        wins = self.matrix.sum(axis=1)
        return sorted(self.matrix.index, key=lambda name: (-wins[name], self.beaten[name], name))

    @property
    def significant(self) -> bool:
        """Whether any pair differs at any checkpoint."""
        return bool(self.matrix.to_numpy().any())


def checkpoints(rounds: pd.DataFrame, enough: float = 0.99) -> list[int]:
    """The rounds at which methods are compared: 1, 2, 4, 8, ... until random has almost reached its end.

    Ash et al. 2020 (BADGE, section 4) compare at L0 + 2^(k-1) b labels, until random sampling reaches 99 %
    of its final accuracy: later on all methods agree. Without random trials every power of two counts.

    Args:
        rounds: prepared rounds of one setting.
        enough: the share of random's final accuracy.
    """
    last = int(rounds["round"].max())
    powers = [2**k for k in range(last.bit_length()) if 2**k <= last]
    random = rounds[rounds["strategy"] == BASELINE].groupby("round")[MAIN].mean().dropna()
    if random.empty:  # or it has diverged
        return powers
    reached = int(random.index[random >= enough * random.iloc[-1]][0])
    return [r for r in powers if r < reached] + [r for r in powers if r >= reached][:1]


def penalty_matrix(rounds: pd.DataFrame, alpha: float = 0.05) -> PenaltyMatrix:
    """The pairwise penalty matrix of Ash et al. 2020, with two repairs.

    In every setting, at every checkpoint, each pair of methods is compared by a two-sided paired t-test
    over seeds; a significant win adds 1 / (number of checkpoints). The original pairs runs by position and
    corrects nothing; here runs are joined on the seed, and p values are Holm-corrected over all pairs and
    checkpoints of a setting, as in nnActive. Rounds beyond a setting's horizon do not count; a trial that ended early
    by itself keeps its last accuracy up to there, as in areas and curves.

    Args:
        rounds: a prepared `rounds` frame.
        alpha: level after correction.
    """
    methods = sorted(rounds["method"].unique())
    rounds = compared_rounds(carried_on(rounds))
    matrix = pd.DataFrame(0.0, index=methods, columns=methods)
    chosen: dict[str, list[int]] = {}
    pieces = []
    for setting, group in rounds.groupby("setting", sort=False):
        here = sorted(group["method"].unique())
        pairs = list(combinations(here, 2))
        chosen[str(setting)] = checkpoints(group)
        tests = [_tests(group, r, pairs) for r in chosen[str(setting)] if pairs]
        if not tests:
            continue
        piece = pd.concat(tests, ignore_index=True)
        piece.insert(0, "setting", setting)
        piece["p_holm"] = holm(piece["p"].to_numpy(np.float64))
        won = piece[piece["p_holm"] < alpha]
        for method, rival, difference in zip(won["method"], won["rival"], won["difference"], strict=True):
            winner, loser = (method, rival) if difference > 0 else (rival, method)
            matrix.loc[winner, loser] += 1.0 / len(tests)
        pieces.append(piece)
    names = ["setting", "round", "method", "rival", "n_seeds", "dropped_seeds", "difference", "p", "p_holm"]
    return PenaltyMatrix(
        matrix=matrix,
        beaten=matrix.sum() / max(1, len(methods) - 1),
        tests=pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=names),
        checkpoints=chosen,
    )


def _tests(group: pd.DataFrame, checkpoint: int, pairs: list[tuple[str, str]]) -> pd.DataFrame:
    """All pairs at one checkpoint."""
    table = group[group["round"] == checkpoint].pivot_table(
        index="seed", columns="method", values=MAIN, dropna=False
    )
    table = table.reindex(columns=sorted({name for pair in pairs for name in pair}))
    a = table[[method for method, _ in pairs]].to_numpy(np.float64)
    b = table[[rival for _, rival in pairs]].to_numpy(np.float64)
    test = paired_t_test(a - b)
    alone = np.isnan(a) != np.isnan(b)
    return pd.DataFrame(
        {
            "round": checkpoint,
            "method": [method for method, _ in pairs],
            "rival": [rival for _, rival in pairs],
            "n_seeds": test.n,
            "dropped_seeds": [" ".join(str(s) for s in table.index[alone[:, i]]) for i in range(len(pairs))],
            "difference": test.mean,
            "p": test.p,
        }
    )


def setting_means(rounds: pd.DataFrame, value: str = "aubc") -> pd.DataFrame:
    """Mean over complete seeds: settings in rows, methods in columns, NaN where a setting lacks a method."""
    trials = trial_summary(rounds)
    return trials.pivot_table(index="setting", columns="method", values=value, sort=False)


def mean_ranks(means: pd.DataFrame) -> tuple["pd.Series[float]", list[str], list[str]]:
    """Mean rank of every method over settings, 1 for the best; ties share their ranks.

    Ranks compare only where everybody took part. So the largest complete block counts: settings times
    methods at its greatest, more settings first.

    Args:
        means: a frame of `setting_means`.

    Returns:
        (mean rank per method of the block, best first; the block's settings; methods that were left out).
    """
    present = means.notna()
    best: tuple[int, int, list[str], list[str]] = (0, 0, [], [])
    for least in range(1, len(means) + 1):
        methods = [str(name) for name in means.columns if present[name].sum() >= least]
        settings = [str(name) for name in means.index if methods and present.loc[name, methods].all()]
        best = max(
            best, (len(settings) * len(methods), len(settings), methods, settings), key=lambda b: b[:2]
        )
    _, _, methods, settings = best
    ranks = means.loc[settings, methods].rank(axis=1, ascending=False).mean().sort_values()
    return ranks, settings, [str(name) for name in means.columns if name not in methods]


def critical_difference(n_methods: int, n_settings: int, alpha: float = 0.05) -> float:
    """The difference in mean ranks from which two methods differ: Nemenyi's test (Demsar 2006, section 3.2.2).

    q sqrt(k (k + 1) / (6 N)), with q the studentized range at infinite degrees of freedom over sqrt(2).
    """
    from scipy import stats

    q = stats.studentized_range.ppf(1 - alpha, n_methods, np.inf) / sqrt(2)
    return float(q * sqrt(n_methods * (n_methods + 1) / (6 * n_settings)))


def pairwise_wilcoxon(means: pd.DataFrame) -> pd.DataFrame:
    """Wilcoxon signed-rank tests over settings, two-sided, for every pair of methods, Holm-corrected.

    Each pair uses the settings that both have, so that, unlike mean ranks, its result does not depend on
    which other methods are in the study (Benavoli et al. 2015).

    Args:
        means: a frame of `setting_means`.

    Returns:
        `method, rival, n_settings, wins, losses, difference` (mean), `smallest_p` (what so few settings can
        give), `p, p_holm`.
    """
    from scipy import stats

    rows = []
    for method, rival in combinations(means.columns, 2):
        difference = (means[method] - means[rival]).dropna().to_numpy(np.float64)
        n = len(difference)
        p = float("nan")
        if n >= 2:
            p = float(stats.wilcoxon(difference).pvalue) if difference.any() else 1.0
        rows.append(
            {
                "method": method,
                "rival": rival,
                "n_settings": n,
                "wins": int((difference > 0).sum()),
                "losses": int((difference < 0).sum()),
                "difference": float(difference.mean()) if n else float("nan"),
                "smallest_p": min(1.0, 2.0 ** (1 - n)) if n else float("nan"),
                "p": p,
            }
        )
    columns = ["method", "rival", "n_settings", "wins", "losses", "difference", "smallest_p", "p"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["p_holm"] = holm(frame["p"].to_numpy(np.float64))
    return frame
