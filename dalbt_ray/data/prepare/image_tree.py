"""Image files in one folder per class, as torchvision's `ImageFolder` has them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dalbt_ray.data.prepare.conversion import SUFFIXES
from dalbt_ray.data.prepare.gathering import FoundSet, Gathered, ordered_class_names
from dalbt_ray.errors import InputError

Classes = dict[str, list[Path]]


def gather_tree(folder: Path) -> FoundSet:
    """Find `train/<class>/*` and, if there, `test/<class>/*`; or `<class>/*` alone.

    Class folders may be nested; file names decide what an image is, and hidden files are skipped.

    Raises:
        InputError: no images, an empty class folder, a `test` without `train`, or unusable class names.
    """
    roots, notes = _roots(folder)
    by_split = {split: _classes(root) for split, root in roots.items()}
    names = ordered_class_names(str(folder), (name for classes in by_split.values() for name in classes))
    notes += [note for split, root in roots.items() if (note := _ignored(root, by_split[split]))]
    splits = {}
    for split, classes in by_split.items():
        paths = [path for name in names for path in classes.get(name, [])]
        labels = [label for label, name in enumerate(names) for _ in classes.get(name, [])]
        splits[split] = Gathered([str(path.relative_to(folder)) for path in paths], labels, _Reader(paths))
    return FoundSet(splits, names, tuple(notes))


class _Reader:
    """Reads files one after the other each time it is called."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __call__(self) -> Iterator[bytes]:
        for path in self.paths:
            try:
                yield path.read_bytes()
            except OSError as error:
                raise InputError("image", str(path), f"cannot be read ({error.strerror})") from None


def _roots(folder: Path) -> tuple[dict[str, Path], list[str]]:
    train, test = folder / "train", folder / "test"
    if not train.is_dir():
        if test.is_dir():
            problem = "has a folder `test` but none named `train`"
            raise InputError("folder", str(folder), problem, remedy="name the training folder `train`")
        return {"train": folder}, []
    others = [path.name for path in _folders(folder) if path not in (train, test)]
    notes = [f"ignored beside train and test: {', '.join(others)}"] if others else []
    return {"train": train, "test": test} if test.is_dir() else {"train": train}, notes


def _classes(root: Path) -> Classes:
    classes = {path.name: _images(path) for path in _folders(root)}
    if not any(classes.values()):
        raise InputError(
            "folder",
            str(root),
            "holds no images in class folders",
            remedy=f"expected CLASS/IMAGE ({', '.join(sorted(SUFFIXES))}) or Parquet files",
        )
    empty = [name for name, images in classes.items() if not images]
    if empty:
        problem = f"has class folders without images: {', '.join(empty)}"
        raise InputError("folder", str(root), problem, remedy="add images or remove them")
    return classes


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(root: Path) -> list[Path]:
    return [path for path in _files(root) if path.suffix.lower() in SUFFIXES]


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))


def _ignored(root: Path, classes: Classes) -> str:
    taken = {path for images in classes.values() for path in images}
    kinds = Counter(path.suffix.lower() or "no suffix" for path in _files(root) if path not in taken)
    if not kinds:
        return ""
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
    return f"ignored {kinds.total()} files of {root.name} that are no images in a class folder ({listed})"
