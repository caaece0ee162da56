"""Make the embedded sets from the full ones.

The data root must hold `fashion_mnist/{train,test}.parquet` and `kmnist/test.parquet` in our form, in the
official order. A class-balanced subset is drawn with a fixed seed, kept in the official order with the
official index as `id`, and encoded again: any lossless copy gives the same images, and the same Pillow and
pyarrow give the same bytes.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.catalog import KNOWN_SETS
from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.split_file import SetMetadata, file_sha256, read_split
from dalbt_ray.data.split_writing import write_split

SEED = 20_220_403


@dataclass(frozen=True)
class Subset:
    """`count` images of `source`'s split, to be stored as `<name>/<split>.parquet`."""

    name: str
    split: str
    source: str
    source_split: str
    count: int


SUBSETS = (
    Subset("fashion_mini", "train", "fashion_mnist", "train", 10_000),
    Subset("fashion_mini", "test", "fashion_mnist", "test", 2_000),
    # KMNIST's test images, stored as a train split: they serve as OOD images only.
    Subset("kmnist_mini", "train", "kmnist", "test", 2_000),
)


def balanced_rows(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """`count` rows, equally many of each class, ascending."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    classes = np.unique(labels)
    picks = [
        rng.choice(np.flatnonzero(labels == label), count // len(classes), replace=False) for label in classes
    ]
    return np.sort(np.concatenate(picks)).astype(np.int64)


def make(subset: Subset, data_root: Path, out: Path) -> Path:
    """Write one subset and return its path."""
    full = read_split(data_root / subset.source / f"{subset.source_split}.parquet")
    rows = balanced_rows(full.labels, subset.count)
    known = KNOWN_SETS[subset.source]
    path = out / subset.name / f"{subset.split}.parquet"
    write_split(
        path,
        full.ids[rows],
        (encode_png(full.images[row]) for row in rows),
        full.labels[rows],
        SetMetadata(
            source=f"{subset.count} of {known.title}'s {subset.source_split} images; id = official index",
            licence=known.licence,
            class_names=known.class_names,
            input_shape=known.shape,
        ),
    )
    return path


def main() -> None:
    """Write every subset and print its size and hash."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True, help="folder with the full sets")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to, dalbt_ray/data/embedded")
    arguments = parser.parse_args()
    for subset in SUBSETS:
        path = make(subset, arguments.data_root, arguments.out)
        print(f"{subset.name}/{path.name}  {path.stat().st_size / 1e6:.2f} MB  sha256 {file_sha256(path)}")


if __name__ == "__main__":
    main()
