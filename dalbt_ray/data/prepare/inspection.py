"""Look at every image of a found set before anything is written: shapes, conversions, what cannot be used."""

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from dalbt_ray.data.decoding import LARGEST, BadImageError, Shape, describe
from dalbt_ray.data.prepare.conversion import convert, header_size
from dalbt_ray.data.prepare.gathering import FoundSet, Gathered, listed
from dalbt_ray.data.prepare.watching import watched
from dalbt_ray.errors import InputError

MIXED_SIZE = 32  # pixels a side for sets whose images differ in size


@dataclass(frozen=True)
class Inspection:
    """What one split holds.

    Attributes:
        digests: hash of shape and pixels of each image that can be used.
        shapes: how many images have which shape.
        changes: how many images have to be changed in which way.
        bad: what is wrong with the image at each row that cannot be used.
    """

    digests: list[bytes]
    shapes: Counter[Shape]
    changes: Counter[str]
    bad: dict[int, str]


Inspections = dict[str, Inspection]
"""By split."""


def inspect(gathered: Gathered) -> Inspection:
    """Decode every image once."""
    inspection = Inspection([], Counter(), Counter(), {})
    total = len(gathered.names)
    for row, data in enumerate(watched(gathered.read(), "looking at the images", total)):
        try:
            image = convert(data)
        except BadImageError as error:
            inspection.bad[row] = error.problem
            continue
        height, width, channels = image.pixels.shape
        pixels = np.ascontiguousarray(image.pixels)  # a copy only if it has to be
        digest = blake2b(pixels.data, digest_size=16)
        digest.update(repr(image.pixels.shape).encode())
        inspection.digests.append(digest.digest())
        inspection.shapes[height, width, channels] += 1
        if image.change:
            inspection.changes[image.change] += 1
    return inspection


def usable(
    place: str, found: FoundSet, inspections: Inspections, *, skip_bad: bool
) -> tuple[FoundSet, list[str]]:
    """The set without its bad images, and a note of them.

    Raises:
        InputError: there are bad images, and they are not to be skipped or a split has no others.
    """
    bad = [
        f"{found.splits[split].names[row]} {problem}"
        for split, inspection in inspections.items()
        for row, problem in inspection.bad.items()
    ]
    if not bad:
        return found, []
    kept = found.without({split: inspection.bad for split, inspection in inspections.items()})
    whole = kept.splits.keys() == found.splits.keys()
    total = sum(len(gathered.names) for gathered in found.splits.values())
    count = f"{len(bad):,} image{'s' if len(bad) > 1 else ''} of {total:,} that cannot be used"
    if not (skip_bad and whole):
        skipping = ", or go on without them (--skip-bad)" if whole else ""
        remedy = f"fix or remove them{skipping}; nothing was written:{listed(bad, chr(10) + '  ')}"
        raise InputError("folder", place, f"holds {count}", remedy=remedy)
    return kept, [f"skipped {count}: {listed(bad, '; ').removeprefix('; ')}"]


def refuse_large(place: str, found: FoundSet) -> None:
    """Look at headers only, so that a folder of photographs is not decoded for nothing.

    Raises:
        InputError: an image is larger than a set can hold, which only `size` can change.
    """
    sizes = {
        name: size
        for gathered in found.splits.values()
        for name, data in zip(gathered.names, gathered.read(), strict=True)
        if (size := header_size(data)) and max(size) > LARGEST
    }
    if sizes:
        largest = max(sizes, key=lambda name: (max(sizes[name]), min(sizes[name])))
        height, width = sizes[largest]
        raise InputError(
            "folder",
            place,
            f"holds {len(sizes):,} images of more than {LARGEST} pixels a side, the largest being {largest} with "
            f"{height}x{width}",
            remedy=f"give the size for all, {LARGEST} at most, for example --size 64",
        )


def common_shape(inspections: Inspections, size: int | None) -> tuple[Shape, list[str]]:
    """The shape that every image gets, and what has to be done for it, as text."""
    shapes = sum((inspection.shapes for inspection in inspections.values()), Counter[Shape]())
    changes = sum((inspection.changes for inspection in inspections.values()), Counter[str]())
    sides = {shape[:2] for shape in shapes}
    channels = max(shape[2] for shape in shapes)
    mixed = size is None and len(sides) > 1
    if mixed:
        size = MIXED_SIZE
    side = next(iter(sides)) if size is None else (size, size)
    target = (*side, channels)
    notes = [f"{count} images converted: {change}" for change, count in changes.most_common()]
    if gray := sum(count for shape, count in shapes.items() if shape[2] < channels):
        notes.append(f"{gray} gray images among RGB ones: gray repeated to RGB")
    if resized := sum(count for shape, count in shapes.items() if shape[:2] != side):
        smallest, largest = min(shapes), max(shapes)
        other = "; --size gives another size" if mixed else ""
        notes.append(
            f"{resized} images resized to {side[0]}x{side[1]} (bilinear, antialiased, not cropped), "
            f"from {describe(smallest)} to {describe(largest)}{other}"
        )
    return target, notes
