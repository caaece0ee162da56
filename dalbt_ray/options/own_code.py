"""The source of a user's own classes: what a result depends on besides the configuration."""

import inspect
from collections.abc import Iterator
from dataclasses import fields
from hashlib import sha256
from types import CodeType, FunctionType

from dalbt_ray.options.value import Named, Value, is_users

UNKNOWN = "unknown"
"""Where Python cannot show a source, as in an interactive prompt."""


def own_sources(value: Value) -> dict[str, str]:
    """SHA-256 of the source of every class of the user's in `value`, by path and name, as in `strategy mine`.

    The source of a class is its own text, that of its bases of the user's, and that of the functions, classes and
    constants of the same module that its methods use (numbers, texts, tuples and frozen sets; a list or dictionary may
    change while trials run): edits elsewhere in a sweep file change nothing.
    """
    found: dict[str, str] = {}
    for each in _values(value):
        if isinstance(each, Named) and is_users(type(each)):
            found[f"{each.path} {each.name}"] = source_hash(type(each))
    return found


def source_hash(cls: type) -> str:
    """SHA-256 of the source that a class depends on, or "unknown"."""
    parts: dict[str, str] = {}
    try:
        for base in cls.__mro__:
            if base is not object and is_users(base) and base.__module__ == cls.__module__:
                _collect(base, parts)
    except (OSError, TypeError):
        return UNKNOWN
    text = "\0".join(f"{name}\0{source}" for name, source in sorted(parts.items()))
    return sha256(text.encode()).hexdigest()


def _collect(item: type | FunctionType, parts: dict[str, str]) -> None:
    if item.__qualname__ in parts:
        return
    parts[item.__qualname__] = inspect.getsource(item)
    for function in _functions(item):
        for name in _names(function.__code__):
            used = function.__globals__.get(name)
            said = _text(used, item.__module__, parts)
            if isinstance(used, int | float | str | tuple | frozenset):
                parts[name] = said


def _text(used: object, module: str, parts: dict[str, str]) -> str:
    """A constant as text that is the same in every process; collects the functions and classes of `module` in it."""
    if isinstance(used, type | FunctionType):
        if used.__module__ == module:
            _collect(used, parts)
        return used.__qualname__
    if isinstance(used, tuple | frozenset):
        inner = [_text(each, module, parts) for each in used]
        if isinstance(used, frozenset):
            return f"{{{', '.join(sorted(inner))}}}"
        return f"({', '.join(inner)}{',' * (len(inner) == 1)})"
    plain = isinstance(used, int | float | str | bytes) or used is None
    return repr(used) if plain else type(used).__qualname__  # the text of another may have its address


def _functions(item: type | FunctionType) -> Iterator[FunctionType]:
    if isinstance(item, FunctionType):
        yield item
        return
    for member in vars(item).values():
        plain = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if isinstance(plain, FunctionType):
            yield plain


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _values(value: Value) -> Iterator[Value]:
    yield value
    for each in fields(value):  # type: ignore[arg-type]
        held = getattr(value, each.name)
        for inner in held if isinstance(held, tuple) else (held,):
            if isinstance(inner, Value):
                yield from _values(inner)
