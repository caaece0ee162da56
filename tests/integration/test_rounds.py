"""The round loop in one process: what it records, how it resumes, when it ends."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.pool import PoolView
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.strategies import STRATEGIES, Ranked
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped
from tests.small_trials import small_image_set, small_trial


@dataclass(frozen=True, kw_only=True)
class ForeignFirst(Ranked):
    """Buys the last rows of the pool first: the OOD ones. A user's own class, in no registry."""

    name: ClassVar[str] = "ood_first"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """Row number."""
        return np.arange(len(pool.labeled), dtype=np.float64)


def run(trial: Trial, image_set: ImageSet, root: Path, **options: object) -> str:
    """Run a trial into `root`; its id."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": "test"})
    run_trial(trial, image_set, store, **options)  # type: ignore[arg-type]
    return trial.trial_id(image_set.data_hash)


def published(root: Path, trial_id: str) -> tuple[bytes, bytes]:
    """The deterministic files of a trial."""
    return tuple((root / table / f"{trial_id}.parquet").read_bytes() for table in ("rounds", "selections"))  # type: ignore[return-value]


def test_tables_count_what_was_bought(tmp_path: Path) -> None:
    """Three stages, two queries of six; labels in `selections` are the true ones; nothing is acquired twice."""
    image_set = small_image_set()
    trial_id = run(small_trial(), image_set, tmp_path)
    results = load_results(tmp_path)
    assert results.rounds["n_labeled"].tolist() == [12, 18, 24]
    assert results.rounds["n_bought"].tolist() == [0, 6, 12]
    assert results.rounds["purity"].isna().tolist() == [True, False, False]
    assert set(results.rounds["trial_id"]) == {trial_id}
    picks = results.selections
    assert picks.groupby("round").size().to_dict() == {1: 6, 2: 6}
    assert not picks["sample_id"].duplicated().any()
    assert (image_set.labels[picks["sample_id"]] == picks["label"]).all()
    assert (results.timings["total_seconds"] > 0).all()


@pytest.mark.parametrize("init", ["fresh", "warm"])
def test_a_resumed_trial_writes_the_same_bytes(init: str, tmp_path: Path) -> None:
    """Stopped in the middle of round 1 and run again, a trial equals an undisturbed one bit for bit."""
    image_set, trial = small_image_set(), small_trial("dalbt", objective=Joint())
    trial = replace(trial, training=replace(trial.training, init=init))
    run(trial, image_set, tmp_path / "undisturbed")
    calls = iter(range(10_000))
    committed: list[int] = []
    with pytest.raises(Stopped):
        run(
            trial,
            image_set,
            tmp_path / "stopped",
            stop=lambda: bool(committed) and next(calls) > 2,
            on_round=lambda record: committed.append(record.row.round),
        )
    assert committed == [0]
    trial_id = run(trial, image_set, tmp_path / "stopped", on_round=lambda r: committed.append(r.row.round))
    assert committed == [0, 1, 2]
    assert published(tmp_path / "stopped", trial_id) == published(tmp_path / "undisturbed", trial_id)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_runs_a_whole_trial(name: str, tmp_path: Path) -> None:
    """Each method trains, scores and selects end to end, with an OOD set in the pool."""
    policy = "learn" if STRATEGIES[name]().needs.outliers else "return"
    trial = small_trial(name, ood=20, rounds=1, ood_policy=policy)
    run(trial, small_image_set(ood=20), tmp_path)
    rounds = load_results(tmp_path).rounds
    assert rounds["status"].tolist() == ["ok", "ok"]
    assert rounds["n_bought"].tolist() == [0, 6]


def test_round_0_is_the_same_for_strategies_that_train_the_same_network(tmp_path: Path) -> None:
    """Same seed, objective and network: same initial set and bit-identical metrics, whatever is selected later."""
    image_set = small_image_set()
    for name in ("random", "entropy", "core_set", "dalbt"):
        run(small_trial(name, rounds=1), image_set, tmp_path)
    first = load_results(tmp_path).rounds.query("round == 0")
    for column in ("network_id", "labeled_sha256", "test_accuracy", "test_nll", "train_loss"):
        assert first[column].nunique() == 1, column


def test_foreign_purchases_cost_budget_and_gain_no_label(tmp_path: Path) -> None:
    """Three queries in a row of OOD images alone end the trial as stalled; nothing was acquired twice."""
    trial = replace(small_trial(ood=40, rounds=8), strategy=ForeignFirst())
    run(trial, small_image_set(ood=40), tmp_path)
    results = load_results(tmp_path)
    rounds = results.rounds
    assert rounds["n_labeled"].tolist() == [12] * 4
    assert rounds["n_bought"].tolist() == rounds["n_ood_bought"].tolist() == [0, 6, 12, 18]
    assert rounds["purity"].tolist()[1:] == [0, 0, 0]
    assert rounds["status"].tolist() == ["ok", "ok", "ok", "stalled"]
    assert rounds["ood_auroc"].tolist()[1:] == [1, 1, 1]
    assert (results.selections["label"] == -1).all()
    assert not results.selections["sample_id"].duplicated().any()


def test_returned_images_are_offered_again_last(tmp_path: Path) -> None:
    """With `return`, an OOD image is offered again after everything else; with `discard`, it is gone."""
    for policy in ("return", "discard"):
        trial = replace(small_trial(ood=10, rounds=4), strategy=ForeignFirst(), ood_policy=policy)
        run(trial, small_image_set(ood=10), tmp_path / policy)
        results = load_results(tmp_path / policy)
        assert results.rounds["n_labeled"].tolist() == [12, 12, 14, 20, 26], policy
        assert results.rounds["n_repeat"].sum() == 0, policy
    shares = load_results(tmp_path / "discard").rounds["pool_ood_share"].dropna().tolist()
    assert shares[-1] == 0  # all ten OOD images have left


def test_the_pool_runs_out_cleanly(tmp_path: Path) -> None:
    """Fewer images than the budget: all are taken; then the trial ends and says why."""
    trial = small_trial(rounds=9, budget=50)
    run(trial, small_image_set(), tmp_path)
    rounds = load_results(tmp_path).rounds
    assert rounds["n_labeled"].tolist() == [12, 62, 100]
    assert rounds["status"].tolist() == ["ok", "ok", "pool_exhausted"]


def test_divergence_is_a_status_not_a_number(tmp_path: Path) -> None:
    """A loss that overflows ends the trial with nulls in place of metrics."""
    trial = small_trial()
    trial = replace(trial, training=replace(trial.training, learning_rate=1e30))
    run(trial, small_image_set(), tmp_path)
    rounds = load_results(tmp_path).rounds
    assert rounds["status"].tolist() == ["diverged"]
    assert rounds["test_accuracy"].isna().all()
    assert "learning_rate" in rounds["note"].iloc[0]
