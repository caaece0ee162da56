"""Results folders, data and pools, each with one thing in it that was made to harm."""

import csv
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from dalbt_ray.data.decoding import encode_png
from dalbt_ray.results import ResultsStore, compact
from dalbt_ray.results.storage.sealed import seal, unseal
from on_hostile import bombs

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.results_records import identity, rewrite, run_trial

Make = Callable[[Path], None]

TINY = encode_png(np.zeros((8, 8, 1), np.uint8))


def sealed(kind: str, body: bytes) -> bytes:
    """A JSON file with a right seal, whatever it holds."""
    start = f'{{\n"format": "dalbt-{kind}",\n"version": 1,\n"x": '.encode() + body
    return start + f',\n"sha256": "{sha256(start).hexdigest()}"\n}}\n'.encode()


LARGE = 60 * 2**20
"""Bytes of a JSON file just below what is read at all."""


def filled(unit: bytes) -> bytes:
    """A JSON list of one value, again and again."""
    return b"[" + b",".join([unit] * (LARGE // (len(unit) + 1))) + b"]"


JSON: dict[str, Callable[[], bytes]] = {
    "empty lists": lambda: filled(b"[]"),
    "small objects": lambda: filled(b'{"a":1}'),
    "texts of two letters": lambda: filled(b'"ab"'),
    "nested without end": lambda: b"[" * LARGE,
    "a number of 60 MB": lambda: b"9" * LARGE,
    "a text of 60 MB": lambda: b'"' + "\U0001f600".encode() + b"x" * LARGE + b'"',
    "2 million names": lambda: b"{" + b",".join(b'"%016x":1' % each for each in range(2_400_000)) + b"}",
}


def results(folder: Path) -> None:
    """Two single trials and one in a bundle."""
    store = ResultsStore(folder)
    store.create_or_open({"sweep": "hostile"})
    run_trial(store, 0)
    compact(folder)
    run_trial(store, 1)
    run_trial(store, 2)


def in_table(data: bytes) -> Make:
    """The table of a trial, listed in its manifest as it is."""

    def make(folder: Path) -> None:
        results(folder)
        name = identity(1)
        (folder / "rounds" / f"{name}.parquet").write_bytes(data)
        manifest = folder / "trials" / f"{name}.json"
        listed = unseal("trial", manifest.read_bytes())["files"]
        listed["rounds"] |= {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
        rewrite(manifest, "trial", {"files": listed})

    return make


def in_json(kind: str, name: str, body: Callable[[], bytes], times: int = 1) -> Make:
    """A sealed file of the folder, or several."""

    def make(folder: Path) -> None:
        results(folder)
        for number in range(1, times + 1):
            path = folder / name.format(identity(number))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sealed(kind, body()))

    return make


def in_bundle(body: Callable[[], bytes], trials: int = 1) -> Make:
    """A bundle whose lists are right for the file that harms."""

    def make(folder: Path) -> None:
        results(folder)
        index = folder / "bundle" / "index.json"
        content = unseal("bundle", index.read_bytes())
        if lines := body():
            (folder / "bundle" / "trials.jsonl").write_bytes(lines)
            content["files"] |= {"trials.jsonl": sha256(lines).hexdigest()}
            del content["files"]["trials.jsonl.zst"], content["unpacked_bytes"]
        if trials > 1:
            content["trial_ids"] = [f"{each:016x}" for each in range(trials)]
        index.write_bytes(seal("bundle", content))

    return make


def sparse_in(name: str) -> Make:
    """10 GB of nothing in place of a file."""

    def make(folder: Path) -> None:
        results(folder)
        bombs.sparse(folder / name.format(identity(1)))

    return make


def data_columns(**other: pa.Array) -> dict[str, pa.Array]:
    """A set of a thousand images, with other columns in place of some."""
    rows = max([len(each) for each in other.values()], default=1_000)
    own = {
        "id": pa.array(np.arange(rows)),
        "image": bombs.repeated(TINY, rows, pa.binary()),
        "label": pa.array(np.zeros(rows, np.int32)),
    }
    return own | other


def file_of(data: bytes, name: str = "train.parquet") -> Make:
    """A folder with that file."""

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / name).write_bytes(data)

    return make


def holey_parquet(folder: Path) -> None:
    """A Parquet file of 10 GB, all of it a hole but the last kilobytes."""
    data = bombs.parquet(data_columns(label=pa.array(np.zeros(10_000_000, np.int32))))
    bombs.sparse(
        folder / "train.parquet",
        data[: data.rindex(b"PAR1")],
        data[-(int.from_bytes(data[-8:-4], "little") + 8) :],
    )


def images(*files: bytes) -> Make:
    """Class folders with these files, and a set's worth of images that are right, each another one."""

    def make(folder: Path) -> None:
        for first, label in enumerate(("a", "b")):
            (folder / label).mkdir(parents=True)
            for number in range(10):
                right = encode_png(np.full((8, 8, 1), 10 * number + first, np.uint8))
                (folder / label / f"right{number}.png").write_bytes(right)
        for number, data in enumerate(files):
            (folder / "a" / f"{number}.png").write_bytes(data)

    return make


def sparse_images(folder: Path) -> None:
    """Four images of 10 GB."""
    images()(folder)
    for number in range(4):
        bombs.sparse(folder / "a" / f"{number}.png", TINY)


def labels_of_one_line(folder: Path) -> None:
    """A `labels.csv` of 250 MB without a line's end, and one of many lines."""
    images()(folder)
    (folder / "labels.csv").write_bytes(b"path,label\n" + b"x" * 250_000_000)


def many_labels(folder: Path) -> None:
    """A `labels.csv` of 250 MB, of names that are not there."""
    images()(folder)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerow(["path", "label"])
        file.write("a.png,b\n" * 30_000_000)


def list_of(size: int, line: bytes) -> Make:
    """A list of paths; sparse where it is given no line."""

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        if line:
            numbers = range(size // len(line % 0 if b"%" in line else line))
            (folder / "list.txt").write_bytes(
                b"".join(line % each if b"%" in line else line for each in numbers)
            )
        else:
            bombs.sparse(folder / "list.txt")

    return make
