"""What was found in a user's folder: splits whose images are still encoded."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from dalbt_ray.data.split_file import MOST_UNNAMED
from dalbt_ray.errors import InputError

MOST_CLASSES = MOST_UNNAMED
LISTED = 10  # of many problems, so many are shown


@dataclass(frozen=True)
class Gathered:
    """One split.

    Attributes:
        names: what each image is called in messages.
        labels: class of each image as an index into the set's class names; -1 for unknown.
        read: yields the images' encoded bytes in that order, again each time it is called.
        files: the name of each image's file, empty where it had none; None if none had.
    """

    names: list[str]
    labels: list[int]
    read: Callable[[], Iterator[bytes]]
    files: list[str] | None

    def without(self, rows: Collection[int]) -> "Gathered":
        """The same split without the images at `rows`."""
        if not rows:
            return self
        kept = [row for row in range(len(self.names)) if row not in rows]
        return Gathered(
            names=[self.names[row] for row in kept],
            labels=[self.labels[row] for row in kept],
            read=lambda: (data for row, data in enumerate(self.read()) if row not in rows),
            files=[self.files[row] for row in kept] if self.files is not None else None,
        )


@dataclass(frozen=True)
class FoundSet:
    """All splits of a folder.

    Attributes:
        splits: by name: `train`, `test`, `unlabeled`, as far as they are there.
        class_names: in label order.
        notes: what the user should know.
    """

    splits: dict[str, Gathered]
    class_names: tuple[str, ...]
    notes: tuple[str, ...]

    def without(self, rows: dict[str, Collection[int]]) -> "FoundSet":
        """The same set without the images at `rows` of each split; a split that has no image left is gone."""
        kept = {split: gathered.without(rows[split]) for split, gathered in self.splits.items()}
        return replace(self, splits={split: gathered for split, gathered in kept.items() if gathered.names})


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


def listed(problems: list[str], separator: str) -> str:
    """The first problems, each after `separator`, and how many more there are."""
    more = [f"and {len(problems) - LISTED:,} more"] if len(problems) > LISTED else []
    return "".join(separator + problem for problem in [*problems[:LISTED], *more])
