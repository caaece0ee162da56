"""pandas, DuckDB and Polars read the table folders of a sweep that is being written."""

import threading
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl

from dalbt_ray.results import ResultsStore, load_results
from tests.results_records import record, run_trial

TRIALS, ROUNDS = 40, 4


def test_three_programs_read_a_running_sweep(tmp_path: Path) -> None:
    """Whatever the moment: no error, whole trials only, never fewer than before, and the same rows in the end."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    run_trial(store, 0, ROUNDS)
    rounds = tmp_path / "rounds"
    readers = {
        "pandas": lambda: len(pd.read_parquet(rounds)),
        "duckdb": lambda: duckdb.sql(f"select count(*) from '{rounds}/*.parquet'").fetchall()[0][0],
        "polars": lambda: pl.scan_parquet(rounds).select(pl.len()).collect().item(),
        "ours": lambda: len(load_results(tmp_path).rounds),
    }
    finished = threading.Event()

    def write() -> None:
        try:
            for number in range(1, TRIALS):
                run_trial(store, number, ROUNDS)
        finally:
            finished.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen: dict[str, list[int]] = {name: [] for name in readers}
    try:
        while not finished.is_set():
            for name, read in readers.items():
                seen[name].append(read())
    finally:
        writer.join()
    for name, read in readers.items():
        counts = [*seen[name], read()]
        assert all(count % ROUNDS == 0 for count in counts), name
        assert counts == sorted(counts), name
        assert counts[-1] == TRIALS * ROUNDS, name
    assert max(len(counts) for counts in seen.values()) > 1


def test_a_folder_with_and_without_missing_values_is_one_table(tmp_path: Path) -> None:
    """A trial whose column is null in every row must not change the column's type for a reader of the folder."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    run_trial(store, 0, rounds=1)  # purity is null throughout
    run_trial(store, 1, rounds=3)
    for frame in (pd.read_parquet(tmp_path / "rounds"), load_results(tmp_path).rounds):
        assert frame["purity"].dtype == "float64"
        assert frame["purity"].isna().sum() == 2
    polars = pl.read_parquet(tmp_path / "rounds")
    assert polars["purity"].dtype == pl.Float64
    kinds = duckdb.sql(f"describe select * from '{tmp_path}/rounds/*.parquet'").fetchall()
    assert {row[0]: row[1] for row in kinds}["purity"] == "DOUBLE"


def test_a_metric_of_some_trials_is_a_column_for_everyone(tmp_path: Path) -> None:
    """With the options that docs/results.md names, and the first file by name with or without the column."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    for name, measures in (("a" * 16, {}), ("b" * 16, {"zeal": 0.5}), ("c" * 16, {})):
        store.publish(name, {"status": "ok"}, [record(0, **measures)])
    rounds = f"{tmp_path}/rounds/*.parquet"
    expected = [None, 0.5, None]
    found = load_results(tmp_path).rounds["zeal"]
    assert found.astype(object).where(found.notna(), None).tolist() == expected
    ducks = duckdb.sql(f"select zeal from read_parquet('{rounds}', union_by_name=true) order by trial_id")
    assert [row[0] for row in ducks.fetchall()] == expected
    assert len(pl.scan_parquet(rounds, missing_columns="insert", extra_columns="ignore").collect()) == 3
    assert len(pd.read_parquet(tmp_path / "rounds")) == 3


def test_running_trials_are_read_on_demand(tmp_path: Path) -> None:
    """Committed rounds of an unfinished trial appear only when asked for, and once."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    name = run_trial(store, 0)
    journal = store.journal("f" * 16)
    journal.commit(0, record(0))
    journal.commit(1, record(1))
    store.journal(name).commit(0, record(0))  # as after a crash between manifest and clearing
    assert set(load_results(tmp_path).rounds["trial_id"]) == {name}
    found = load_results(tmp_path, include_running=True)
    assert found.rounds.groupby("trial_id").size().to_dict() == {name: 3, "f" * 16: 2}
    assert found.selections.groupby("trial_id").size().to_dict() == {name: 6, "f" * 16: 3}
