"""Every field of every configuration class with the default that held when it was introduced, as JSON values."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from dalbt_ray.config import Trial, known_classes
from dalbt_ray.options.canonical import as_json, introduced_default
from dalbt_ray.options.value import Value, hints_of


def introduced_defaults() -> dict[str, Any]:
    """By path; options of strategies, encoders and objectives as `strategy:dalbt.policy`."""
    kinds: dict[str, type[Value]] = {"": Trial}
    for hint in hints_of(Trial).values():
        if isinstance(hint, type) and issubclass(hint, Value) and is_dataclass(hint):
            kinds[hint.path] = hint
    for base, classes in known_classes().items():
        kinds |= {f"{base.path}:{name}": cls for name, cls in classes.items()}
    found = {}
    for path, cls in kinds.items():
        for each in fields(cls):  # type: ignore[arg-type]
            default = introduced_default(each)
            value = as_json(default) if isinstance(default, Value) else default
            text = "MISSING" if value is MISSING else value
            found[f"{path}.{each.name}".lstrip(".")] = list(text) if isinstance(text, tuple) else text
    return found
