"""Sanity checks of a sweep: what must hold if seeds, splits, queries and bookkeeping are right."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dalbt_ray.report.check import Check, judged
from dalbt_ray.report.measures import MAIN, Measure, recorded
from dalbt_ray.report.paired import holm, paired_t_test
from dalbt_ray.report.picks import Picks
from dalbt_ray.report.query_checks import labels_grow, picks_are_new, queries_add_up, random_is_uniform
from dalbt_ray.report.statistics import ALPHA
from dalbt_ray.report.study import Json, Study
from dalbt_ray.report.summaries import horizons, trial_summary


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
        networks_converged(rounds),
        curves_rise(rounds),
    ]


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
    return judged(title, offenders, good, "Pairing or seeding is broken")


def equal_initial_sets(study: Study) -> Check:
    """Every method of a setting and seed starts from the same labeled images."""
    title = "Every strategy of a seed starts from the same labeled images"
    groups = study.rounds[study.rounds["round"] == 0].groupby(["setting", "seed"])
    if not (groups["trial_id"].nunique() > 1).any():
        return Check(title, "not applicable", "No two trials share a seed.")
    count = groups["labeled_sha256"].nunique()
    offenders = [f"{setting} seed {seed}" for setting, seed in count.index[count > 1]]
    return judged(title, offenders, f"{len(count)} initial sets, each shared.", "Initial sets differ")


def held_out_images_are_apart(manifests: Mapping[str, Json]) -> Check:
    """No test image among the images to train on, and no OOD image that is one, by hashes of pixels."""
    title = "Test images, and OOD ones, are none of the training images"
    counted = [(each["config"], each["data"]) for each in manifests.values() if "data" in each]
    if not counted:
        why = "The manifests do not say." if manifests else "No trial has finished."
        return Check(title, "not applicable", why)
    offenders = []
    for config, data in counted:
        name, ood = config["dataset"], config["ood"]
        if data.get("test_in_train"):
            offenders.append(f"{data['test_in_train']} test images of {name}")
        if data.get("ood_in_train"):
            offenders.append(f"{data.get('ood_in_train')} images of {ood} that are in {name}")
    sets = {(config["dataset"], config["ood"]) for config, _ in counted}
    good = f"{len(sets)} pools: no image of theirs has the pixels of a test image or of an OOD one."
    return judged(title, offenders, good, "Equal pixels")


def measures_are_sound(rounds: pd.DataFrame, known: list[Measure]) -> Check:
    """Fractions lie between 0 and 1, nats are not negative, and what a trial measures it has in every good round.

    Not in a diverged round, nor in one without a label, where nothing is trained.
    """
    every = rounds[(rounds["status"] != "diverged") & (rounds["n_labeled"] > 0)]
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
    return judged(
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
    return judged("Every trial ended well", offenders, f"{len(last)} trials.", "These did not")


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
    check = judged(title, missing, "No seed is missing.", "Means are over fewer seeds here")
    if missing and running:
        return Check(title, "not applicable", f"The sweep is not finished. {check.sentence}")
    return check


def one_trial_per_cell(rounds: pd.DataFrame) -> Check:
    """Two trials in one cell and seed would be averaged as if they were one."""
    counts = rounds.groupby(["setting", "method", "seed"])["trial_id"].nunique()
    offenders = [f"{setting} {method} seed {seed}" for setting, method, seed in counts.index[counts > 1]]
    bad = "Several trials have the same configuration and seed"
    return judged("One trial per method and seed", offenders, f"{len(counts)} cells.", bad)


def areas_agree(rounds: pd.DataFrame) -> Check:
    """AUBC of the tables against one computed here, by another route: the mean of the curve on a fine grid."""
    title = "AUBC recomputed from the rounds equals the tables"
    trials = trial_summary(rounds)
    trials = trials[trials["aubc"].notna()]
    if trials.empty:
        return Check(title, "not applicable", "No trial has two rounds yet.")
    ends = horizons(rounds)
    measured = rounds[rounds[MAIN].notna()]
    curves = {str(trial_id): trial for trial_id, trial in measured.groupby("trial_id")}
    offenders = []
    for trial_id, setting, area in zip(trials["trial_id"], trials["setting"], trials["aubc"], strict=True):
        curve = curves[trial_id]
        start, end = int(curve["n_bought"].iloc[0]), int(ends[setting])
        # Every query is a whole number of labels, so each label's mean of both ends is the exact area.
        grid = np.interp(np.arange(start, end + 1), curve["n_bought"], curve[MAIN])
        if abs((grid[1:] + grid[:-1]).mean() / 2 - area) > 1e-9:
            offenders.append(trial_id)
    return judged(title, offenders, f"{len(trials)} areas.", "They differ in trials")


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
    return judged(title, offenders, good, "The trials' manifests disagree")


def networks_converged(rounds: pd.DataFrame) -> Check:
    """Every network fits the images that it was trained on, or is a head that is solved: `converged` of its round."""
    title = "Every network converged"
    if "converged" not in rounds or rounds["converged"].isna().all():
        return Check(
            title,
            "not applicable",
            "No round says: they diverged, or are of an older version.",
        )
    told = rounds[rounds["converged"].notna()]
    failing = told[~told["converged"].astype(bool)]
    counts = (failing["setting"] + " " + failing["method"]).value_counts(sort=False)
    offenders = [f"{cell} ({n} rounds)" for cell, n in counts.items()]
    return judged(title, offenders, f"{len(told):,} rounds.", "Trained too little, so not to be compared")


def curves_rise(rounds: pd.DataFrame) -> Check:
    """No method is significantly worse in a round than in the one before: paired on seeds, Holm over a setting."""
    title = "More labels never gave a significantly lower curve"
    steps = rounds[["setting", "method", "seed", "round", MAIN]].copy()
    steps["step"] = rounds.groupby("trial_id")[MAIN].diff()
    table = steps.pivot_table(index="seed", columns=["setting", "method", "round"], values="step")
    if table.empty:
        return Check(title, "not applicable", "No trial has two rounds yet.")
    test = paired_t_test(table.to_numpy(np.float64))
    found = table.columns.to_frame(index=False).assign(p=test.p, step=test.mean)
    found["p"] = found.groupby("setting")["p"].transform(lambda p: holm(p.to_numpy(np.float64)))
    if found["p"].isna().all():
        return Check(title, "not applicable", "No method has two seeds of a round.")
    lower = found[(found["p"] < ALPHA) & (found["step"] < 0)]
    offenders = [
        f"{setting} {method} round {r} ({100 * step:+.2f} points)"
        for setting, method, r, step in lower[["setting", "method", "round", "step"]].to_numpy()
    ]
    good = f"{len(found):,} steps from a round to the next, none of them significantly down (paired, Holm)."
    return judged(title, offenders, good, "Significantly lower than the round before")
