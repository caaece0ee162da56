"""A user's own images, checked and converted to our form, with a report of what was found."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.catalog import KNOWN_SETS
from dalbt_ray.data.decoding import Shape, describe, encode_png
from dalbt_ray.data.mixing import fit_images
from dalbt_ray.data.prepare.conversion import convert
from dalbt_ray.data.prepare.folder_options import FolderOptions
from dalbt_ray.data.prepare.gathering import FoundSet, Gathered
from dalbt_ray.data.prepare.image_tree import gather_tree
from dalbt_ray.data.prepare.inspection import common_shape, inspect, refuse_large, usable
from dalbt_ray.data.prepare.parquet_folder import gather_parquet
from dalbt_ray.data.prepare.set_notes import label_notes, repeat_notes
from dalbt_ray.data.prepare.setting_aside import Members, set_aside
from dalbt_ray.data.prepare.staging import staging_folder
from dalbt_ray.data.prepare.watching import watched
from dalbt_ray.data.seal import write_seal
from dalbt_ray.data.split_file import SetMetadata
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.data.whole_file import sync_folder
from dalbt_ray.errors import InputError

EVERY_DEFAULT = FolderOptions()


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
    folder: Path, name: str, data_root: Path, options: FolderOptions = EVERY_DEFAULT
) -> Preparation:
    """Check every image of a folder and write it as the set `name`; all splits appear at once or nothing does.

    Images of one size keep it; if sizes differ they become 32x32, or the size given. One RGB image makes the whole set
    RGB. Repeated images are kept and reported. What the report says is kept with the set too.

    Raises:
        InputError: a bad name, no usable folder (see `gather_tree`, `gather_parquet`), images that cannot be used
            (unless they are skipped) or are too large for a set without `size`, a class with test images only, or a
            data root that cannot be written.
    """
    _check_name(name, data_root)
    if not folder.is_dir():
        raise InputError("folder", str(folder), "is not a folder")
    found = gather_parquet(folder) if any(folder.glob("*.parquet")) else gather_tree(folder)
    if options.size is None:
        refuse_large(str(folder), found)
    inspections = {split: inspect(gathered) for split, gathered in found.splits.items()}
    found, skipped = usable(str(folder), found, inspections, skip_bad=options.skip_bad)
    shape, changes = common_shape(inspections, options.size)
    members, set_apart = set_aside(found, inspections, options.test_share, options.test_seed)
    notes = (
        *skipped,
        *found.notes,
        *changes,
        *label_notes(found, members),
        *repeat_notes(inspections, found),
        *set_apart,
    )
    source = f"folder {folder.resolve().name}"
    metadata = SetMetadata(source, options.licence, found.class_names, shape, notes)
    place = data_root / name
    try:
        _write(found, members, metadata, place)
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError("data root", str(data_root), problem, remedy="choose another --data-root") from None
    counts = {split: len(rows) for split, rows in members.items()}
    return Preparation(name, place, shape, found.class_names, counts, notes)


def _write(found: FoundSet, members: Members, metadata: SetMetadata, place: Path) -> None:
    assert metadata.input_shape is not None
    with staging_folder(place.parent, place.name) as staging:
        for split, rows in members.items():
            source = found.splits[split if split in found.splits else "train"]
            labels = np.array(source.labels)[rows]
            files = [source.files[row] or None for row in rows] if source.files is not None else None
            encoded = _encoded(source, rows, metadata.input_shape)
            write_split(staging / f"{split}.parquet", np.arange(len(rows)), encoded, labels, metadata, files)
        write_seal(staging)
        staging.rename(place)
        sync_folder(place.parent)


def _encoded(source: Gathered, rows: NDArray[np.int64], shape: Shape) -> Iterator[bytes]:
    """The images at `rows` (ascending) as PNG or JPEG of `shape`; bytes that fit already stay as they are."""
    wanted = set(rows.tolist())
    for row, data in enumerate(watched(source.read(), "writing the set", len(source.names))):
        if row not in wanted:
            continue
        image = convert(data)
        if image.storable and image.pixels.shape == shape:
            yield data
        else:
            yield encode_png(fit_images(image.pixels[None], shape)[0])


def _check_name(name: str, data_root: Path) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise InputError("name", name, "must be letters, digits, _ and - only", remedy="give another --name")
    if name in KNOWN_SETS:
        raise InputError("name", name, "is the name of a known set", remedy="give another --name")
    if (data_root / name).exists():
        remedy = f"give another --name, or delete {data_root / name}"
        raise InputError("name", name, "is taken", remedy=remedy)
