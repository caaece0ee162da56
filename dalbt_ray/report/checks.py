"""Sanity checks of a sweep: what must hold if seeds, splits, queries and bookkeeping are right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from dalbt_ray.report.baselines import BASELINE
from dalbt_ray.report.measures import MAIN, Measure, recorded
from dalbt_ray.report.picks import Picks
from dalbt_ray.report.study import Json, Study
from dalbt_ray.report.summaries import horizons, trial_summary

State = Literal["passed", "failed", "not applicable"]
SHOWN = 5
"""Offenders that a sentence names; the others are counted."""


@dataclass(frozen=True)
class Check:
    """One check: what it asks, whether it holds, and what was found."""

    title: str
    state: State
    sentence: str


def run_checks(study: Study, picks: dict[str, Picks]) -> list[Check]:
    """All checks, in the order of the report; `picks` are the study's queries by trial."""
    rounds = study.rounds
    known = recorded(study.measures, rounds)
    return [
        equal_starts(rounds, known),
        equal_initial_sets(study),
        held_out_images_are_apart(study.manifests),
        labels_grow(rounds),
        picks_are_new(picks),
        queries_add_up(rounds, picks),
        random_is_uniform(rounds),
        measures_are_sound(rounds, known),
        trials_ended_well(rounds, study.failures),
        seeds_are_complete(rounds, running=bool(study.running)),
        one_trial_per_cell(rounds),
        areas_agree(rounds),
        one_origin(study.manifests),
    ]


def _verdict(title: str, offenders: Iterable[object], good: str, bad: str) -> Check:
    names = list(dict.fromkeys(str(name) for name in offenders))
    if not names:
        return Check(title, "passed", good)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return Check(title, "failed", f"{bad}: {', '.join(names[:SHOWN])}{more}.")


def equal_starts(rounds: pd.DataFrame, known: list[Measure]) -> Check:
    """Trials of one seed that train the same network must have the same round 0, to the last bit."""
    title = "Round 0 is the same for strategies that train the same network"
    groups = rounds[rounds["round"] == 0].groupby(["dataset", "ood", "seed", "network_id"])
    shared = groups["trial_id"].nunique()
    if not (shared > 1).any():
        return Check(title, "not applicable", "No two trials share seed and network.")
    different = (
        groups[[*(each.column for each in known), "labeled_sha256"]].nunique(dropna=False).gt(1).any(axis=1)
    )
    offenders = [
        f"{d}{'+' + o if o else ''} seed {s} network {n}" for d, o, s, n in different.index[different]
    ]
    good = (
        f"{int((shared > 1).sum())} groups of trials with equal seed and network: all equal to the last bit."
    )
    return _verdict(title, offenders, good, "Pairing or seeding is broken")


def equal_initial_sets(study: Study) -> Check:
    """Every method of a setting and seed starts from the same labeled images."""
    title = "Every strategy of a seed starts from the same labeled images"
    groups = study.rounds[study.rounds["round"] == 0].groupby(["setting", "seed"])
    if not (groups["trial_id"].nunique() > 1).any():
        return Check(title, "not applicable", "No two trials share a seed.")
    count = groups["labeled_sha256"].nunique()
    offenders = [f"{setting} seed {seed}" for setting, seed in count.index[count > 1]]
    return _verdict(title, offenders, f"{len(count)} initial sets, each shared.", "Initial sets differ")


def held_out_images_are_apart(manifests: Mapping[str, Json]) -> Check:
    """No test image among the images to train on, and no OOD image that is one, by hashes of pixels."""
    title = "Test images, and OOD ones, are none of the training images"
    counted = [(each["config"], each["data"]) for each in manifests.values() if "data" in each]
    if not counted:
        return Check(title, "not applicable", "No trial has finished.")
    offenders = []
    for config, data in counted:
        name, ood = config["dataset"], config["ood"]
        if data.get("test_in_train"):
            offenders.append(f"{data['test_in_train']} test images of {name}")
        if data.get("ood_in_train"):
            offenders.append(f"{data.get('ood_in_train')} images of {ood} that are in {name}")
    sets = {(config["dataset"], config["ood"]) for config, _ in counted}
    good = f"{len(sets)} pools: no image of theirs has the pixels of a test image or of an OOD one."
    return _verdict(title, offenders, good, "Equal pixels")


def labels_grow(rounds: pd.DataFrame) -> Check:
    """Rounds follow one another; each acquires its budget, or what is left; labeled = initial set + acquired.

    No image of the pool gets lost: what is labeled and what is not add up to the same number in every round.
    """
    offenders = []
    for trial_id, trial in rounds.groupby("trial_id"):
        acquired, labeled = trial["n_bought"].to_numpy(), trial["n_labeled"].to_numpy()
        left = trial["n_unlabeled"].to_numpy()
        spent = np.diff(acquired) == np.minimum(trial["budget"].to_numpy()[1:], left[:-1])
        gained = labeled == labeled[0] + acquired - trial["n_ood_bought"].to_numpy()
        in_order = trial["round"].to_numpy() == np.arange(len(trial))
        # OOD images return to the pool, or are discarded: one of the two sums never changes.
        kept = labeled + left
        whole = [np.ptp(kept) == 0, np.ptp(kept + trial["n_ood_bought"].to_numpy()) == 0]
        if not (spent.all() and gained.all() and in_order.all() and any(whole) and acquired[0] == 0):
            offenders.append(trial_id)
    good = "Every round acquired its budget (or the rest of the pool), and labels add up."
    return _verdict("The labeled set grows as planned", offenders, good, "It does not in trials")


def picks_are_new(picks: dict[str, Picks]) -> Check:
    """No image twice in one query, and no in-distribution image acquired twice in a trial."""
    title = "No image is acquired twice"
    total = sum(len(each.images) for each in picks.values())
    if not total:
        return Check(title, "not applicable", "Nothing has been acquired yet.")
    offenders = []
    for trial_id, each in picks.items():
        own = each.images[~each.is_ood]
        # An image and its round as one number: equal ones are the same image in one query.
        at_once = each.images * (each.rounds.max(initial=0) + 1) + each.rounds
        if len(np.unique(own)) < len(own) or len(np.unique(at_once)) < len(at_once):
            offenders.append(trial_id)
    good = f"{total:,} queries: distinct within a round, and no labeled image was acquired again."
    return _verdict(title, offenders, good, "Images were acquired twice in trials")


def queries_add_up(rounds: pd.DataFrame, picks: dict[str, Picks]) -> Check:
    """The two tables must tell the same story."""
    title = "Queries are counted the same in both tables"
    last = rounds.groupby("trial_id")[["n_bought", "n_ood_bought"]].last()
    told = zip(last.index, last["n_bought"], last["n_ood_bought"], strict=True)
    offenders = [
        trial_id
        for trial_id, acquired, ood in told
        if (acquired, ood) != (len(picks[trial_id].images), int(picks[trial_id].is_ood.sum()))
    ]
    return _verdict(title, offenders, "Rounds and selections agree in every trial.", "They differ in trials")


def random_is_uniform(rounds: pd.DataFrame) -> Check:
    """Random's purity must be what drawing without replacement from the images available gives.

    Each query is hypergeometric given the ones before, so means and variances add up over rounds and
    trials. An OOD image that was returned is not offered again until all others have been, so only the
    fresh ones count.
    """
    title = "Random acquires OOD images at the base rate"
    random = rounds[(rounds["strategy"] == BASELINE) & (rounds["ood"] != "")]
    seen = expected = variance = 0.0
    n = 0
    for _, trial in random.groupby("trial_id"):
        ood_acquired = trial["n_ood_bought"].to_numpy(np.float64)
        share, left = trial["pool_ood_share"].to_numpy(np.float64), trial["n_unlabeled"].to_numpy(np.float64)
        acquired = np.diff(trial["n_bought"].to_numpy(np.float64))
        if not len(acquired):
            continue
        first = round(share[1] * left[0])
        for r, draws in enumerate(acquired, start=1):
            fresh = first - ood_acquired[r - 1]
            pool = left[r - 1] * (1 - share[r]) + fresh
            if fresh <= 0 or pool <= draws or trial["n_repeat"].to_numpy()[r]:
                break
            rate = fresh / pool
            seen += ood_acquired[r] - ood_acquired[r - 1]
            expected += draws * rate
            variance += draws * rate * (1 - rate) * (pool - draws) / (pool - 1)
            n += int(draws)
    if not variance:
        return Check(title, "not applicable", "No random query from a mixed pool.")
    z = (seen - expected) / sqrt(variance)
    p = 2 * float(stats.norm.sf(abs(z)))
    sentence = (
        f"{seen:.0f} of {n} images were OOD; {expected:.1f} ± {sqrt(variance):.1f} expected (p = {p:.2g})."
    )
    return Check(title, "passed" if p > 1e-3 else "failed", sentence)


def measures_are_sound(rounds: pd.DataFrame, known: list[Measure]) -> Check:
    """Fractions lie between 0 and 1, nats are not negative, and what a trial measures it has in every good round."""
    every = rounds[rounds["status"] != "diverged"]
    wrong = pd.Series(data=False, index=every.index)
    for measure in known:
        values = every[measure.column]
        if measure.unit == "percent":
            wrong |= (values < 0) | (values > 1)
        elif measure.unit == "nats":
            wrong |= values < 0
    for column in (measure.column for measure in known if measure.reported):
        measuring = every["trial_id"].isin(every.loc[every[column].notna(), "trial_id"])
        wrong |= every[column].isna() & measuring
    return _verdict(
        "Measures are possible values",
        every.loc[wrong, "trial_id"],
        f"{len(every):,} rounds.",
        "They are not in trials",
    )


def trials_ended_well(rounds: pd.DataFrame, failures: Mapping[str, Json]) -> Check:
    """No trial failed, diverged or stalled; an exhausted pool is a good end."""
    last = rounds.groupby("trial_id").tail(1)
    bad = last[~last["status"].isin(["ok", "pool_exhausted"])]
    offenders = [f"{row.method} seed {row.seed} ({row.status})" for row in bad.itertuples()]
    offenders += [
        f"{trial_id} (failed: {error.get('type', 'unknown')})" for trial_id, error in failures.items()
    ]
    return _verdict("Every trial ended well", offenders, f"{len(last)} trials.", "These did not")


def seeds_are_complete(rounds: pd.DataFrame, *, running: bool) -> Check:
    """Every method of a setting has every seed of the setting, as far as the setting is compared."""
    title = "Every cell has all its seeds"
    trials = trial_summary(rounds)
    missing = []
    for setting, group in trials.groupby("setting", sort=False):
        seeds = set(group["seed"])
        done = group[group["complete"]].groupby("method")["seed"].agg(set)
        for method in group["method"].unique():
            lacking = sorted(seeds - done.get(method, set()))
            missing += [f"{setting} {method} seed {seed}" for seed in lacking]
    check = _verdict(title, missing, "No seed is missing.", "Means are over fewer seeds here")
    if missing and running:
        return Check(title, "not applicable", f"The sweep is not finished. {check.sentence}")
    return check


def one_trial_per_cell(rounds: pd.DataFrame) -> Check:
    """Two trials in one cell and seed would be averaged as if they were one."""
    counts = rounds.groupby(["setting", "method", "seed"])["trial_id"].nunique()
    offenders = [f"{setting} {method} seed {seed}" for setting, method, seed in counts.index[counts > 1]]
    bad = "Several trials have the same configuration and seed"
    return _verdict("One trial per method and seed", offenders, f"{len(counts)} cells.", bad)


def areas_agree(rounds: pd.DataFrame) -> Check:
    """AUBC of the tables against one computed here, by another route: the mean of the curve on a fine grid."""
    title = "AUBC recomputed from the rounds equals the tables"
    trials = trial_summary(rounds)
    trials = trials[trials["aubc"].notna()]
    if trials.empty:
        return Check(title, "not applicable", "No trial has two rounds yet.")
    ends = horizons(rounds)
    curves = {str(trial_id): trial for trial_id, trial in rounds.groupby("trial_id")}
    offenders = []
    for trial_id, setting, area in zip(trials["trial_id"], trials["setting"], trials["aubc"], strict=True):
        curve = curves[trial_id]
        end = int(ends[setting])
        # Every query is a whole number of labels, so each label's mean of both ends is the exact area.
        grid = np.interp(np.arange(end + 1), curve["n_bought"], curve[MAIN])
        if abs((grid[1:] + grid[:-1]).mean() / 2 - area) > 1e-9:
            offenders.append(trial_id)
    return _verdict(title, offenders, f"{len(trials)} areas.", "They differ in trials")


def one_origin(manifests: Mapping[str, Json]) -> Check:
    """Trials of one table should come from the same code, packages and algorithm; images of a name from one file."""
    title = "All trials come from the same code and versions"
    if not manifests:
        return Check(title, "not applicable", "No trial has finished.")
    seen: dict[str, set[str]] = {}
    changed = False
    for manifest in manifests.values():
        code, environment = manifest.get("code", {}), manifest.get("environment", {})
        config = manifest.get("config", {})
        facts = {
            "git commits": code.get("commit"),
            "algorithm versions": manifest.get("algorithm_version"),
            "Python versions": environment.get("python"),
            "devices": environment.get("device"),
            f"data hashes of {config.get('dataset')} {config.get('ood', '')}".strip(): manifest.get(
                "data_hash"
            ),
        }
        facts |= {f"versions of {name}": version for name, version in environment.get("packages", {}).items()}
        for name, value in facts.items():
            seen.setdefault(name, set()).add(str(value))
        changed |= bool(code.get("dirty"))
    offenders = [f"{len(values)} {name}" for name, values in seen.items() if len(values) > 1]
    good = f"{len(manifests)} manifests agree."
    if changed:
        good += " The code had uncommitted changes, which no manifest can tell apart."
    return _verdict(title, offenders, good, "The trials' manifests disagree")
