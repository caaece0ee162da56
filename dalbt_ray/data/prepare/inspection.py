"""Look at every image of a found set before anything is written: shapes, repeats, what has to be converted."""

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.decoding import BadImageError, Shape, describe
from dalbt_ray.data.prepare.conversion import convert
from dalbt_ray.data.prepare.gathering import FoundSet, Gathered
from dalbt_ray.errors import InputError

MIXED_SIZE = 32  # pixels a side for sets whose images differ in size

Members = dict[str, NDArray[np.int64]]
"""By split, the rows that belong to it; rows of the found `train` split if there is no other."""


@dataclass(frozen=True)
class Inspection:
    """What one split holds.

    Attributes:
        digests: hash of each image's shape and pixels.
        shapes: how many images have which shape.
        changes: how many images have to be changed in which way.
    """

    digests: list[bytes]
    shapes: Counter[Shape]
    changes: Counter[str]


def inspect(gathered: Gathered) -> Inspection:
    """Decode every image once.

    Raises:
        InputError: images that cannot be used: how many, and the first one with its reason.
    """
    digests, shapes, changes = [], Counter[Shape](), Counter[str]()
    bad: list[tuple[str, str]] = []
    for name, data in zip(gathered.names, gathered.read(), strict=True):
        try:
            image = convert(data)
        except BadImageError as error:
            bad.append((name, error.problem))
            continue
        height, width, channels = image.pixels.shape
        digests.append(
            blake2b(image.pixels.tobytes() + repr(image.pixels.shape).encode(), digest_size=16).digest()
        )
        shapes[height, width, channels] += 1
        if image.change:
            changes[image.change] += 1
    if bad:
        others = f" ({len(bad)} of {len(gathered.names)} images cannot be used)" if len(bad) > 1 else ""
        raise InputError(
            "image", bad[0][0], bad[0][1] + others, remedy="fix or remove it; nothing was written"
        )
    return Inspection(digests, shapes, changes)


def common_shape(inspections: dict[str, Inspection], size: int | None) -> tuple[Shape, list[str]]:
    """The shape that every image gets, and what has to be done for it, in words."""
    shapes = sum((inspection.shapes for inspection in inspections.values()), Counter[Shape]())
    changes = sum((inspection.changes for inspection in inspections.values()), Counter[str]())
    sides = {shape[:2] for shape in shapes}
    channels = max(shape[2] for shape in shapes)
    if size is None and len(sides) > 1:
        size = MIXED_SIZE
    side = next(iter(sides)) if size is None else (size, size)
    target = (*side, channels)
    notes = [f"{count} images converted: {change}" for change, count in changes.most_common()]
    if gray := sum(count for shape, count in shapes.items() if shape[2] < channels):
        notes.append(f"{gray} gray images among RGB ones: gray repeated to RGB")
    if resized := sum(count for shape, count in shapes.items() if shape[:2] != side):
        smallest, largest = min(shapes), max(shapes)
        notes.append(
            f"{resized} images resized to {side[0]}x{side[1]} (bilinear, antialiased, not cropped), "
            f"from {describe(smallest)} to {describe(largest)}"
        )
    return target, notes


def set_aside(found: FoundSet, inspections: dict[str, Inspection], test_fraction: float) -> Members:
    """The rows of each split; without a test split, those of lowest content hash in each class become one.

    Raises:
        InputError: no class has two different images, so that no test image can be set aside.
    """
    if "test" in found.splits:
        return {split: np.arange(len(gathered.labels)) for split, gathered in found.splits.items()}
    labels, digests = found.splits["train"].labels, inspections["train"].digests
    by_class: dict[int, set[bytes]] = {}
    for label, digest in zip(labels, digests, strict=True):
        by_class.setdefault(label, set()).add(digest)
    chosen: set[bytes] = set()
    for unique in by_class.values():
        # At least one of each class, and never all of it.
        count = min(max(round(test_fraction * len(unique)), 1), len(unique) - 1)
        chosen.update(sorted(unique)[:count])
    is_test = np.array([digest in chosen for digest in digests])
    if not is_test.any():
        raise InputError(
            "folder",
            f"{len(labels)} images",
            "are too few to set a test split aside",
            remedy="give at least two images of a class, or a test split of your own",
        )
    return {"train": np.flatnonzero(~is_test), "test": np.flatnonzero(is_test)}


def repeat_notes(inspections: dict[str, Inspection], found: FoundSet) -> list[str]:
    """What is repeated within splits, across them, and under different labels."""
    notes = []
    for split, inspection in inspections.items():
        counts = Counter(inspection.digests)
        if repeats := len(inspection.digests) - len(counts):
            twice = counts.most_common(1)[0][0]
            example = found.splits[split].names[inspection.digests.index(twice)]
            notes.append(f"{repeats} images of {split} repeat another one and were kept, as {example}")
    if "test" in inspections:
        train = set(inspections["train"].digests)
        test = inspections["test"].digests
        if shared := [row for row, digest in enumerate(test) if digest in train]:
            example = found.splits["test"].names[shared[0]]
            notes.append(
                f"{len(shared)} test images are also in train, as {example}: test accuracy will look too good"
            )
    labels: dict[bytes, set[int]] = {}
    for split, inspection in inspections.items():
        for digest, label in zip(inspection.digests, found.splits[split].labels, strict=True):
            labels.setdefault(digest, set()).add(label)
    if contradictory := sum(len(given) > 1 for given in labels.values()):
        notes.append(f"{contradictory} images appear under more than one label")
    return notes


def label_notes(found: FoundSet, members: Members) -> list[str]:
    """Which classes lack images, and how many images lack a label.

    Raises:
        InputError: a class with test images only, which nothing could learn.
    """
    labels = {
        split: np.array(found.splits[split if split in found.splits else "train"].labels)[rows]
        for split, rows in members.items()
    }
    present = {split: {int(label) for label in values if label >= 0} for split, values in labels.items()}

    def named(missing: set[int]) -> str:
        return ", ".join(found.class_names[label] for label in sorted(missing))

    if test_only := present["test"] - present["train"]:
        problem = "has test images but no training image"
        raise InputError(
            "class", named(test_only), problem, remedy="add training images or remove the test ones"
        )
    notes = []
    if absent := set(range(len(found.class_names))) - present["train"]:
        notes.append(f"classes without any image: {named(absent)}")
    if untested := present["train"] - present["test"]:
        notes.append(f"classes without a test image: {named(untested)}")
    if unknown := sum(int((values == -1).sum()) for values in labels.values()):
        notes.append(f"{unknown} images have no label: the set can only serve as an OOD source (ood)")
    elif len(found.class_names) == 1:
        notes.append("there is only one class: the set can only serve as an OOD source (ood)")
    return notes
