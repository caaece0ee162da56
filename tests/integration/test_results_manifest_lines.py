"""The manifests of a bundle are packed, other programs read them, and nothing unpacks beyond what the index says."""

import shutil
import tracemalloc
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import (
    ResultsStore,
    compact,
    gather,
    load_manifests,
    load_results,
    parquet_bounds,
    verify,
)
from dalbt_ray.results.manifest_lines import MOST_LINES, PACKED, PLAIN, pack, parse, unpack
from dalbt_ray.results.parquet_bounds import open_parquet, unpacked_bytes
from dalbt_ray.results.storage.sealed import NewerFormatError, unseal
from tests.integration.reading_apart import read_apart
from tests.results_records import identity, rewrite, three_trials

OLD = Path(__file__).parent / "plain_bundle"
"""Three trials of two, three and four rounds, bundled by commit 20bc42e, before manifests were packed."""

TABLES = ("rounds", "selections", "timings")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The same three trials, bundled today."""
    folder = three_trials(tmp_path / "results")
    compact(folder)
    return folder


def listed(root: Path, data: bytes, size: object) -> None:
    """Put `data` into the place of the packed manifests, and into the index as what was written."""
    (root / "bundle" / PACKED).write_bytes(data)
    index = root / "bundle" / "index.json"
    files = unseal("bundle", index.read_bytes())["files"] | {PACKED: sha256(data).hexdigest()}
    rewrite(index, "bundle", {"files": files, "unpacked_bytes": size})


def test_a_bundle_with_plain_manifests_is_read_for_ever(root: Path) -> None:
    """Written by an earlier version: it verifies, and its tables are those of the same trials today."""
    assert verify(OLD).whole
    old, today = load_results(OLD), load_results(root)
    assert all(getattr(old, name).equals(getattr(today, name)) for name in (*TABLES, "trials"))
    store = ResultsStore(OLD)
    assert [store.published_rounds()[identity(number)].rounds for number in range(3)] == [2, 3, 4]
    configs = {key: manifest["config"] for key, manifest in load_manifests(root).items()}
    assert {key: manifest["config"] for key, manifest in load_manifests(OLD).items()} == configs


def test_a_bundle_with_plain_manifests_is_replaced_by_a_packed_one(tmp_path: Path) -> None:
    """By `compact`, in place and elsewhere: every manifest and every row stays, the plain file goes."""
    shutil.copytree(OLD, tmp_path / "old")
    compact(tmp_path / "old")
    gather([OLD], tmp_path / "other")
    for folder in (tmp_path / "old", tmp_path / "other"):
        names = {path.name for path in (folder / "bundle").iterdir()}
        assert names == {"index.json", PACKED, *(f"{table}.parquet" for table in TABLES)}
        assert load_manifests(folder) == load_manifests(OLD)
        left, right = load_results(folder), load_results(OLD)
        assert all(getattr(left, name).equals(getattr(right, name)) for name in (*TABLES, "trials"))
        assert verify(folder).whole


def test_a_plain_bundle_that_was_altered_is_found(tmp_path: Path) -> None:
    """Its manifests have their hash as before."""
    shutil.copytree(OLD, tmp_path / "old")
    file = tmp_path / "old" / "bundle" / PLAIN
    file.write_bytes(file.read_bytes().replace(b'"ok"', b'"no"'))
    assert {each.file for each in verify(tmp_path / "old").damaged} == {"bundle/"}


def test_duckdb_reads_packed_manifests(root: Path) -> None:
    """As they lie there, by their name."""
    query = f"select trial_id, config.rounds from read_json('{root / 'bundle' / PACKED}') order by trial_id"
    expected = [(key, manifest["config"]["rounds"]) for key, manifest in load_manifests(root).items()]
    assert duckdb.sql(query).fetchall() == expected


@pytest.mark.parametrize("size", [0, 2999, 3001, 10**9])
def test_another_size_than_was_written_is_refused(size: int) -> None:
    """More and less alike."""
    packed = pack(b"abc" * 1000)
    assert unpack(packed, 3000) == b"abc" * 1000
    with pytest.raises(NewerFormatError, match="does not unpack to"):
        unpack(packed, size)


@pytest.mark.parametrize("size", [5, 10**30, -1, "12", True, 1.5])
def test_a_bundle_whose_index_tells_another_size_stays_where_it_is(size: object, root: Path) -> None:
    """Its bytes are those that were written, so nobody moves them; the loader says what is wrong."""
    listed(root, (root / "bundle" / PACKED).read_bytes(), size)
    with pytest.raises(InputError, match="unpack to"):
        load_results(root)
    report = verify(root)
    assert not report.damaged
    assert "newer" in {each.kind for each in report.refused}


def test_a_bomb_of_manifests_is_not_unpacked(root: Path) -> None:
    """A few bytes that stand for 2 GiB, said to be small: peak memory of `verify` and the loader, imports included."""
    bomb = pack(bytes(2**20)) * 2048
    assert len(bomb) < 2**18
    listed(root, bomb, 9)
    said, peak = read_apart(root)
    assert sum("does not unpack to 9 bytes" in line for line in said) == 2
    assert peak < 2**30


@pytest.mark.parametrize(
    "lines",
    [
        b"12\n" * (MOST_LINES + 1),
        b"12\n" * MOST_LINES,
        b'"' + "\U0001f600".encode() + b"x" * 70_000_000 + b'"\n',
    ],
    ids=["too many lines", "many lines", "a wide line"],
)
@pytest.mark.parametrize("trial", ["", "0123456789abcdef"])
def test_lines_that_are_no_manifests_take_no_memory(lines: bytes, trial: str) -> None:
    """85 million lines of two digits, packed into some kilobytes, took 5 GiB and minutes.

    All were read before one was looked at. A text is wide if one of its letters is: four bytes each.
    """
    tracemalloc.start()
    try:
        found = parse(lines, trial)
    except NewerFormatError:
        found = {}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not found
    assert peak < 2 * len(lines) + 2**20


def test_what_a_reader_would_refuse_is_not_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that is larger than what is read would hide the single files, which are small enough."""
    files = [path.read_bytes() for table in TABLES for path in (root / table).iterdir()]
    sizes = [unpacked_bytes(data, open_parquet(data).metadata) for data in files]
    monkeypatch.setattr(parquet_bounds, "UNPACKED_BYTES", max(sizes))
    shutil.rmtree(root / "bundle")
    with pytest.raises(InputError, match=r"rounds.parquet.*leave the single files"):
        compact(root)
    assert not (root / "bundle").exists()
    assert len(load_results(root).trials) == 3
