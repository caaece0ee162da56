"""Which random trials a method is measured against, and what the difference to them shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

BASELINE = "random"
"""The strategy that every other one has to beat."""

NEARNESS = ("network_id", "objective", "learner", "encoder", "network", "training", "augmentation", "views")
"""What counts first when no random equals a method in all but the strategy: the network that is trained, then the
objective, then the parts of the configuration in this order, then everything else, then the name."""


@dataclass(frozen=True)
class Pair:
    """A method and the random that it meets.

    Attributes:
        method, baseline: their names.
        shows: the parts in which the two differ, as words: `selection`, `selection + objective`, `learner`,
            `min_steps`.
    """

    method: str
    baseline: str
    shows: str


def baseline_of(method: str, configs: pd.DataFrame) -> str | None:
    """The random nearest to `method`: selection is told apart from everything else, as far as the trials allow.

    Args:
        method: a method's name.
        configs: the configuration columns of one setting's methods, by name; `network_id` too where it is known.

    Returns:
        Its name, `method` itself for a random; None where there is no random.
    """
    return _nearest(method, randoms(configs), configs)


def randoms(configs: pd.DataFrame) -> list[str]:
    """The methods that sample uniformly, sorted."""
    return sorted(configs.index[configs["strategy.name"] == BASELINE])


def plain_objective(configs: pd.DataFrame) -> str:
    """The objective of the randoms with the fewest options of its own: cross-entropy alone has none."""
    options = [name for name in configs.columns if str(name).startswith("objective.")]
    counts = configs.loc[randoms(configs), options].notna().sum(axis=1)
    return str(min((n, str(configs.at[name, "objective.name"])) for name, n in counts.items())[1])


def pairs(configs: pd.DataFrame) -> list[Pair]:
    """Who meets whom in a setting.

    - Every method meets its nearest random: what the selection contributes.
    - A method with another objective than the plain one meets the nearest random with the plain one too: selection
      and objective together; for a random, the objective alone.
    - Another random with the plain objective meets the one that most methods are measured against: what its learner,
      or its options, contribute by themselves.
    """
    uniform = randoms(configs)
    if not uniform:
        return []
    methods = sorted(configs.index)
    plain = plain_objective(configs)
    plain_randoms = [name for name in uniform if configs.at[name, "objective.name"] == plain]
    nearest = {method: _nearest(method, uniform, configs) for method in methods}
    followers = pd.Series([nearest[method] for method in methods if method not in uniform]).value_counts()
    main = min(plain_randoms, key=lambda name: (-followers.get(name, 0), name))
    met: list[Pair] = []
    one_of = configs.T
    for method in methods:
        rivals = [nearest[method]]
        if configs.at[method, "objective.name"] != plain:
            rivals.append(_nearest(method, plain_randoms, configs))
        elif method in uniform:
            rivals.append(main)
        met += [
            Pair(method, rival, shows(one_of[method], one_of[rival]))
            for rival in dict.fromkeys(rivals)
            if rival not in (None, method)
        ]
    return met


def shows(one: "pd.Series[Any]", other: "pd.Series[Any]") -> str:
    """The parts in which two configurations differ: what a difference between the two methods may come from.

    Learners of two names that train the same network (`network_id`) are one: that of `dbal`, which brings its dropout
    along, and of a random with the learner `dropout`. The other way round, a network that only the strategy's needs
    make another is another learner.
    """
    different = [str(name) for name in one.index if _unlike(one[name], other[name])]
    parts = {name.split(".")[0] for name in different}
    if _same(one, other, "network_id"):
        parts.discard("learner")
    elif parts == {"strategy", "network_id"}:
        parts.add("learner")
    words = {"strategy": "selection", "objective": "objective", "learner": "learner"}
    said = [word for part, word in words.items() if part in parts]
    rest = [name for name in different if name.split(".")[0] not in (*words, "network_id")]
    said += sorted(name.removesuffix(".name").rsplit(".", 1)[-1] for name in rest)
    return " + ".join(said)


def _nearest(method: str, candidates: Iterable[str], configs: pd.DataFrame) -> str | None:
    columns = [str(name) for name in configs.columns if not str(name).startswith("strategy.")]
    parts = [name.split(".")[0] for name in columns]
    held = configs[columns].to_numpy()
    values = {str(name): list(row) for name, row in zip(configs.index, held, strict=True)}

    def distance(name: str) -> tuple[tuple[int, ...], str]:
        differing = [
            part for part, a, b in zip(parts, values[method], values[name], strict=True) if _unlike(a, b)
        ]
        counts = [differing.count(part) for part in NEARNESS]
        return (*counts, len(differing) - sum(counts)), name

    return min(candidates, key=distance, default=None)


def _same(one: "pd.Series[Any]", other: "pd.Series[Any]", column: str) -> bool:
    return column in one.index and one[column] is not None and one[column] == other[column]


def _unlike(one: object, other: object) -> bool:
    return one != other and not (one is None and other is None)
