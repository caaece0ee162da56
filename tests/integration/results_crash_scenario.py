"""The sweep that `results_crash_steps.py` crashes, and what must hold after each crash."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dalbt_ray.results import Journal, Record, ResultsStore, compact, load_results, verify
from dalbt_ray.results.parquet_form import decode
from dalbt_ray.results.schemas import TABLES
from dalbt_ray.results.storage.local_disk import LocalStorage
from dalbt_ray.results.verify import look
from tests.results_records import run_trial


@dataclass(frozen=True)
class Scenario:
    """A sweep of one trial of two rounds, which is then asked for a third one.

    Attributes:
        bundled: the two rounds are there before anything crashes, in a bundle alone; the third joins it in the end.
    """

    bundled: bool

    def prepare(self, root: Path) -> None:
        """What is there before anything crashes."""
        root.mkdir()
        if self.bundled:
            store = ResultsStore(root)
            store.create_or_open({"sweep": "crash"})
            run_trial(store, 0, rounds=2)
            compact(root)
            for folder in ("trials", *TABLES):
                shutil.rmtree(root / folder)

    def drive(self, root: Path, committed: Callable[[], None] = lambda: None) -> None:
        """All of it, as drivers run it; `committed` is told of each commit that has returned."""
        store = ResultsStore(root)
        store.create_or_open({"sweep": "crash"})

        class Announcing(Journal):
            """A journal that says when a commit has returned."""

            def commit(self, round_index: int, record: Record) -> None:
                super().commit(round_index, record)
                committed()

        store.journal = lambda trial_id: Announcing(store.storage, trial_id)  # type: ignore[method-assign]
        for rounds in (3,) if self.bundled else (2, 3):
            with store.lease():
                run_trial(store, 0, rounds=rounds)
        if self.bundled:
            compact(root)

    def deterministic(self, root: Path) -> dict[str, str]:
        """SHA-256 of the files that must not depend on crashes."""
        return {
            f"{table}/{path.name}": sha256(path.read_bytes()).hexdigest()
            for table in ("rounds", "selections")
            for path in ([root / "bundle" / f"{table}.parquet"] if self.bundled else (root / table).iterdir())
        }

    def check_after_crash(self, root: Path, promised: int, expected: dict[str, str]) -> None:
        """What a reader sees, that no committed round is lost, and that the same commands finish the sweep."""
        for table in TABLES:
            for path in (root / table).glob("*"):
                decode(table, path.read_bytes())
        if (root / "sweep.json").exists():
            found = load_results(root, include_running=True)
            promised += 2 * self.bundled
            assert len(found.rounds) >= promised, (
                f"{promised} rounds were committed, {len(found.rounds)} are there"
            )
            assert not found.rounds.duplicated(["trial_id", "round"]).any()
            # What a crash leaves behind is half done at most; it never looks as if something were lost or forged.
            wrong = [each for each in look(LocalStorage(root)).findings if each.kind != "stranger"]
            assert not wrong, wrong
        self.drive(root)
        assert self.deterministic(root) == expected
        assert verify(root).whole
        assert not list((root / "progress").iterdir())
