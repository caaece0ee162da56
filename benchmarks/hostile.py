"""Memory and time that hostile input takes: each case in a process of its own, above what the imports take.

Four doors: `verify` and `load_results` of a results folder, `data prepare` of a folder, and the way `dalbt query` reads
a pool (four threads; without the model). Memory is the peak of the resident set above what it was after the imports,
seconds are CPU seconds after them. What a case ends with does not matter here, as long as it is an answer of ours:
tests say which. A process may take 8 GiB and two minutes; then it is ended and counts as short. The bar on time is
that of refusals: what is read, because it is within the limits, takes its time.
"""

import argparse
import json
import os
import resource
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
from on_hostile import bombs, folders

from dalbt_ray.data.prepare.folder_options import FolderOptions
from dalbt_ray.data.prepare.folders import prepare_folder
from dalbt_ray.errors import InputError
from dalbt_ray.query.pool_places import open_pool
from dalbt_ray.query.reading import Reading, reader_threads
from dalbt_ray.results import load_results, verify
from dalbt_ray.results.checking.finding import VerifyReport

MEMORY_GIB, SECONDS = 1.0, 2.0
MOST_BYTES, MOST_SECONDS = 8 * 2**30, 120
UNMADE = "could not be made here"


def cases() -> dict[str, dict[str, Callable[[Path], None]]]:
    """How each door's folders are made. Only the one that is asked for is made, in the process that asks."""
    text, data = bombs.repeated, folders.data_columns
    million = np.arange(1_000_000)
    tables = {
        "80 million rows": lambda: bombs.parquet({"trial_id": text("x", 1_000_000, pa.string())}, 80),
        "10,000 texts of 1 MB": lambda: bombs.parquet({"trial_id": text("x" * 10**6, 10_000, pa.string())}),
        "10 texts of 200 MB": lambda: bombs.parquet({"trial_id": text("x" * 2 * 10**8, 10, pa.string())}),
        "a dictionary of 1 GB": lambda: bombs.parquet({"trial_id": text("x" * 10**9, 3, pa.string())}),
        "a footer that understates 1 GB": lambda: bombs.modest(
            bombs.parquet({"trial_id": text("x" * 10**9, 3, pa.string())})
        ),
        "lists in lists, 1,000 deep": lambda: bombs.nested(1_000),
        "20,000 columns": lambda: bombs.wide(20_000),
        "60 MB of metadata": lambda: bombs.described(60_000_000),
    }  # fmt: skip
    sets = {
        "a million rows of one image": lambda: bombs.parquet(data(id=pa.array(million))),
        "10,000 labels of 1 MB": lambda: bombs.parquet(data(label=text("x" * 10**6, 10_000, pa.string()))),
        "10,000 names of 1 MB": lambda: bombs.parquet(data(file=text("x" * 10**6, 10_000, pa.string()))),
        "1,000 images of 1 MB": lambda: bombs.parquet(data(image=text(bytes(10**6), 1_000, pa.binary()))),
        "1,000 images of 100 MB": lambda: bombs.parquet(data(image=text(bytes(10**8), 1_000, pa.binary()))),
        "a footer that understates 1 GB": lambda: bombs.modest(
            bombs.parquet(data(image=text(bytes(10**9), 3, pa.binary())))
        ),
        "a row group of 600 MB": lambda: bombs.parquet(
            data(image=pa.array(bombs.photographs(6_000, 100_000), pa.large_binary())), use_dictionary=False
        ),
        "lists in lists, 1,000 deep": lambda: bombs.nested(1_000),
        "20,000 columns": lambda: bombs.wide(20_000),
        "60 MB of metadata": lambda: bombs.described(60_000_000),
    }  # fmt: skip
    pictures: dict[str, Callable[[], list[bytes]]] = {
        **{f"4 PNGs of 89 million pixels, {mode}": lambda mode=mode: [bombs.png(mode)] * 4 for mode in
           ("1", "L", "P", "LA", "RGB", "RGBA", "I;16")},
        "4 JPEGs of 89 million pixels": lambda: [bombs.jpeg()] * 4,
        "PNGs that claim 10 billion": lambda: [bombs.beyond()] * 4,
        "compressed texts in a PNG": lambda: [bombs.annotated()] * 4,
    }  # fmt: skip

    def lazily(
        wrap: Callable[..., folders.Make], make: Callable[[], object], *, many: bool = False
    ) -> folders.Make:
        def made(folder: Path) -> None:
            (wrap(*make()) if many else wrap(make()))(folder)  # type: ignore[misc]

        return made

    results: dict[str, folders.Make] = {
        **{f"table: {name}": lazily(folders.in_table, make) for name, make in tables.items()},
        **{
            f"manifest: {name}": folders.in_json("trial", "trials/{}.json", body)
            for name, body in folders.JSON.items()
        },
        "sweep.json: small objects": folders.in_json("results", "sweep.json", folders.JSON["small objects"]),
        "sweep.json: 2 million names": folders.in_json(
            "results", "sweep.json", folders.JSON["2 million names"]
        ),
        "round: small objects": folders.in_json(
            "round", "progress/{}/0000.json", folders.JSON["small objects"]
        ),
        "error: small objects": folders.in_json("error", "errors/{}.json", folders.JSON["small objects"]),
        "index: empty lists": folders.in_json("index", "index/{}.json", folders.JSON["empty lists"]),
        "bundle: a line of 60 MB": folders.in_bundle(folders.JSON["small objects"]),
        "bundle: 10 million lines": folders.in_bundle(lambda: b"{}\n" * 10_000_000),
        "bundle: 80 million lines of two digits": folders.in_bundle(lambda: b"12\n" * 80_000_000),
        "bundle: a text of 250 MB": folders.in_bundle(
            lambda: b'"' + "\U0001f600".encode() + b"x" * 250_000_000 + b'"\n'
        ),
        "bundle: 2 million trials": folders.in_bundle(bytes, 2_000_000),
        "a sparse table": folders.sparse_in("rounds/{}.parquet"),
        "a sparse manifest": folders.sparse_in("trials/{}.json"),
        "a sparse bundle": folders.sparse_in("bundle/rounds.parquet"),
    }
    trees: dict[str, folders.Make] = {
        **{name: lazily(folders.images, make, many=True) for name, make in pictures.items()},
        "4 sparse images": folders.sparse_images,
    }
    files: dict[str, folders.Make] = {
        **{name: lazily(folders.file_of, make) for name, make in sets.items()},
        "a sparse set": folders.holey_parquet,
    }
    return {
        "verify": results,
        "load_results": results,
        "data prepare": {
            **files,
            **trees,
            "labels.csv: one line": folders.labels_of_one_line,
            "labels.csv: 30 million lines": folders.many_labels,
        },
        "query": {
            **files,
            **trees,
            "a sparse list": folders.list_of(0, b""),
            "a list of 60 MB": folders.list_of(60 * 10**6, b"%09d\n"),
            "a list of one line": folders.list_of(60 * 10**6, b"x" * 10**6),
        },
    }


def query(folder: Path) -> object:
    """What a query does with every image, up to the model."""
    files = [path for path in (folder / "train.parquet", folder / "list.txt") if path.exists()]
    pool = open_pool(str(files[0] if files else folder))
    places = pool.places()
    reading = Reading(pool, SimpleNamespace(preprocessing=SimpleNamespace(side=224)), frozenset())  # type: ignore[arg-type]
    with reader_threads() as readers:
        problems = {opened.problem for opened in readers.map(reading.opened, places)}
    return f"{len(places):,} images; {'; '.join(sorted(problems - {''}))[:120]}"


def prepare(folder: Path) -> object:
    """With a size, or large pictures would be refused by their headers."""
    with tempfile.TemporaryDirectory() as root:
        return prepare_folder(folder, "own", Path(root), FolderOptions(size=32, skip_bad=True))


DOORS: dict[str, Callable[[Path], object]] = {
    "verify": verify,
    "load_results": partial(load_results, include_running=True),
    "data prepare": prepare,
    "query": query,
}


def measure(door: str, folder: Path) -> dict[str, object]:
    """One case, in this process."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before, began = _memory("VmRSS"), time.process_time()
    try:
        found = DOORS[door](folder)
        answer, refused = str(found), isinstance(found, VerifyReport) and not found.whole
    except InputError as error:
        answer, refused = str(error), True
    except BaseException as error:  # what must not be: told by its name
        answer, refused = f"TRACEBACK {type(error).__name__}: {error}", True
    seconds = time.process_time() - began
    gib = (_memory("VmHWM") - before) / 2**20
    return {"gib": gib, "seconds": seconds, "answer": answer[:500], "refused": refused}


def _memory(field: str) -> int:
    """In KiB."""
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0])


def run(door: str, name: str) -> dict[str, object]:
    """One case, in a process that makes the folder and one that meets it; both begin after the imports."""
    with tempfile.TemporaryDirectory() as work:
        folder, told = Path(work, "case"), Path(work, "told.json")
        made = in_child(lambda: cases()[door][name](folder))
        if made:
            return {"gib": 0.0, "seconds": 0.0, "answer": UNMADE, "refused": False}
        ended = in_child(lambda: told.write_text(json.dumps(measure(door, folder))))
        if ended == 0:
            return dict(json.loads(told.read_text()))
    late = ended == -signal.SIGPROF
    return {
        "gib": float("inf"),
        "seconds": float(MOST_SECONDS) if late else 0.0,
        "answer": "TIMEOUT" if late else f"DIED with status {ended}",
        "refused": True,
    }


def in_child(do: Callable[[], object]) -> int:
    """Call it in a child; how that ended, minus the signal if it was killed: SIGPROF after `MOST_SECONDS` of CPU."""
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)  # the kernel ends it, also inside of a library
        status = 1
        try:
            do()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def report(doors: list[str], only: str) -> None:
    """The table, and the bars."""
    broken = unmade = 0
    for door in doors:
        worst, slowest = 0.0, 0.0
        for name in (name for name in cases()[door] if only in name):
            found = run(door, name)
            gib, seconds, answer = (
                float(str(found["gib"])),
                float(str(found["seconds"])),
                str(found["answer"]),
            )
            worst = max(worst, gib)
            slowest = max(slowest, seconds if found["refused"] else 0.0)
            unmade += answer == UNMADE
            broken += answer.startswith(("TRACEBACK", "DIED", "TIMEOUT"))
            print(
                f"{door:13}{name:42}{gib:7.2f} GiB{seconds:7.1f} s  {' '.join(answer.split())[:90]}",
                flush=True,
            )
        key = door.replace(" ", "_")
        print(
            f"BAR hostile_{key}_memory {worst:.2f} GiB {MEMORY_GIB:g} GiB {'met' if worst < MEMORY_GIB else 'short'}"
        )
        print(
            f"BAR hostile_{key}_refusal {slowest:.1f} s {SECONDS:g} s {'met' if slowest <= SECONDS else 'short'}"
        )
    print(f"BAR hostile_tracebacks {broken} 0 {'met' if not broken else 'short'}")
    print(f"BAR hostile_cases_not_made {unmade} 0 {'met' if not unmade else 'short'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--door", choices=DOORS, help="only this one")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose name has this")
    known = parser.parse_args()
    report([known.door] if known.door else list(DOORS), known.only)
