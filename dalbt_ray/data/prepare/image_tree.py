"""Image files in class folders, as torchvision's `ImageFolder` has them, or with a `labels.csv`."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dalbt_ray.data.bounds import read_image_file
from dalbt_ray.data.prepare.gathering import FoundSet, Gathered, ordered_class_names
from dalbt_ray.data.prepare.label_file import LABEL_FILE, read_label_file
from dalbt_ray.errors import InputError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
# What cameras make too and Pillow alone cannot read (HEIC: see `image_formats`): refused by name, never ignored.
OTHER_SUFFIXES = frozenset({".heic", ".heif", ".avif", ".gif", ".dng", ".cr2", ".cr3", ".nef", ".arw"})
UNLABELED = frozenset({"unlabeled", "unlabelled"})

Labeled = dict[Path, str | None]
"""The class name of each image; None for no label."""


def gather_tree(folder: Path) -> FoundSet:
    """Find `train/...` and, if there, `test/...`; or one set of images without that division.

    In each, images lie in one folder per class, which may be nested, or `labels.csv` names their labels; one
    `labels.csv` above `train` and `test` will do too. Images in a folder `unlabeled`, and images that a `labels.csv`
    does not name, become the split `unlabeled`. File names decide what an image is; hidden files are skipped.

    Raises:
        InputError: no images, an empty class folder, a `test` without `train`, a `labels.csv` that does not fit, or
            unusable class names.
    """
    if (folder / LABEL_FILE).is_file():
        roots, notes, by_split = {"train": folder}, list[str](), _split_by_path(folder)
    else:
        roots, notes = _roots(folder)
        by_split = {
            split: _by_label_file(root) if (root / LABEL_FILE).is_file() else _by_folder(root)
            for split, root in roots.items()
        }
    taken = {path for labeled in by_split.values() for path in labeled}
    loose = {path for place in _unlabeled_folders(folder) for path in _images(place)} - taken
    notes += [note for root in roots.values() if (note := _ignored(root, taken | loose))]
    notes += _links_out(folder, sorted(taken | loose))
    return _found(folder, by_split, sorted(loose), notes)


def _found(folder: Path, by_split: dict[str, Labeled], loose: list[Path], notes: list[str]) -> FoundSet:
    labels = {path: label for labeled in by_split.values() for path, label in labeled.items()}
    names = ordered_class_names(str(folder), (label for label in labels.values() if label is not None))
    number = {name: label for label, name in enumerate(names)}
    splits = {}
    for split, labeled in by_split.items():
        known = sorted((number[label], path) for path, label in labeled.items() if label is not None)
        if known:
            splits[split] = _gathered(folder, [path for _, path in known], [label for label, _ in known])
    unlabeled = sorted({*loose, *(path for path, label in labels.items() if label is None)})
    if unlabeled:
        splits["unlabeled"] = _gathered(folder, unlabeled, [-1] * len(unlabeled))
    if not splits:
        raise InputError(
            "folder",
            str(folder),
            "holds no images in class folders",
            remedy=f"expected CLASS/IMAGE ({', '.join(sorted(SUFFIXES))}), a {LABEL_FILE} (path,label) next to "
            "the images, or Parquet files",
        )
    if "test" in splits and "train" not in splits:
        raise InputError("folder", str(folder), "has labeled test images but no labeled training image")
    return FoundSet(splits, names, tuple(notes))


def _gathered(folder: Path, paths: list[Path], labels: list[int]) -> Gathered:
    names = [_relative(path, folder) for path in paths]
    return Gathered(names, labels, _Reader(paths), names)


def _relative(path: Path, folder: Path) -> str:
    """The path below `folder` as Unicode; bytes of a file name that are none are shown as escapes."""
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")


class _Reader:
    """Reads files one after the other each time it is called."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __call__(self) -> Iterator[bytes]:
        for path in self.paths:
            yield read_image_file(path)


def _roots(folder: Path) -> tuple[dict[str, Path], list[str]]:
    train, test = folder / "train", folder / "test"
    if not train.is_dir():
        if test.is_dir():
            problem = "has a folder `test` but none named `train`"
            raise InputError("folder", str(folder), problem, remedy="name the training folder `train`")
        return {"train": folder}, []
    known = {train, test, *_unlabeled_folders(folder)}
    others = [path.name for path in _folders(folder) if path not in known]
    notes = [f"ignored next to train and test: {', '.join(others)}"] if others else []
    return {"train": train, "test": test} if test.is_dir() else {"train": train}, notes


def _split_by_path(folder: Path) -> dict[str, Labeled]:
    labeled, train, test = _by_label_file(folder), folder / "train", folder / "test"
    if not (train.is_dir() and test.is_dir()):
        return {"train": labeled}
    tests = {path for path in labeled if test in path.parents}
    return {
        "train": {path: label for path, label in labeled.items() if path not in tests},
        "test": {path: labeled[path] for path in tests},
    }


def _by_label_file(root: Path) -> Labeled:
    files = {_relative(path, root): path for path in _files(root)}
    labeled = read_label_file(root / LABEL_FILE, files)
    return {**dict.fromkeys(_images(root)), **labeled}


def _by_folder(root: Path) -> Labeled:
    unlabeled = _unlabeled_folders(root)
    classes = {path.name: _images(path) for path in _folders(root) if path not in unlabeled}
    empty = [name for name, images in classes.items() if not images]
    if empty and any(classes.values()):
        problem = f"has class folders without images: {', '.join(empty)}"
        raise InputError("folder", str(root), problem, remedy="add images or remove them")
    labeled: Labeled = {path: name for name, images in classes.items() for path in images}
    return {**labeled, **{path: None for place in unlabeled for path in _images(place)}}


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _unlabeled_folders(root: Path) -> list[Path]:
    return [path for path in _folders(root) if path.name.lower() in UNLABELED]


def _images(root: Path) -> list[Path]:
    return [path for path in _files(root) if path.suffix.lower() in SUFFIXES | OTHER_SUFFIXES]


def _files(root: Path) -> list[Path]:
    found = (path for path in root.rglob("*") if path.is_file())
    return sorted(
        path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def _links_out(folder: Path, paths: list[Path]) -> list[str]:
    """A note of images that are not in the folder at all, but behind a link in it."""
    home = folder.resolve()
    outside = [path for path in paths if not path.resolve().is_relative_to(home)]
    if not outside:
        return []
    example = f"{_relative(outside[0], folder)} to {outside[0].resolve()}"
    return [f"{len(outside):,} images are reached by links that lead out of the folder, as {example}"]


def _ignored(root: Path, taken: set[Path]) -> str:
    others = (path for path in _files(root) if path not in taken and path.name != LABEL_FILE)
    kinds = Counter(path.suffix.lower() or "no suffix" for path in others)
    if not kinds:
        return ""
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
    return f"ignored {kinds.total()} files of {root.name} that are no images in a class folder ({counts})"
