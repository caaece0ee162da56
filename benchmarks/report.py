"""How long does the report of the paper's whole grid take? 540 trials: reading, statistics, figures, tables, the page.

The results folder is made here by the store that real trials use, with the grid's own settings, methods, seeds and
budgets (first cut to 100 images a round), and invented numbers: 60,000 images to acquire from, whatever the data set.
Files are in the operating system's cache, as they are after a sweep.
Run: python benchmarks/report.py
"""

import argparse
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from dalbt_ray.config import Trial
from dalbt_ray.report.build import build_report
from dalbt_ray.results import Acquired, Query, Record, ResultsStore, RoundRow, Timing, load_results
from sweeps.paper_grid import paper

INITIAL, OWN, OOD_SETS = 100, 50_000, 10_000


def records(trial: Trial, budget: int, rng: np.random.Generator) -> list[Record]:
    """The committed rounds of one trial: a saturating curve, and queries of `budget` images in random order."""
    names: dict[str, Any] = {
        "dataset": trial.dataset,
        "ood": trial.ood,
        "strategy": trial.strategy.name,
        "objective": trial.objective.name,
        "network_id": trial.network_id,
        "budget": trial.budget,
        "seed": trial.seed,
    }
    ood_pool = OOD_SETS if trial.ood else 0
    images = rng.permutation(OWN + ood_pool)[: trial.rounds * budget]
    is_ood = images >= OWN
    gain = len(trial.strategy.name) / 1_000  # any difference between methods
    committed: list[Record] = []
    for r in range(trial.rounds + 1):
        acquired, ood = r * budget, int(is_ood[: r * budget].sum())
        labeled = INITIAL + acquired - ood
        accuracy = float(0.9 - 0.4 * (labeled / 100) ** -0.6 + gain + rng.normal(0, 0.005))
        last = is_ood[acquired - budget : acquired]
        row = RoundRow(
            **names,
            round=r,
            n_labeled=labeled,
            n_unlabeled=OWN + ood_pool - acquired + ood,
            n_bought=acquired,
            n_ood_bought=ood,
            n_repeat=0,
            purity=float(1 - last.mean()) if r else None,
            cumulative_purity=1 - ood / acquired if r else None,
            pool_ood_share=ood_pool / (OWN + ood_pool) if r else None,
            ood_auroc=0.4 if r and ood_pool else None,
            labeled_sha256=f"{trial.seed:016x}" if r == 0 else "0123456789abcdef",
            train_accuracy=1.0,
            validation_accuracy=accuracy,
            train_loss=0.1,
            steps=40,
            measures={
                "test_accuracy": accuracy,
                "test_nll": 2 * (1 - accuracy),
                "test_ece": 0.3 * (1 - accuracy),
            },
        )
        query = Query(
            acquired=tuple(
                Acquired(
                    rank=rank,
                    row=int(image),
                    sample_id=int(image),
                    source=trial.ood if ood_one else trial.dataset,
                    is_ood=bool(ood_one),
                    label=-1 if ood_one else int(image) % 10,
                    score=float(budget - rank),
                )
                for rank, (image, ood_one) in enumerate(
                    zip(
                        images[acquired : acquired + budget],
                        is_ood[acquired : acquired + budget],
                        strict=True,
                    )
                )
            )
        )
        parts = ("train", "auxiliary", "score", "select", "evaluate", "total")
        timing = Timing(
            **{f"{part}_seconds": 1.0 for part in parts},
            host="host",
            device="cpu",
            threads=1,
            peak_memory_mib=700.0,
            started_utc="2026-01-01T00:00:00+00:00",
        )
        committed.append(Record(row=row, query=query, timing=timing))
    return committed


def fill(root: Path, most: int) -> int:
    """Publish all trials of the grid, with at most `most` images a query; their number."""
    store, rng = ResultsStore(root), np.random.default_rng(0)
    store.create_or_open({"sweep": "benchmark"})
    grid = paper()
    for trial in grid:
        name = trial.trial_id("data")
        manifest = {
            "label": trial.label,
            "status": "ok",
            "config": trial.as_json(),
            "data": {"test_in_train": 0, "ood_in_train": 0},
        }
        store.publish(name, manifest, records(trial, min(trial.budget, most), rng))
    return len(grid)


def measure(most: int) -> float:
    """Make the folder, build its report twice, print the second time; its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "sweep"
        trials = fill(root, most)
        for _ in range(2):
            wall, cpu = perf_counter(), process_time()
            page = build_report(root)
            wall, cpu = perf_counter() - wall, process_time() - cpu
        acquired = load_results(root).selections
        size = page.stat().st_size / 2**20
    print(
        f"{trials} trials, {len(acquired):,} queries: {wall:.1f} s, {cpu:.1f} s of CPU, a page of {size:.1f} MiB"
    )
    return wall


def main() -> None:
    """Both sizes, and a bar for each."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    print(__doc__)
    for name, most in (("budgets_of_100", 100), ("budgets_of_the_paper", 2_500)):
        seconds = measure(most)
        print(f"BAR report_{name} {seconds:.1f}s 10s {'met' if seconds < 10 else 'short'}")


if __name__ == "__main__":
    main()
