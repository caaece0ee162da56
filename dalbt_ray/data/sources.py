"""Find a set by its name: under the data root, else among the embedded ones; never over the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dalbt_ray.data.catalog import EMBEDDED, KNOWN_SETS
from dalbt_ray.data.decoding import Shape
from dalbt_ray.data.split_file import SetMetadata, read_labels, read_metadata, stored_shape
from dalbt_ray.errors import InputError

EMBEDDED_ROOT = Path(__file__).parent / "embedded"
SPLITS = ("train", "test")


@dataclass(frozen=True)
class SetFiles:
    """Where a set lies and what it holds.

    Attributes:
        name: as in `--dataset`.
        train, test: its Parquet files, None where a split is missing.
        class_names: in label order.
        licence: as stated, or "not stated".
        input_shape: (height, width, channels) that networks are fed with.
        source: where the images come from, as the file states it.
    """

    name: str
    train: Path | None
    test: Path | None
    class_names: tuple[str, ...]
    licence: str
    input_shape: Shape
    source: str

    @property
    def ood_split(self) -> Path:
        """The file to take OOD images from: the train split if there is one, else the test split."""
        path = self.train or self.test
        assert path is not None  # find_set finds at least one
        return path

    def both_splits(self) -> tuple[Path, Path]:
        """The train and the test file.

        Raises:
            InputError: one is missing, so that the set can only serve as an OOD source.
        """
        if self.train is None or self.test is None:
            here, missing = ("test", "train") if self.train is None else ("train", "test")
            folder = self.ood_split.parent
            raise InputError(
                "dataset",
                self.name,
                f"has a {here} split only, and learning it needs {folder / f'{missing}.parquet'} too",
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


def find_set(name: str, data_root: Path | None) -> SetFiles:
    """Find a set by name; only footers, and labels where no class names are stated, are read.

    Raises:
        InputError: an unknown name (with the nearest one), a known set that is not there (with the path that
            was looked at and the command that gets it), or a damaged file.
    """
    allowed = set_names(data_root)
    if name not in allowed:
        raise InputError("dataset", name, "is not a known set", allowed=allowed, remedy=_own_data())
    roots = [root for root in (data_root, EMBEDDED_ROOT) if root is not None]
    for folder in (root / name for root in roots):
        train, test = (path if path.is_file() else None for path in (folder / f"{s}.parquet" for s in SPLITS))
        if train or test:
            return _described(name, train, test)
    place = f"at {data_root / name}" if data_root else "here, and no data root is given"
    raise InputError("dataset", name, f"is not {place}", remedy=_how_to_get(name))


def _described(name: str, train: Path | None, test: Path | None) -> SetFiles:
    paths = [path for path in (train, test) if path]
    known = KNOWN_SETS.get(name)
    stated: SetMetadata = read_metadata(paths[0])
    names = known.class_names if known else stated.class_names
    if not names:
        names = tuple(map(str, range(max(int(read_labels(path)[1].max()) for path in paths) + 1)))
    shape = stated.input_shape or (known.shape if known else stored_shape(paths[0]))
    licence = stated.licence or (known.licence if known else "not stated")
    return SetFiles(name, train, test, names, licence, shape, stated.source or "not stated")


def _how_to_get(name: str) -> str:
    if name in KNOWN_SETS and name not in EMBEDDED:
        return f"run `dalbt data prepare {name}` (it downloads), or use the embedded fashion_mini"
    return _own_data()


def _own_data() -> str:
    return "own images: `dalbt data prepare FOLDER --name NAME`"
