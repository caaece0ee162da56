"""What others put into a results folder: nothing is followed, waited for or unpacked beyond a stated limit."""

import os
import socket
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import ResultsStore, compact, load_manifests, load_results, verify
from dalbt_ray.results.parquet_form import decode
from dalbt_ray.results.storage.folder import read_sweep
from dalbt_ray.results.storage.json_bounds import PARSED_BYTES, parsed_bytes
from dalbt_ray.results.storage.location import open_storage
from dalbt_ray.results.storage.protocol import JSON_BYTES
from dalbt_ray.results.storage.sealed import NewerFormatError, seal, unseal
from tests.integration.reading_apart import read_apart
from tests.results_records import config, identity, record, rewrite, run_trial


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A trial in a bundle, a single one, a running one."""
    folder = tmp_path / "results"
    store = ResultsStore(folder)
    store.create_or_open({"sweep": "hostile"})
    run_trial(store, 0)
    compact(folder)
    run_trial(store, 1)
    store.journal(identity(2)).begin(config(2, 4))
    store.journal(identity(2)).commit(0, record(0))
    return folder


def link(path: Path) -> None:
    """To a file that everybody can read."""
    path.symlink_to("/etc/hostname")


def pipe(path: Path) -> None:
    """That nobody writes to."""
    os.mkfifo(path)


def listening(path: Path) -> None:
    """A socket; made from its folder, since the path may be too long for one."""
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def huge(path: Path) -> None:
    """10 GB that take no room."""
    path.touch()
    os.truncate(path, 10 * 10**9)


FILES = ["sweep.json", "trials/{1}.json", "rounds/{1}.parquet", "progress/{2}/0000.json", "bundle/index.json",
         "bundle/rounds.parquet", "bundle/trials.jsonl.zst", "index/{1}.json", "errors/{1}.json"]  # fmt: skip


@pytest.mark.parametrize("make", [link, pipe, listening, huge, Path.mkdir])
def test_what_is_no_file_of_ours_is_damaged(make: Callable[[Path], None], root: Path) -> None:
    """In the place of any file: found, moved away, never read; the loader refuses it by name or does without it."""
    names = [name.format(*map(identity, range(3))) for name in FILES]
    for name in names:
        path = root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        make(path)
        with suppress(InputError):
            load_results(root, include_running=True)
        report = verify(root)
        assert [each for each in report.damaged if name.startswith(each.file.rstrip("/"))], (name, report)
        assert not report.unreadable, report
        ResultsStore(root).create_or_open({"sweep": "hostile"})
        for number in (0, 1):
            run_trial(ResultsStore(root), number)
        ResultsStore(root).journal(identity(2)).rounds()
        compact(root)
        assert not verify(root).damaged


WRONG = [5, "text", None, [], {}, [[1]], -1, 1.5, True, {"rounds": 3}, 10**30]


@pytest.mark.parametrize(
    "name", ["trials/{1}.json", "progress/{2}/0000.json", "bundle/index.json", "index/{1}.json"]
)
def test_sealed_values_of_wrong_types_are_told(name: str, root: Path) -> None:
    """Each entry of each file with each wrong value, sealed as if it were right: an answer, never another exception."""
    path = root / name.format(*map(identity, range(3)))
    kinds = {"trials": "trial", "progress": "round", "bundle": "bundle", "index": "index"}
    kind = kinds[name.split("/", maxsplit=1)[0]]
    whole = path.read_bytes()
    keys = {"trial": ["trial_id", "status", "config", "next_query", "files"], "round": ["trial_id", "round", "record"],
            "bundle": ["files", "trial_ids", "unpacked_bytes"],
            "index": ["trial_id", "rounds", "manifest"]}[kind]  # fmt: skip
    refused = set()
    for key in keys:
        for value in WRONG:
            rewrite(path, kind, {key: value})
            verdict = verify(root)
            try:
                load_results(root, include_running=True)
                ResultsStore(root).published_rounds()
            except InputError:
                assert not verdict.whole
            if not verdict.whole:
                refused.add(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(whole)
    assert refused == set(keys)


def bomb(rows: int, text: str = "") -> pa.Buffer:
    """A Parquet file of a few bytes that stand for many rows."""
    sink = pa.BufferOutputStream()
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array([text or "x"]))
    with pq.ParquetWriter(sink, pa.schema([("trial_id", column.type)]), compression="zstd") as writer:
        part = pa.table({"trial_id": pa.chunked_array([column] * (rows // 1000))})
        writer.write_table(part)
    return sink.getvalue()


@pytest.mark.parametrize(("rows", "length"), [(80_000_000, 1), (10_000, 1_000_000)], ids=["rows", "texts"])
def test_a_parquet_bomb_is_not_unpacked(rows: int, length: int) -> None:
    """Many rows, or one long text many times, from a few bytes."""
    data = bomb(rows, "x" * length).to_pybytes()
    assert len(data) < 2**20
    with pytest.raises(NewerFormatError, match=r"unpacks to [\d,]+ bytes or more"):
        decode("rounds", data)


def test_hostile_input_takes_less_than_a_gibibyte(root: Path) -> None:
    """A bomb that a manifest lists as it is: peak memory of `verify` and `load_results`, the imports included."""
    data, name = bomb(80_000_000).to_pybytes(), identity(1)
    (root / "rounds" / f"{name}.parquet").write_bytes(data)
    listed = load_manifests(root)[name]["files"]
    listed["rounds"] |= {"sha256": sha256(data).hexdigest(), "bytes": len(data), "rows": 80_000_000}
    rewrite(root / "trials" / f"{name}.json", "trial", {"files": listed})
    said, peak = read_apart(root)
    assert sum("unpacks to" in line for line in said) == 2
    assert peak < 2**30


@pytest.mark.parametrize("unit", ['{"a":1}', "[]", '"ab"'])
def test_a_json_bomb_is_not_parsed(unit: str) -> None:
    """Sealed as it should be; a few bytes that each become an object. It stays: its bytes are what was written."""
    body = (
        b'{\n"format": "dalbt-trial",\n"version": 1,\n"x": [' + ",".join([unit] * 6_000_000).encode() + b"]"
    )
    data = body + f',\n"sha256": "{sha256(body).hexdigest()}"\n}}\n'.encode()
    with pytest.raises(NewerFormatError, match="takes up to"):
        unseal("trial", data)


def test_a_round_of_a_million_acquired_images_is_no_bomb() -> None:
    """A hundredth of one, by size and by what it takes."""
    document = seal("round", record(1, budget=10_000).to_json())
    assert 100 * len(document) < JSON_BYTES
    assert 100 * parsed_bytes(document) < PARSED_BYTES


def test_a_manifest_of_a_million_names_is_not_parsed() -> None:
    """It would be within what a round may take; no description of a trial is like that."""
    content = {f"{each:016x}": 1 for each in range(1_000_000)}
    for kind in ("trial", "running", "error", "index", "results"):
        with pytest.raises(NewerFormatError, match="takes up to"):
            unseal(kind, seal(kind, content))
    assert len(unseal("round", seal("round", content))) == 1_000_000


def test_a_json_bomb_in_place_of_sweep_json_is_not_parsed(root: Path) -> None:
    """Its format and version are looked at before its seal: they were, at any price."""
    bomb = b'{"format": "dalbt-results", "version": 1, "x": [' + b",".join([b'{"a":1}'] * 1_500_000) + b"]}"
    (root / "sweep.json").write_bytes(bomb)
    storage = open_storage(root)
    tracemalloc.start()
    with pytest.raises(InputError, match="takes up to"):
        read_sweep(storage)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 128 * 2**20


def test_a_table_of_thousands_of_columns_is_not_read() -> None:
    """Arrow takes seconds for 20,000 of them; a thousand metrics are read."""
    for columns, words in ((1_001, "has 1,001 columns"), (1_000, "has no column 'trial_id'")):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({f"c{each}": pa.array([0], pa.int8()) for each in range(columns)}), sink)
        with pytest.raises(NewerFormatError, match=words):
            decode("rounds", bytes(sink.getvalue().to_pybytes()))
