"""Committed rounds of an unfinished trial."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dalbt_ray.results import ConflictError, Record, ResultsStore
from dalbt_ray.results.records import Measure
from tests.results_records import changed, identity, opened, record, records, run_trial


def test_rounds_come_back(tmp_path: Path) -> None:
    """In order, equal, from another process's view of the folder."""
    journal = opened(tmp_path).journal(identity(0))
    assert journal.rounds() == []
    for index, committed in enumerate(records(5)):
        journal.commit(index, committed)
    assert ResultsStore(tmp_path).journal(identity(0)).rounds() == records(5)
    assert ResultsStore(tmp_path).unfinished() == {identity(0): 5}


@settings(deadline=None)  # a disk that others use takes its time
@given(
    st.lists(
        st.tuples(
            st.text(max_size=8),
            st.dictionaries(
                st.text(max_size=8).map("measure {}".format),
                st.floats(allow_nan=False, allow_infinity=False)
                | st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
                max_size=4,
            ),
        ),
        max_size=4,
    )
)
def test_any_value_comes_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, dict[str, Measure]]]
) -> None:
    """Any text, any number to the last bit, any measure of a user's metric."""
    journal = ResultsStore(tmp_path_factory.mktemp("journal")).journal(identity(0))
    committed: list[Record] = []
    for note, measures in values:
        one = record(len(committed), **measures)
        committed.append(replace(one, row=replace(one.row, note=note)))
        journal.commit(len(committed) - 1, committed[-1])
    assert journal.rounds() == committed


@pytest.mark.parametrize("damage", ["torn", "empty", "flipped", "missing", "swapped"])
def test_a_damaged_round_ends_the_journal(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Rounds before it stay, it and later ones are removed and said, and the trial goes on to the same end."""
    store = opened(tmp_path / "damaged")
    journal, folder = store.journal(identity(0)), tmp_path / "damaged" / "progress" / identity(0)
    for index, committed in enumerate(records(5)[:4]):
        journal.commit(index, committed)
    file = folder / "0002.json"
    data = file.read_bytes()
    flipped = data[:200] + bytes([data[200] ^ 1]) + data[201:]
    content = {
        "torn": data[:-9],
        "empty": b"",
        "flipped": flipped,
        "swapped": (folder / "0001.json").read_bytes(),
    }
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content[damage])
    assert journal.rounds() == records(5)[:2]
    assert sorted(path.name for path in folder.iterdir()) == ["0000.json", "0001.json"]
    assert "the trial continues from round 2" in caplog.text
    name = run_trial(store, 0, rounds=5)
    run_trial(opened(tmp_path / "whole"), 0, rounds=5)
    for table in ("rounds", "selections"):
        one, other = (tmp_path / folder / table / f"{name}.parquet" for folder in ("damaged", "whole"))
        assert one.read_bytes() == other.read_bytes()


def test_a_committed_round_never_changes(tmp_path: Path) -> None:
    """Committed again with other clocks: fine, the first stays. With another result: refused by name."""
    journal = opened(tmp_path).journal(identity(0))
    journal.commit(0, record(0, host="first"))
    journal.commit(0, record(0, host="second"))
    assert journal.rounds()[0].timing.host == "first"
    other = changed(record(0), test_accuracy=0.25)
    with pytest.raises(
        ConflictError, match=r"round 0 .* row\.measures\.test_accuracy was 0\.5 and is now 0\.25"
    ):
        journal.commit(0, other)
    assert journal.rounds() == [record(0, host="first")]
