"""Find a set by its name: under the data root, else among the embedded ones; never over the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dalbt_ray.data.catalog import EMBEDDED, KNOWN_SETS
from dalbt_ray.data.decoding import Shape
from dalbt_ray.data.split_file import SetMetadata, read_labels, read_metadata, stored_shape
from dalbt_ray.errors import InputError

EMBEDDED_ROOT = Path(__file__).parent / "embedded"
SPLITS = ("train", "test")  # what a sweep needs
EVERY_SPLIT = (*SPLITS, "unlabeled")


@dataclass(frozen=True)
class SetFiles:
    """Where a set lies and what it holds.

    Attributes:
        name: as in `--dataset`.
        train, test: its Parquet files, None where a split is missing.
        unlabeled: its images without a label, kept apart when the set was prepared; None if there are none.
        class_names: in label order.
        licence: the license, as stated, or "not stated".
        input_shape: (height, width, channels) that networks are fed with.
        source: where the images come from, as the file states it.
    """

    name: str
    train: Path | None
    test: Path | None
    unlabeled: Path | None
    class_names: tuple[str, ...]
    licence: str
    input_shape: Shape
    source: str

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are there."""
        return tuple(path for path in (self.train, self.test, self.unlabeled) if path)

    @property
    def ood_split(self) -> Path:
        """The file to take OOD images from: the first split that is there of train, test and unlabeled."""
        return self.paths[0]  # find_set finds at least one

    def both_splits(self) -> tuple[Path, Path]:
        """The train and the test file.

        Raises:
            InputError: one is missing, so that the set can only serve as an OOD source.
        """
        if self.train is None or self.test is None:
            first, missing = self.ood_split, "train" if self.train is None else "test"
            raise InputError(
                "dataset",
                self.name,
                f"has no {missing} split, and a sweep on it needs {first.with_name(f'{missing}.parquet')} too",
                remedy=_how_to_get(self.name) + "; as an OOD source (ood) it can be used as it is",
            )
        return self.train, self.test


def data_root_from(environ: Mapping[str, str]) -> Path:
    """The folder of all sets: `$DALBT_DATA`, else `dalbt-ray` in the user's cache folder."""
    if root := environ.get("DALBT_DATA"):
        return Path(root).expanduser()
    return user_cache(environ)


def user_cache(environ: Mapping[str, str]) -> Path:
    """`dalbt-ray` in the user's cache folder."""
    cache = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(cache) / "dalbt-ray"


def set_names(data_root: Path | None) -> list[str]:
    """Every name that means something: known sets, then whatever else lies under the data root."""
    others = {path.parent.name for path in data_root.glob("[!.]*/*.parquet")} if data_root else set()
    return [*KNOWN_SETS, *sorted(others - KNOWN_SETS.keys())]


def set_folder(name: str, data_root: Path | None) -> Path | None:
    """The folder of a set that is there, under the data root or embedded; None if it is not."""
    roots = [root for root in (data_root, EMBEDDED_ROOT) if root is not None]
    folders = (root / name for root in roots)
    return next(
        (each for each in folders if any((each / f"{split}.parquet").is_file() for split in EVERY_SPLIT)),
        None,
    )


def find_set(name: str, data_root: Path | None) -> SetFiles:
    """Find a set by name; only footers, and labels where no class names are stated, are read.

    Raises:
        InputError: an unknown name (with the nearest one), a known set that is not there (with the path that
            was looked at and the command that gets it), or a damaged file.
    """
    allowed = set_names(data_root)
    if name not in allowed:
        raise InputError("dataset", name, "is not a known set", allowed=allowed, remedy=_own_data())
    folder = set_folder(name, data_root)
    if folder is not None:
        return _described(
            name, {split: path for split in EVERY_SPLIT if (path := folder / f"{split}.parquet").is_file()}
        )
    place = f"at {data_root / name}" if data_root else "here, and no data root is given"
    raise InputError("dataset", name, f"is not {place}", remedy=_how_to_get(name))


def _described(name: str, files: dict[str, Path]) -> SetFiles:
    paths = list(files.values())
    known = KNOWN_SETS.get(name)
    stated: SetMetadata = read_metadata(paths[0])
    names = known.class_names if known else stated.class_names
    if not names:
        names = tuple(map(str, range(max(int(read_labels(path)[1].max()) for path in paths) + 1)))
    return SetFiles(
        name=name,
        train=files.get("train"),
        test=files.get("test"),
        unlabeled=files.get("unlabeled"),
        class_names=names,
        licence=stated.licence or (known.licence if known else "not stated"),
        input_shape=stated.input_shape or (known.shape if known else stored_shape(paths[0])),
        source=stated.source or "not stated",
    )


def _how_to_get(name: str) -> str:
    if name in KNOWN_SETS and name not in EMBEDDED:
        return f"run `dalbt data prepare {name}` (it downloads), or use the embedded fashion_mini"
    return _own_data()


def _own_data() -> str:
    return "own images: `dalbt data prepare FOLDER --name NAME`"
