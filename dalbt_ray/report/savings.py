"""How many labels a method saves: labels to an accuracy, against random sampling with the same seed."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dalbt_ray.report.baselines import randoms
from dalbt_ray.report.measures import MAIN
from dalbt_ray.report.paired import paired_t_test
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import Axis, compared_rounds, trial_summary


def labels_to_target(rounds: pd.DataFrame, target: float, axis: Axis = "n_bought") -> pd.DataFrame:
    """Labels that each trial needed to reach an accuracy, by linear interpolation between rounds.

    Args:
        rounds: prepared rounds.
        target: test accuracy to reach, in [0, 1].
        axis: `n_bought` counts the initial set and everything paid for; `n_labeled` only what was trained on.

    Returns:
        One row per trial: `trial_id, setting, method, seed, labels, reached`. Where `reached` is False the trial is
        censored: `labels` is then how far it got, a lower bound.
    """
    trials = rounds.drop_duplicates("trial_id")[["trial_id", "setting", "method", "seed"]]
    found = [_crossing(*curve, target) for curve in _curves(rounds, axis).values()]
    return trials.assign(
        labels=[labels for labels, _ in found], reached=[reached for _, reached in found]
    ).reset_index(drop=True)


Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def _curves(rounds: pd.DataFrame, axis: Axis = "n_bought") -> dict[str, Curve]:
    """Labels, initial set included, and accuracies of every trial; prepared rounds have trials one after the other."""
    starts = np.flatnonzero(~rounds["trial_id"].duplicated())
    labels, values = rounds[axis].to_numpy(np.float64), rounds[MAIN].to_numpy(np.float64)
    initial = (
        rounds["n_labeled"].to_numpy(np.float64)[starts] if axis == "n_bought" else np.zeros(len(starts))
    )
    ends = [*starts, len(rounds)][1:]
    ids = rounds["trial_id"].to_numpy()[starts]
    return {
        str(trial_id): (labels[start:end] + paid, values[start:end])
        for trial_id, start, end, paid in zip(ids, starts, ends, initial, strict=True)
    }


def _crossing(labels: NDArray[np.float64], values: NDArray[np.float64], goal: float) -> tuple[float, bool]:
    """Where a curve first reaches `goal`, by linear interpolation; its end if it never does."""
    above = np.flatnonzero(values >= goal)
    if not len(above):
        return float(labels[-1]), False
    i = int(above[0])
    if i == 0 or np.isnan(values[i - 1]):  # there is no accuracy before the first label
        return float(labels[i]), True
    share = (goal - values[i - 1]) / (values[i] - values[i - 1])
    return float(labels[i - 1] + share * (labels[i] - labels[i - 1])), True


def saving_against_random(study: Study, target: float | None = None) -> pd.DataFrame:
    """The share of labels that a method saves on the way to an accuracy that random sampling reaches too.

    In every seed, method and random are asked for the labels to the same accuracy: by default the lower of their
    two final ones, so that both get there and neither side is favored. (The final accuracy of random as the target
    favors the method: where it does not arrive the seed is lost, where it does it was early. Intervals then excluded
    zero in 30 % of studies without any effect.) The saving is 1 - exp(mean of log(labels / random's labels)), its
    95 % interval a t interval on the logarithms.

    Args:
        study: a prepared study.
        target: a test accuracy for all. Seeds in which either does not reach it are counted, not guessed.

    Returns:
        `setting, method, baseline, target` (mean over seeds), `n_seeds` (shared), `reached, baseline_reached, n_both`
        (seeds that got there), `labels, baseline_labels` (medians over those), `saving, low, high`.
    """
    curves = _curves(compared_rounds(study.rounds))
    trials = trial_summary(study.rounds)
    trials = trials[trials["complete"]]
    rows = []
    for setting, group in trials.groupby("setting", sort=False):
        uniform = set(randoms(study.configs_of(str(setting))))
        for method in sorted(set(group["method"]) - uniform):
            baseline = study.baseline(str(setting), method)
            names = ["seed", "trial_id", "final"]
            one, other = (group.loc[group["method"] == name, names] for name in (method, baseline))
            pair = one.merge(other, on="seed", suffixes=("", "_random"))
            if pair.empty:
                continue
            goals = pair[["final", "final_random"]].min(axis=1)
            if target is not None:
                goals[:] = target
            for end in ("", "_random"):
                found = [
                    _crossing(*curves[trial_id], goal)
                    for trial_id, goal in zip(pair[f"trial_id{end}"], goals, strict=True)
                ]
                pair[f"labels{end}"] = [labels for labels, _ in found]
                pair[f"reached{end}"] = [reached for _, reached in found]
            both = pair[pair["reached"] & pair["reached_random"]]
            saving, low, high = _saving(
                both["labels"].to_numpy(np.float64), both["labels_random"].to_numpy(np.float64)
            )
            rows.append(
                {
                    "setting": setting,
                    "method": method,
                    "baseline": baseline,
                    "target": float(goals.mean()),
                    "n_seeds": len(pair),
                    "reached": int(pair["reached"].sum()),
                    "baseline_reached": int(pair["reached_random"].sum()),
                    "n_both": len(both),
                    "labels": float(both["labels"].median()),
                    "baseline_labels": float(both["labels_random"].median()),
                    "saving": saving,
                    "low": low,
                    "high": high,
                }
            )
    columns = "setting method baseline target n_seeds reached baseline_reached n_both labels baseline_labels"
    return pd.DataFrame(rows, columns=[*columns.split(), "saving", "low", "high"])


def _saving(labels: NDArray[np.float64], labels_random: NDArray[np.float64]) -> tuple[float, float, float]:
    """The share saved and its interval; NaN where no seed, or a single one, says it."""
    if not len(labels):
        return float("nan"), float("nan"), float("nan")
    test = paired_t_test(np.log(labels / labels_random)[:, None])
    return 1 - float(np.exp(test.mean[0])), 1 - float(np.exp(test.high[0])), 1 - float(np.exp(test.low[0]))
