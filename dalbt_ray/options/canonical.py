"""Values as JSON and back, and the part of a value that makes two of them different trials."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any, TypeVar, get_args

from dalbt_ray.errors import InputError
from dalbt_ray.options.value import Named, Value, hints_of, is_users, path_of

V = TypeVar("V", bound=Value)
Json = dict[str, Any]
Classes = Mapping[type[Value], Mapping[str, type[Named]]]
"""For each base class (`Method`, `Encoder`, ...), the classes that a name may stand for."""


def as_json(value: Value) -> Json:
    """Every field, defaults included, as JSON values; a named value starts with its `name`."""
    return _head(value) | {each.name: _json(getattr(value, each.name)) for each in fields(value)}  # type: ignore[arg-type]


def essence(value: Value) -> Json:
    """What `value` says beyond the defaults that held when each of its fields was introduced, as JSON values.

    So a new option with a neutral default changes no essence, and neither does a changed default: see
    `changed_default`. A class that is not this package's carries its Python name too. A field whose metadata say
    `identity: False` (a path, say, whose content has a hash of its own) is left out.
    """
    said = _head(value)
    if isinstance(value, Named) and is_users(type(value)):
        said["class"] = type(value).__qualname__
    for each in fields(value):  # type: ignore[arg-type]
        said_here = _essence(getattr(value, each.name))
        if each.metadata.get("identity", True) and said_here != _unsaid(each):
            said[each.name] = said_here
    return said


def introduced_default(each: "Field[Any]") -> object:
    """The default that held when a field was introduced; `MISSING` if it has none."""
    if "introduced" in each.metadata:
        return each.metadata["introduced"]
    return each.default_factory() if each.default_factory is not MISSING else each.default


def from_json(cls: type[V], content: Json, classes: Classes) -> V:
    """The value that `as_json` described. Fields that are not given take today's defaults.

    Args:
        cls: what to build; of an abstract base, the class that `content["name"]` stands for.
        content: JSON values.
        classes: what names stand for.

    Raises:
        InputError: an unknown name or field, or a value that its field does not take.
    """
    given = dict(content)
    made = _class_of(cls, given, classes)
    known = {each.name for each in fields(made)}  # type: ignore[arg-type]
    for name, value in given.items():
        if name not in known:
            remedy = "" if known else f"{content.get('name', made.__name__)} has no options"
            raise InputError(
                path_of(made, name), value, "is not a field", allowed=sorted(known), remedy=remedy
            )
    hints = hints_of(made)
    built = {name: _build(hints.get(name), value, classes) for name, value in given.items()}
    try:
        return made(**built)
    except TypeError as error:  # a field without a default that is not given
        raise InputError(made.path or "trial", str(content), f"cannot be made: {error}") from error


def _class_of(cls: type[V], given: Json, classes: Classes) -> type[V]:
    if not issubclass(cls, Named):
        return cls
    name, version = given.pop("name", None), given.pop("version", 1)
    names = classes.get(cls, {})
    if name not in names:
        raise InputError(cls.path, name, "is unknown", allowed=names)
    found = names[str(name)]
    if version != found.version:
        problem = f"is of version {version} of its algorithm, and this package has version {found.version}"
        raise InputError(cls.path, name, problem, remedy="install the version that the manifest names")
    return found  # type: ignore[return-value]


def _build(hint: Any, value: Any, classes: Classes) -> Any:
    if isinstance(hint, type) and issubclass(hint, Value) and isinstance(value, dict):
        return from_json(hint, value, classes)
    inner = next(
        (each for each in get_args(hint) if isinstance(each, type) and issubclass(each, Value)), None
    )
    if inner is not None and isinstance(value, list):
        return tuple(from_json(inner, each, classes) for each in value)
    if inner is not None and isinstance(value, dict):
        return from_json(inner, value, classes)
    return value


def _head(value: Value) -> Json:
    if not isinstance(value, Named):
        return {}
    return {"name": value.name} | ({"version": value.version} if value.version > 1 else {})


def _json(held: object) -> Any:
    if isinstance(held, Value):
        return as_json(held)
    return [_json(each) for each in held] if isinstance(held, tuple) else held


@cache
def _unsaid(each: "Field[Any]") -> Any:
    """The essence of saying nothing: of a value, its name alone, whatever its own defaults are today.

    Kept, since the plan of 10,000 trials asks for it half a million times.
    """
    default = introduced_default(each)
    return _head(default) if isinstance(default, Value) else _essence(default)


def _essence(held: object) -> Any:
    if isinstance(held, Value):
        return essence(held)
    return [_essence(each) for each in held] if isinstance(held, tuple) else held
