"""What was found in a user's folder: labeled splits whose images are still encoded."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dalbt_ray.errors import InputError

MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Gathered:
    """One split.

    Attributes:
        names: what each image is called in messages.
        labels: class of each image as an index into the set's class names; -1 for unknown.
        read: yields the images' encoded bytes in that order, again each time it is called.
    """

    names: list[str]
    labels: list[int]
    read: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class FoundSet:
    """All splits of a folder.

    Attributes:
        splits: by name; `train` alone if there is no test split.
        class_names: in label order.
        notes: what the user should know.
    """

    splits: dict[str, Gathered]
    class_names: tuple[str, ...]
    notes: tuple[str, ...]


def ordered_class_names(place: str, names: Iterable[str]) -> tuple[str, ...]:
    """Class names in label order: numbers by value, then words by alphabet.

    Raises:
        InputError: names that are not valid Unicode, or more than 1,000 of them.
    """
    unique = sorted(set(names), key=lambda n: (not n.isdecimal(), int(n) if n.isdecimal() else 0, n))
    for name in unique:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise InputError("folder", place, f"has a class name that is not Unicode: {name!r}") from None
    if len(unique) > MOST_CLASSES:
        raise InputError("folder", place, f"has {len(unique)} classes", remedy=f"at most {MOST_CLASSES}")
    return tuple(unique)
