"""A user's folders of images, made of noise, and what `prepare_folder` says of them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dalbt_ray.data.prepare.folder_options import FolderOptions
from dalbt_ray.data.prepare.folders import Preparation, prepare_folder
from dalbt_ray.errors import InputError

RNG = np.random.default_rng(0)
CLASSES = ("cat", "dög", "zebra crossing")


def picture(shape: tuple[int, ...] = (10, 12, 3)) -> Image.Image:
    """A random image."""
    return Image.fromarray(RNG.integers(0, 256, shape, np.uint8))


def pictures(n: int, shape: tuple[int, int, int] = (9, 10, 3)) -> NDArray[np.uint8]:
    """Random images uint8[n, h, w, c]."""
    return RNG.integers(0, 256, (n, *shape), np.uint8)


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    """Write an image file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """An image's file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def three_classes(tmp_path: Path) -> Path:
    """Three classes with 5 training and 2 test images each, in a path with spaces and beyond ASCII."""
    folder = tmp_path / "meine Bilder ü"
    for name in CLASSES:
        for split, count in (("train", 5), ("test", 2)):
            for i in range(count):
                save(picture(), folder / split / name / f"bild {i}é.png")
    return folder


def flat(tmp_path: Path, count: int = 8) -> Path:
    """`count` images 0.png, 1.png, ... in one folder."""
    for i in range(count):
        save(picture(), tmp_path / "flat" / f"{i}.png")
    return tmp_path / "flat"


def prepare(folder: Path, root: Path, name: str = "own", **options: Any) -> Preparation:
    """Prepare a folder; no hidden file may be left in the data root."""
    done = prepare_folder(folder, name, root, FolderOptions(**options))
    assert not list(root.rglob(".*"))
    return done


def refusal(folder: Path, root: Path, **options: Any) -> str:
    """The message with which a folder is refused; nothing may have been written."""
    with pytest.raises(InputError) as error:
        prepare_folder(folder, "own", root, FolderOptions(**options))
    assert not root.exists()
    return str(error.value)


def notes(done: Preparation) -> str:
    """Everything that was reported apart from counts and classes."""
    return "; ".join(done.notes)
