"""A user's own images, checked and converted to our form, with a report of what was found."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.catalog import KNOWN_SETS
from dalbt_ray.data.decoding import LARGEST, SMALLEST, Shape, describe, encode_png
from dalbt_ray.data.mixing import fit_images
from dalbt_ray.data.prepare.conversion import convert
from dalbt_ray.data.prepare.gathering import Gathered
from dalbt_ray.data.prepare.image_tree import gather_tree
from dalbt_ray.data.prepare.inspection import common_shape, inspect, label_notes, repeat_notes, set_aside
from dalbt_ray.data.prepare.parquet_folder import gather_parquet
from dalbt_ray.data.prepare.torchvision_sets import remove_if_empty
from dalbt_ray.data.split_file import SetMetadata, sync_folder, write_split
from dalbt_ray.errors import InputError


@dataclass(frozen=True)
class Preparation:
    """What was found and written.

    Attributes:
        name: of the new set.
        place: its folder under the data root.
        shape: (height, width, channels) of every image in it.
        class_names: in label order.
        counts: images by split.
        notes: conversions, repeats, gaps: one each.
    """

    name: str
    place: Path
    shape: Shape
    class_names: tuple[str, ...]
    counts: dict[str, int]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {split}" for split, count in self.counts.items())
        mapping = ", ".join(f"{label}={name}" for label, name in enumerate(self.class_names[:20]))
        more = ", ..." if len(self.class_names) > 20 else ""
        first = f"{self.name}: {counts} images, {describe(self.shape)}, in {self.place}"
        return "\n  ".join([first, f"classes ({len(self.class_names)}): {mapping}{more}", *self.notes])


def prepare_folder(
    folder: Path,
    name: str,
    data_root: Path,
    *,
    size: int | None = None,
    test_fraction: float = 0.2,
    licence: str = "",
) -> Preparation:
    """Check every image of a folder and write it as the set `name`; both splits appear at once or not at all.

    Images of one size keep it; if sizes differ they become 32x32, or `size` x `size`. One RGB image makes the
    whole set RGB. Repeated images are kept and reported. Without a test split, `test_fraction` of each class is
    set aside: the images with the lowest content hashes, so the split depends on the images alone, and equal
    images stay on one side.

    Raises:
        InputError: a bad name, no usable folder (see `gather_tree`, `gather_parquet`), bad images (how many, and
            the first one), a class with test images only, or a size or fraction out of range.
    """
    _check_arguments(name, data_root, size, test_fraction)
    if not folder.is_dir():
        raise InputError("folder", str(folder), "is not a folder")
    found = gather_parquet(folder) if any(folder.glob("*.parquet")) else gather_tree(folder)
    inspections = {split: inspect(gathered) for split, gathered in found.splits.items()}
    shape, changes = common_shape(inspections, size)
    members = set_aside(found, inspections, test_fraction)
    notes = [*found.notes, *changes, *label_notes(found, members), *repeat_notes(inspections, found)]
    if "test" not in found.splits:
        notes.append(f"no test split: {test_fraction:.0%} of each class set aside, chosen by content hash")
    metadata = SetMetadata(f"folder {folder.resolve().name}", licence, found.class_names, shape)
    place, staging = data_root / name, data_root / ".staging" / f"{name}-{os.getpid()}"
    try:
        for split, rows in members.items():
            source = found.splits.get(split, found.splits["train"])
            labels = np.array(source.labels)[rows]
            encoded = _encoded(source, rows, shape)
            write_split(staging / f"{split}.parquet", np.arange(len(rows)), encoded, labels, metadata)
        staging.rename(place)
        sync_folder(data_root)
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError("data root", str(data_root), problem, remedy="choose another --data-root") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        remove_if_empty(staging.parent, stop=data_root.parent)
    counts = {split: len(rows) for split, rows in members.items()}
    return Preparation(name, place, shape, found.class_names, counts, tuple(notes))


def _encoded(source: Gathered, rows: NDArray[np.int64], shape: Shape) -> Iterator[bytes]:
    """The images at `rows` (ascending) as PNG or JPEG of `shape`; bytes that fit already stay as they are."""
    wanted = set(rows.tolist())
    for row, data in enumerate(source.read()):
        if row not in wanted:
            continue
        image = convert(data)
        if image.storable and image.pixels.shape == shape:
            yield data
        else:
            yield encode_png(fit_images(image.pixels[None], shape)[0])


def _check_arguments(name: str, data_root: Path, size: int | None, test_fraction: float) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise InputError("name", name, "must be letters, digits, _ and - only", remedy="give another --name")
    if name in KNOWN_SETS:
        raise InputError("name", name, "is the name of a known set", remedy="give another --name")
    if (data_root / name).exists():
        remedy = f"give another --name, or delete {data_root / name}"
        raise InputError("name", name, "is taken", remedy=remedy)
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise InputError("size", size, f"must be {SMALLEST} to {LARGEST} pixels a side")
    if not 0 < test_fraction < 1:
        raise InputError("test_fraction", test_fraction, "must be between 0 and 1")
