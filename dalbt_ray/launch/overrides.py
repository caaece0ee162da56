"""`--set path=value` and `--grid path=a,b,c`: any field of any part of the trials, from the command line."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any, get_args, get_origin

from dalbt_ray.config import Trial
from dalbt_ray.errors import InputError, near_names
from dalbt_ray.launch.grid import unique
from dalbt_ray.objectives import Objective
from dalbt_ray.options.canonical import Classes, Json, as_json, from_json
from dalbt_ray.options.value import Named, Value, checked, hints_of, literals
from dalbt_ray.strategies import Method


@dataclass(frozen=True)
class Assignment:
    """One `path=value` as it was typed.

    Attributes:
        path: `training.epochs`, or `encoder` for a value by its name.
        text: what stands behind the first `=`.
    """

    path: str
    text: str


def parse_assignment(option: str, typed: str) -> Assignment:
    """`training.epochs=5` as path and text.

    Raises:
        InputError: no `=`, or nothing before it.
    """
    path, sign, text = typed.partition("=")
    if not sign or not path.strip():
        raise InputError(option, typed, "is not path=value", remedy=f"as in --{option} training.epochs=5")
    return Assignment(path.strip(), text.strip())


def parse_grid(typed: str) -> list[Assignment]:
    """`strategy.policy=a,b` as one assignment a value; commas inside brackets do not count.

    Raises:
        InputError: see `parse_assignment`; an empty value, or one named twice.
    """
    whole = parse_assignment("grid", typed)
    values = [value.strip() for value in _split(whole.text)]
    for value in values:
        if not value or values.count(value) > 1:
            problem = "holds an empty value" if not value else f"names {value!r} twice"
            raise InputError("grid", typed, problem, remedy="as in --grid training.epochs=5,10,20")
    return [Assignment(whole.path, value) for value in values]


def override(trials: Sequence[Trial], assignments: Sequence[Assignment], classes: Classes) -> list[Trial]:
    """Every trial with the assigned values; trials that become equal are kept once.

    An option that only some of the trials' strategies (encoders, ...) have changes those and leaves the others.

    Args:
        trials: what to change.
        assignments: in the order in which they were typed. They take effect together, so fields that depend on each
            other can be set in any order.
        classes: what names stand for.

    Raises:
        InputError: a path that no trial has, with the nearest one; a value that its field does not take.
    """
    used: set[str] = set()
    changed = [_changed(as_json(trial), assignments, classes, used) for trial in trials]
    for assignment in assignments:
        if assignment.path not in used:
            raise _unknown(assignment, trials, classes)
    return unique(changed)


def joiner(
    assignments: Sequence[Assignment], classes: Classes
) -> Callable[[Trial, Method, Objective], Trial]:
    """What puts a strategy and its objective into a cell together with the assigned values.

    They need not fit the cell without those: `--strategies k_plus_one` wants `--set ood_policy=learn`.
    """

    def join(cell: Trial, strategy: Method, objective: Objective) -> Trial:
        said = {"strategy": as_json(strategy), "objective": as_json(objective)}
        return _changed(as_json(cell) | said, assignments, classes, set())

    return join


def swept(trials: Sequence[Trial], grids: Sequence[Sequence[Assignment]], classes: Classes) -> list[Trial]:
    """Every trial under every combination of one assignment out of each grid."""
    combinations = product(*grids)
    return unique(trial for chosen in combinations for trial in override(trials, chosen, classes))


def all_paths(classes: Classes) -> list[str]:
    """Every path that `--set` knows, for trials of any strategy, encoder and objective."""
    return list(dict.fromkeys(path for path in _paths(Trial, classes) if path != "metrics"))


def _paths(cls: type[Value], classes: Classes) -> Iterator[str]:
    for each in fields(cls):  # type: ignore[arg-type]
        hint = hints_of(cls).get(each.name)
        if not (isinstance(hint, type) and issubclass(hint, Value)):
            yield each.name
            continue
        kinds: list[type[Value]] = [hint]
        if issubclass(hint, Named):
            yield each.name
            kinds = list(classes[hint].values())
        yield from (f"{each.name}.{path}" for kind in kinds for path in _paths(kind, classes))


def _changed(content: Json, assignments: Sequence[Assignment], classes: Classes, used: set[str]) -> Trial:
    for assignment in assignments:
        if _assign(Trial, content, assignment.path.split("."), assignment.text, classes):
            used.add(assignment.path)
    return from_json(Trial, content, classes)


def _assign(cls: type[Value], content: Json, path: list[str], text: str, classes: Classes) -> bool:
    """Put what `text` says at `path` of the JSON of a `cls`; whether there is such a field."""
    name, *rest = path
    hint = hints_of(cls).get(name)
    if hint is None or name == "metrics":
        return False
    if not (isinstance(hint, type) and issubclass(hint, Value)):
        if not rest:
            content[name] = _parsed(cls, name, text)
        return not rest
    if rest:
        inner = classes[hint][content[name]["name"]] if issubclass(hint, Named) else hint
        return _assign(inner, content[name], rest, text, classes)
    if not issubclass(hint, Named):
        return False
    if text not in classes[hint]:
        raise InputError(hint.path, text, "is unknown", allowed=classes[hint])
    content[name] = {"name": text, "version": classes[hint][text].version}
    return True


def _parsed(cls: type[Value], name: str, text: str) -> Any:
    """`text` as the field's type reads it."""
    hint = hints_of(cls).get(name)
    return checked(cls, name, text if _takes_text(hint) else _json(text))


def _json(text: str) -> Any:
    words = {"none": None, "null": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _takes_text(hint: Any) -> bool:
    return (
        hint is str
        or any(isinstance(value, str) for value in literals(hint))
        or (get_origin(hint) is not tuple and str in get_args(hint))
    )


def _unknown(assignment: Assignment, trials: Sequence[Trial], classes: Classes) -> InputError:
    head, _, option = assignment.path.partition(".")
    hint = hints_of(Trial).get(head)
    paths = all_paths(classes)
    if not option and isinstance(hint, type) and issubclass(hint, Value):
        inside = ", ".join(path for path in paths if path.startswith(f"{head}."))
        return InputError("set", assignment.path, "is a group of fields", remedy=f"name one of {inside}")
    if head == "metrics":
        return InputError(
            "set", assignment.path, "is set in Python alone", remedy="Trial(metrics=(MyMetric(),))"
        )
    if assignment.path in paths:
        held = sorted({getattr(trial, head).name for trial in trials})
        return InputError(
            "set",
            assignment.path,
            f"is no option of {', '.join(held)}",
            remedy=f"choose another {head} too: --set {head}=NAME",
        )
    close = near_names(assignment.path, paths)
    nearest = f"did you mean {' or '.join(close)}? " if close else ""
    return InputError(
        "set", assignment.path, "is not a field", remedy=f"{nearest}docs/options.md lists them all"
    )


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "[(") - (sign in "])")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts
