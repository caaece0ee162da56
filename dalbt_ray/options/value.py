"""The base of every configuration dataclass: its fields are checked against their types when it is made.

The dataclasses are the one source. Types say what a field may hold (`dalbt_ray.options.ranges`); pydantic reads them,
and what it refuses becomes an `InputError` with path, value and remedy, in Python as on the command line.
"""

from abc import ABC
from collections.abc import Hashable
from dataclasses import MISSING, field, fields
from functools import cache
from inspect import isabstract
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from dalbt_ray.errors import InputError, nearest

T = TypeVar("T")


class Value:
    """Base of frozen configuration dataclasses.

    A subclass whose fields depend on each other overrides `check`. One that has a `__post_init__` of its own calls this
    one first.
    """

    path: ClassVar[str] = ""
    """Where in a trial the value lies: the first part of the path in messages; empty for the trial itself."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            given = getattr(self, each.name)
            object.__setattr__(self, each.name, checked(type(self), each.name, given))
        self.check()

    def changed_options(self) -> list[tuple[str, object]]:
        """Name and value of each field that differs from today's default."""
        found: list[tuple[str, object]] = []
        for each in fields(self):  # type: ignore[arg-type]
            default = each.default_factory() if each.default_factory is not MISSING else each.default
            if getattr(self, each.name) != default:
                found.append((each.name, getattr(self, each.name)))
        return found

    def check(self) -> None:
        """Refuse combinations of fields that mean nothing.

        Raises:
            InputError: names the field, its value and the remedy.
        """


class Named(Value, ABC):
    """A value that is chosen by name from a visible union: a strategy, an encoder, an objective, a metric."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Of its algorithm: raised when the same options compute something else. Trials of other values keep their ids."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        name = getattr(cls, "name", None)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"{cls.__qualname__}.name is {name!r}; it must be text")

    @classmethod
    def in_python(cls) -> str:
        """What makes one, as a sweep file writes it: `Supervised()`; what must be given is `Timm(model=...)`."""
        required = [
            each.name
            for each in fields(cls)  # type: ignore[arg-type]
            if each.default is MISSING and each.default_factory is MISSING
        ]
        return f"{cls.__qualname__}({', '.join(f'{name}=...' for name in required)})"


def is_users(cls: type) -> bool:
    """Whether a class is not one of this package's: then its source is part of what a result depends on."""
    return cls.__module__.split(".")[0] != "dalbt_ray"


def changed_default(new: T, *, introduced: object) -> T:
    """A field whose default is `new` today and was `introduced` when the field first appeared.

    Identities count from the first default, so a trial keeps its id when a default changes (docs/results.md).
    """
    made: T = field(default=new, metadata={"introduced": introduced})
    return made


def path_of(cls: type[Value], name: str) -> str:
    """`training.epochs`: a field as `--set` takes it."""
    return f"{cls.path}.{name}" if cls.path else name


def hints_of(cls: type) -> dict[str, Any]:
    """The resolved annotation of each field, ranges included; what cannot be resolved is left out."""
    return _hints(cls)


@cache
def _hints(cls: Hashable) -> dict[str, Any]:
    try:
        return get_type_hints(cls, include_extras=True)
    except (NameError, TypeError):  # a class of the user's that names a type only for type checkers
        return {}


def checked(cls: type[Value], name: str, given: object) -> Any:
    """`given` as the field's type holds it: 1 becomes 1.0 in a float, a list a tuple, a NumPy number a Python one.

    Raises:
        InputError: another type, or out of range.
    """
    hint = hints_of(cls).get(name)
    if hint is None:
        return given
    if isinstance(hint, type) and issubclass(hint, Value):
        if not isinstance(given, hint):
            raise _no_instance(path_of(cls, name), given, hint)
        return given
    try:
        return _adapter(hint).validate_python(_python_value(given, hint), strict=True)
    except ValidationError as error:
        raise _refusal(path_of(cls, name), given, hint, error) from None


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False))


def _python_value(given: object, hint: Any) -> object:
    if isinstance(given, np.generic):
        return given.item()
    if isinstance(given, list) and _has_tuple(hint):
        return tuple(given)
    return given


def _has_tuple(hint: Any) -> bool:
    return get_origin(hint) is tuple or any(get_origin(each) is tuple for each in get_args(hint))


def _no_instance(path: str, given: object, hint: type[Value]) -> InputError:
    """The refusal of what is no `hint`: most often the name that the command line takes, or a class without its ()."""
    kind = "an instance of a subclass of" if isabstract(hint) else "an instance of"
    problem, name = f"must be {kind} {hint.__qualname__}", path.rpartition(".")[2]
    if not issubclass(hint, Named):
        return InputError(path, given, problem, remedy=f"write {name}={hint.__qualname__}(...)")
    known = _by_name(hint)
    meant = known.get(given) if isinstance(given, str) else given
    if isinstance(meant, type) and issubclass(meant, hint) and not isabstract(meant):
        return InputError(path, given, problem, remedy=f"write {name}={meant.in_python()}")
    # The nearest, or else one of the package's.
    example = known.get(nearest(given, known) or "") or min(known.values(), key=is_users, default=None)
    remedy = f"as in {name}={example.in_python()}" if example else ""
    return InputError(path, given, problem, allowed=known if isinstance(given, str) else (), remedy=remedy)


def _by_name(base: type[Named]) -> dict[str, type[Named]]:
    """Every class below `base` that can be made, sorted; of two with one name the one that is further up."""
    found: dict[str, type[Named]] = {}
    level = base.__subclasses__()
    while level:
        for each in level:
            if not isabstract(each) and hasattr(each, "name"):
                found.setdefault(each.name, each)
        level = [below for each in level for below in each.__subclasses__()]
    return dict(sorted(found.items()))


def _refusal(path: str, given: object, hint: Any, error: ValidationError) -> InputError:
    # Of a union (`int | None`) the branch that came nearest speaks: not the one that wanted None.
    each = next((e for e in error.errors() if e["type"] != "none_required"), error.errors()[0])
    if each["type"] == "literal_error":
        return InputError(path, given, "is unknown", allowed=map(str, literals(hint)))
    return InputError(path, given, _problem(each["type"], each.get("ctx", {}), each["msg"]))


def literals(hint: Any) -> tuple[Any, ...]:
    """The values of a `Literal`, also inside a union; empty if there is none."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(value for each in get_args(hint) for value in literals(each))


_PROBLEMS = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be finite",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "is_instance_of": "must be made of instances of {class}",
    "tuple_type": 'must be a list, as in [1,2] or ["a","b"]',
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be above {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be below {lt}",
}


def _problem(kind: str, context: dict[str, Any], message: str) -> str:
    return _PROBLEMS[kind].format(**context) if kind in _PROBLEMS else message[0].lower() + message[1:]
