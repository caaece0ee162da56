"""How the analysis reads a `rounds` frame: which trials compare with which, and what each is called."""

import pandas as pd

SETTING = ["dataset", "ood", "budget"]
"""Trials with equal values here answer the same question and may be compared."""

BASELINE = "random"
"""The strategy that every other one has to beat."""


def prepare_rounds(rounds: pd.DataFrame) -> pd.DataFrame:
    """A sorted copy of `rounds` with the columns `setting` and `method`, the two keys of every comparison.

    `method` is the strategy with its training objective, as in `dalbt (joint)`, followed by `variant` where
    there is one. Two networks in one setting would give one method several trials of one seed; then
    the method carries the first six digits of `network_id`, so that they are never averaged as if they were
    seeds.

    Args:
        rounds: the `rounds` frame of `load_results`, of any number of sweeps.

    Returns:
        One row per trial and round, sorted by data set, OOD set, budget, method, seed and round.
    """
    frame = rounds.copy()
    frame["setting"] = [
        setting_label(dataset, ood, budget)
        for dataset, ood, budget in zip(frame["dataset"], frame["ood"], frame["budget"], strict=True)
    ]
    frame["method"] = [
        method_label(strategy, objective, variant)
        for strategy, objective, variant in zip(
            frame["strategy"], frame["objective"], frame["variant"], strict=True
        )
    ]
    networks = frame.groupby(["setting", "method", "seed"])["network_id"].nunique()
    for setting, method in {(setting, method) for setting, method, _ in networks.index[networks > 1]}:
        rows = (frame["setting"] == setting) & (frame["method"] == method)
        frame.loc[rows, "method"] += " net " + frame.loc[rows, "network_id"].str[:6]
    return frame.sort_values([*SETTING, "method", "seed", "trial_id", "round"], ignore_index=True)


def setting_label(dataset: str, ood: str, budget: int) -> str:
    """The setting in words: `mnist, b=100`, or `cifar10 + svhn, b=1000` for a mixed pool."""
    pool = f"{dataset} + {ood}" if ood else dataset
    return f"{pool}, b={budget}"


def method_label(strategy: str, objective: str, variant: str = "") -> str:
    """The method in words: `dalbt (joint)`, or `dalbt (joint, policy=inlier_band)` for an option."""
    return f"{strategy} ({objective}, {variant})" if variant else f"{strategy} ({objective})"


def is_baseline(method: str) -> bool:
    """Whether `method` is uniform sampling, under any objective."""
    return method.startswith(f"{BASELINE} (")


def baseline_of(method: str, methods: list[str], objective: str | None = None) -> str | None:
    """The random method that `method` is measured against: same objective and same variant, as far as there are.

    Comparing within one objective keeps the gain of the selection apart from the gain of the loss; within one variant
    (more steps, say), apart from the gain of the variant.

    Args:
        method: a label.
        methods: all labels of a setting.
        objective: that of the baseline, if not the method's own.
    """
    wanted, variant = objective or objective_of(method), variant_of(method)
    distance = {
        name: (objective_of(name) != wanted, variant_of(name) != variant, bool(variant_of(name)))
        for name in methods
        if is_baseline(name)
    }
    return min(distance, key=distance.__getitem__, default=None)


def objective_of(method: str) -> str:
    """The training objective inside a method's label."""
    return _inside(method)[0]


def variant_of(method: str) -> str:
    """The variant inside a method's label; empty if it has none."""
    return _inside(method)[1]


def _inside(method: str) -> tuple[str, str]:
    inside = method.split("(", 1)[1].rsplit(")", 1)
    objective, _, variant = inside[0].partition(", ")
    return objective.strip(), variant + inside[1]


def trial_keys(rounds: pd.DataFrame) -> pd.DataFrame:
    """One row per trial with `setting, method, seed, dataset`, indexed by `trial_id`; `rounds` is prepared."""
    return rounds.drop_duplicates("trial_id").set_index("trial_id")[["setting", "method", "seed", "dataset"]]
