"""docs/options.md: every field of every part of a trial, from the classes themselves."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from dalbt_ray.options.canonical import Classes
from dalbt_ray.options.ranges import MOST
from dalbt_ray.options.value import Named, Value, hints_of, path_of

_ATTRIBUTE = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*(?:\n {8,}.*)*)", re.MULTILINE)
_SOURCE = re.compile(r"\s*\[([^\]]+)\]\s*$")


@dataclass(frozen=True)
class Option:
    """One line of the page."""

    path: str
    kind: str
    default: str
    source: str
    meaning: str


def options_page(root: type[Value], classes: Classes) -> str:
    """The page in Markdown: one table for the trial, one for each part, one for each class of each axis."""
    parts = [_HEADER, _section(root.__name__, root, "")]
    for hint in hints_of(root).values():
        if isinstance(hint, type) and issubclass(hint, Named):
            parts.append(f"## `--set {hint.path}=NAME`\n")
            parts += [
                _section(f"`{name}`", cls, _summary(cls)) for name, cls in classes.get(hint, {}).items()
            ]
        elif isinstance(hint, type) and issubclass(hint, Value):
            parts.append(_section(f"`{hint.path}`", hint, _summary(hint)))
    return "\n".join(parts)


def options_of(cls: type[Value]) -> Iterator[Option]:
    """The fields of one class, in order."""
    meanings = _meanings(cls)
    for each in fields(cls):  # type: ignore[arg-type]
        meaning = meanings.get(each.name, "")
        source = _SOURCE.search(meaning)
        yield Option(
            path=path_of(cls, each.name),
            kind=_kind(hints_of(cls)[each.name]),
            default=_default(each),
            source=source[1] if source else "",
            meaning=_SOURCE.sub("", meaning),
        )


_HEADER = """# Options

Every field of a trial, generated from the classes (`make docs`); a test keeps this page true. All can be set in Python,
and all but `metrics` on the command line of every sweep file: `--set training.epochs=5`, `--grid strategy.policy=a,b`,
`--set encoder=resnet18 --set encoder.latent_dim=64`, lists as `--set network.projector=[256,256]`. Defaults are the
paper's where it gives a value ("paper" and a section in the column *source*); an empty source is this project's choice.
"""


def _section(title: str, cls: type[Value], summary: str) -> str:
    level = "###" if issubclass(cls, Named) else "##"
    lines = [f"{level} {title}\n"]
    if summary:
        lines.append(f"{summary}\n")
    rows = [
        f"| `{option.path}` | {option.kind} | {option.default} | {option.source} | {_escaped(option.meaning)} |"
        for option in options_of(cls)
    ]
    if rows:
        lines += ["| field | type | default | source | meaning |", "|---|---|---|---|---|", *rows, ""]
    inner = [hint for hint in hints_of(cls).values() if isinstance(hint, type) and issubclass(hint, Value)]
    if issubclass(cls, Named):
        lines += [_section(f"`{hint.path}` of {title}", hint, "") for hint in inner]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """A bar would end the cell of a Markdown table."""
    return text.replace("|", "\\|")


def _summary(cls: type[Value]) -> str:
    return inspect.getdoc(cls).splitlines()[0] if cls.__doc__ else ""  # type: ignore[union-attr]


def _meanings(cls: type[Value]) -> dict[str, str]:
    """What the docstring's `Attributes:` say of each field; of an inherited one the base's, unless it says more."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        for names, body in _ATTRIBUTE.findall(text):
            found |= dict.fromkeys(names.split(", "), " ".join(body.split()))
    return found


def _kind(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, Named):
        return "a name, see below"
    if isinstance(hint, type) and issubclass(hint, Value):
        return "see below"
    metadata = getattr(hint, "__metadata__", ())
    if metadata:
        return f"{_kind(hint.__origin__)} {_range(metadata)}"
    if get_args(hint):
        return _compound(get_origin(hint), get_args(hint))
    names: dict[Any, str] = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))


def _compound(origin: Any, inner: tuple[Any, ...]) -> str:
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin is tuple:
        return f"list of {_kind(inner[0])}" if inner[-1] is Ellipsis else f"{len(inner)} x {_kind(inner[0])}"
    return " or ".join("none" if each is type(None) else _kind(each) for each in inner)


ABSURD = (MOST, 2**63 - 1)
"""Limits that say nothing to a reader."""


def _range(metadata: tuple[Any, ...]) -> str:
    words = []
    for each in metadata:
        for kind, attribute, sign in ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<")):
            if isinstance(each, kind) and getattr(each, attribute) not in ABSURD:
                words.append(f"{sign} {getattr(each, attribute)}")
    return ", ".join(words)


def _default(each: "Field[Any]") -> str:
    value = each.default_factory() if each.default_factory is not MISSING else each.default
    if value is MISSING:
        return "required"
    if isinstance(value, Named):
        return f"`{value.name}`"
    if isinstance(value, Value):
        return ""
    if value is None or value == ():
        return "none"
    return (
        f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`" if value != "" else "empty"
    )
