"""Which trials answer one question, which are seeds of one another, and what both are called.

A *setting* is what is to be learned, from which pool, at which price; a *method* is everything else but the seed.
Both are read from the configuration columns of the trials. Names are made last, for people, and nothing reads them.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from dalbt_ray.errors import printable
from dalbt_ray.report.joined_later import NEUTRAL

Options = tuple[tuple[str, Hashable], ...]
"""Paths and values, as in `("strategy.policy", "inlier_band")`."""

T = TypeVar("T", bound=Hashable)

BASE = ["dataset", "ood", "budget"]
KIND = ["strategy.name", "objective.name"]
NEITHER = ("seed", "rounds", "metrics", "status", "rounds_done")
"""Columns of the trials that make neither another setting nor another method."""


@dataclass(frozen=True)
class Setting:
    """A question: trials are compared within it.

    Attributes:
        dataset: what is learned.
        ood: the OOD set in the pool, `other classes` of the data set, or nothing.
        budget: images acquired in a round.
        options: what tells it from the study's other settings with the same three values.
    """

    dataset: str
    ood: str
    budget: int
    options: Options = ()


@dataclass(frozen=True)
class Method:
    """An answer: trials of one method and setting differ in their seed alone.

    Attributes:
        strategy, objective: their names.
        options: what tells it from the study's other methods with the same strategy and objective.
    """

    strategy: str
    objective: str
    options: Options = ()


@dataclass(frozen=True)
class Cells:
    """The settings and methods of a study.

    Attributes:
        trials: `setting` and `method` of every trial, by name.
        settings, methods: what the names stand for, in order.
        configs: the configuration columns that make a method, by setting and method: one row for all seeds.
    """

    trials: pd.DataFrame
    settings: dict[str, Setting]
    methods: dict[str, Method]
    configs: pd.DataFrame


def is_setting(column: str) -> bool:
    """Whether a configuration column belongs to the question."""
    return column in (*BASE, "ood_policy") or column.startswith("splits.")


def is_method(column: str) -> bool:
    """Whether a configuration column belongs to the answer."""
    return not is_setting(column) and column.split(".", maxsplit=1)[0] not in NEITHER


def find_cells(trials: pd.DataFrame, folder: "pd.Series[Any] | None" = None) -> Cells:
    """Settings and methods from the configurations of trials.

    An option tells two methods apart only if it differs between trials of one setting, strategy and objective. So two
    policies are two methods; but if every trial of one data set trains a larger network than those of another, that
    is part of the question, and a method keeps its name on both.

    Args:
        trials: one row per trial with its configuration's entries as columns, missing where it has no such entry.
        folder: where each trial comes from. What differs between folders only tells nothing apart.
    """
    where = [0] * len(trials) if folder is None else list(folder)
    plain = {str(name): [plain_value(value) for value in trials[name]] for name in trials.columns}
    for name in NEUTRAL.keys() & plain.keys():
        plain[name] = [NEUTRAL[name] if value is None else value for value in plain[name]]
    codes = pd.DataFrame({name: _numbered(values) for name, values in plain.items()}, index=trials.index)

    plain["ood"] = [_foreign(plain, i) for i in range(len(trials))]
    base = list(zip(*(plain[name] for name in BASE), strict=True))
    questions = _told_apart(codes, base, where, [name for name in plain if is_setting(name)])
    settings = [
        Setting(str(dataset), str(ood), int(budget), _options(plain, questions[dataset, ood, budget], i))
        for i, (dataset, ood, budget) in enumerate(base)
    ]

    kinds = list(zip(*(plain[name] for name in KIND), strict=True))
    answers = [name for name in plain if is_method(name) and name not in KIND]
    options = _told_apart(codes, kinds, list(zip(where, settings, strict=True)), answers)
    methods = [
        Method(str(strategy), str(objective), _options(plain, options[strategy, objective], i))
        for i, (strategy, objective) in enumerate(kinds)
    ]

    several = len({method.objective for method in methods}) > 1
    setting_names = names(settings, setting_name)
    method_names = names(methods, partial(method_name, with_objective=several))
    named = pd.DataFrame(
        {"setting": [setting_names[s] for s in settings], "method": [method_names[m] for m in methods]},
        index=trials.index,
        dtype=object,
    )
    columns = [name for name in plain if is_method(name)]
    configs = pd.DataFrame({name: plain[name] for name in columns}, index=trials.index, dtype=object)
    configs = configs.set_index([named["setting"], named["method"]])
    return Cells(
        trials=named,
        settings={name: setting for setting, name in setting_names.items()},
        methods={name: method for method, name in method_names.items()},
        configs=configs[~configs.index.duplicated()],
    )


def _foreign(plain: Mapping[str, Sequence[Hashable]], i: int) -> Hashable:
    """What is OOD in trial i, as its rounds say it: of a class split, the classes that are not learned."""
    said = (plain[name][i] for name in ("splits.known_classes", "splits.known_names") if name in plain)
    split = any(value not in (None, (), "[]") for value in said)  # a list is told as JSON text
    return "other classes" if split else plain["ood"][i]


def plain_value(value: Any) -> Hashable:
    """A configuration value that can be compared: lists become tuples, everything missing becomes None."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(plain_value(each) for each in value)
    if isinstance(value, np.generic):
        return plain_value(value.item())
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - NaN is the only value unlike itself
        return None
    return value  # type: ignore[no-any-return]


def _numbered(values: list[Hashable]) -> list[int]:
    seen: dict[Hashable, int] = {}
    return [seen.setdefault(value, len(seen)) for value in values]


def _told_apart(
    codes: pd.DataFrame, kinds: Sequence[T], within: Sequence[Hashable], columns: list[str]
) -> dict[T, list[str]]:
    """For each kind of trial, the columns that differ between trials of that kind in one place.

    An option of a part (`encoder.latent_dim`) says nothing more where the part's name (`encoder.name`) decides it.
    """
    places, kind_codes = _numbered(list(within)), _numbered(list(kinds))
    found: dict[T, list[str]] = {kind: [] for kind in kinds}
    by_code = dict(zip(kind_codes, kinds, strict=True))

    def differing(column: str, *more: str) -> set[int]:
        keys = [pd.Series(k, index=codes.index) for k in (kind_codes, places)]
        several = codes.groupby([*keys, *(codes[name] for name in more)])[column].nunique() > 1
        return set(several.index.get_level_values(0)[several])

    for column in columns:
        part = f"{column.split('.')[0]}.name"
        splits = differing(column)
        if column != part and part in columns:
            undecided = differing(column, part)
            splits = {kind for kind in splits if kind in undecided}
        for kind in splits:
            found[by_code[kind]].append(column)
    return found


def _options(plain: Mapping[str, list[Hashable]], columns: Iterable[str], i: int) -> Options:
    return tuple(
        (name, plain[name][i]) for name in sorted(columns, key=_reading_order) if plain[name][i] is not None
    )


def _reading_order(path: str) -> tuple[str, bool, str]:
    """A part's name before its options."""
    return path.split(".", maxsplit=1)[0], not path.endswith(".name"), path


def setting_name(setting: Setting, short: Mapping[str, str]) -> str:
    """`mnist, b=100`, or `cifar10 + svhn, b=1000` for a mixed pool."""
    pool = f"{setting.dataset} + {setting.ood}" if setting.ood else setting.dataset
    return ", ".join([pool, f"b={setting.budget}", *_said(setting.options, short)])


def method_name(method: Method, short: Mapping[str, str], *, with_objective: bool = True) -> str:
    """`dalbt (joint)`, or `dalbt (joint, policy=inlier_band)` where that tells two apart.

    Args:
        method: the method.
        short: what to call an option, by its path.
        with_objective: false where all methods of a study share it: then it says nothing.
    """
    parts = [*([method.objective] if with_objective else []), *_said(method.options, short)]
    return f"{method.strategy} ({', '.join(parts)})" if parts else method.strategy


def names(values: Iterable[T], name: Callable[[T, Mapping[str, str]], str]) -> dict[T, str]:
    """A name of its own for each of the distinct `values`, in the order of the names."""
    distinct = list(dict.fromkeys(values))
    short = _short({path for value in distinct for path, _ in value.options})  # type: ignore[attr-defined]
    given: dict[str, T] = {}
    named = [(printable(name(value, short)), value) for value in distinct]
    for text, value in sorted(named, key=lambda pair: pair[0]):
        # Text can coincide where values do not: "1" and 1.
        free = text if text not in given else next(t for i in count(2) if (t := f"{text} #{i}") not in given)
        given[free] = value
    return {value: text for text, value in given.items()}


def _short(paths: set[str]) -> dict[str, str]:
    """`policy` for `strategy.policy`, `encoder` for `encoder.name`; the whole path where that is not clear."""
    ends = {path: path.removesuffix(".name").rsplit(".", 1)[-1] for path in paths}
    taken = list(ends.values())
    return {path: end if taken.count(end) == 1 else path for path, end in ends.items()}


def _said(options: Options, short: Mapping[str, str]) -> list[str]:
    return [f"{short[path]}={value_text(value)}" for path, value in options]


def value_text(value: Hashable) -> str:
    """A configuration value for people: `60` for 60.0, `true` for True, `128x128` for a tuple."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:g}"
    return "x".join(map(value_text, value)) if isinstance(value, tuple) else str(value)
