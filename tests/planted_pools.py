"""Folders of PNG files whose truth is known: Fashion-MNIST, with near copies and images of KMNIST planted."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from dalbt_ray.data.sources import EMBEDDED_ROOT
from dalbt_ray.query.replies import NOT_OURS

CLASSES = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


@dataclass(frozen=True)
class PlantedPool:
    """A folder of images.

    Attributes:
        folder: the pool.
        truth: label by path; `NOT_OURS` for foreign images.
        copies: for each planted near copy, the path of its original.
    """

    folder: Path
    truth: dict[str, str]
    copies: dict[str, str]


def plant(
    folder: Path, images: int, *, copies: float = 0.0, foreign: float = 0.0, seed: int = 0
) -> PlantedPool:
    """Write `images` files, in three nested folders, of which shares are near copies and foreign."""
    rng = np.random.default_rng(seed)
    n_copies, n_foreign = round(images * copies), round(images * foreign)
    own = _read("fashion_mini", images - n_copies - n_foreign, rng)
    truth: dict[str, str] = {}
    copied: dict[str, str] = {}
    kept: list[tuple[str, NDArray[np.uint8]]] = []
    for pixels, label in own:
        path = _path(len(truth), label)
        _write(folder / path, pixels)
        truth[path] = CLASSES[label]
        kept.append((path, pixels))
    for pixels, _ in _read("kmnist_mini", n_foreign, rng):
        path = _path(len(truth), 77)
        _write(folder / path, pixels)
        truth[path] = NOT_OURS
    for place in rng.choice(len(kept), n_copies, replace=False):
        original, pixels = kept[place]
        path = _path(len(truth), 99)
        _write(folder / path, _copy(pixels, rng))
        truth[path], copied[path] = truth[original], original
    return PlantedPool(folder, truth, copied)


def _path(number: int, label: int) -> str:
    return f"roll {number % 3}/{label % 2}/img_{number:05d}.png"


def _write(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _copy(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Brighter or darker, saved as JPEG."""
    bright = np.clip(pixels * rng.uniform(0.93, 1.07), 0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(bright).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file))


def _read(name: str, count: int, rng: np.random.Generator) -> list[tuple[NDArray[np.uint8], int]]:
    table = pq.read_table(next((EMBEDDED_ROOT / name).glob("*.parquet")))
    rows = rng.choice(len(table), count, replace=False)
    picked = table.take(rows)
    return [
        (np.asarray(Image.open(BytesIO(row["image"])).convert("L")), row["label"])
        for row in picked.to_pylist()
    ]
