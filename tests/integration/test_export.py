"""A finished trial's model as files: what is exported predicts what was measured, with this package and without."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dalbt_ray.cli import main
from dalbt_ray.config import Training, Trial
from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.split_file import SetMetadata, read_split
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError
from dalbt_ray.launch.best_trial import best_trial
from dalbt_ray.launch.export import export_model
from dalbt_ray.launch.in_process import run_in_process
from dalbt_ray.launch.progress import Progress
from dalbt_ray.models.classifier import load_model
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.model_file import read_model
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.strategies import get_strategy

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data root with noisy 12x12 RGB images of three classes."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 160), ("test", 60)):
        labels = np.arange(count) % 3
        images = rng.integers(0, 170, (count, 12, 12, 3), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[3 * label : 3 * label + 3] += 60
        path = tmp_path / "data" / "own" / f"{split}.parquet"
        write_split(
            path, np.arange(count), map(encode_png, images), labels, SetMetadata(class_names=("a", "b", "c"))
        )
    return tmp_path / "data"


def setting(**changes: object) -> Trial:
    """A trial of seconds on them."""
    trial = Trial(
        dataset="own",
        strategy=get_strategy("margin"),
        objective=Supervised(),
        budget=8,
        rounds=2,
        splits=SplitSettings(train_limit=None, initial_size=12, validation_size=30),
        training=Training(epochs=8, batch_size=8),
    )
    return replace(trial, **changes)  # type: ignore[arg-type]


def run(trials: list[Trial], folder: Path, data: Path) -> str:
    """Their results folder."""
    ResultsStore(folder).create_or_open({"sweep": "test"})
    with Progress(len(trials)) as progress:
        assert run_in_process(trials, str(folder), data, progress).failed == 0
    return str(folder)


def images_and_labels(data: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The test split."""
    split = read_split(data / "own" / "test.parquet")
    return split.images, split.labels


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": Joint(), "training": Training(epochs=3, init="warm")},
        {"strategy": get_strategy("mc_dropout", samples=3)},
        {"strategy": get_strategy("dal_osr")},
        {
            "strategy": get_strategy("random"),
            "splits": SplitSettings(
                train_limit=None, initial_size=12, validation_size=30, known_names=("a", "c")
            ),
            "training": Training(epochs=8, batch_size=8, outlier_class=True),
            "ood_policy": "learn",
        },
        {"encoder": Frozen(side=32)},
        {"encoder": Frozen(side=32, head="mlp", width=16, dimensions=20)},
    ],
    ids=["joint_warm", "dropout", "variational", "outlier_class", "linear", "mlp"],
)
def test_the_exported_model_is_the_one_that_was_measured(
    tmp_path: Path, data: Path, changes: dict[str, object]
) -> None:
    """From the test images' pixels, accuracy and cross-entropy are those of the last round's row."""
    results = run([setting(**changes)], tmp_path / "r", data)
    row = load_results(results).rounds.iloc[-1]
    done = export_model(results, row["trial_id"], tmp_path / "model", data)
    assert done.differences == []
    model, (images, labels) = load_model(tmp_path / "model"), images_and_labels(data)
    names = np.array(["a", "b", "c"])[labels]
    images, names = (each[np.isin(names, model.card.class_names)] for each in (images, names))
    labels = np.array([model.card.class_names.index(name) for name in names])
    found = model.probabilities(images)
    assert (found.argmax(axis=1) == labels).mean() == row["test_accuracy"]
    nll = -np.log(found[np.arange(len(labels)), labels]).mean()
    assert nll == pytest.approx(row["test_nll"], rel=1e-4)
    assert model.card.measured["test_recall"] == list(row["test_recall"])
    assert model.card.origin["labels"] == row["n_labeled"]
    assert str(tmp_path) not in (tmp_path / "model" / "model.json").read_text()


def test_the_documented_lines_need_nothing_of_this_package(tmp_path: Path, data: Path) -> None:
    """The block of docs/data.md, executed as it stands, gives the probabilities that the package gives."""
    results = run([setting(encoder=Frozen(side=32))], tmp_path / "r", data)
    assert main(["export", results, "--out", str(tmp_path / "model"), "--data-root", str(data)]) == 0
    (block,) = re.findall(r"```python\n(import json.*?)```", (ROOT / "docs/data.md").read_text(), re.DOTALL)
    assert "dalbt" not in block
    images = images_and_labels(data)[0][:5]
    names: dict[str, object] = {"folder": str(tmp_path / "model"), "images": images}
    exec(block, names)
    expected = load_model(tmp_path / "model").probabilities(images)
    np.testing.assert_allclose(np.asarray(names["probabilities"]), expected, atol=1e-4)


def test_the_best_trial_is_chosen_by_validation_images(tmp_path: Path, data: Path) -> None:
    """Of all trials, or of those that a filter leaves: the highest last validation accuracy, by a loop."""
    strategies = [get_strategy(name) for name in ("random", "entropy")]
    trials = [setting(strategy=each, rounds=1, seed=seed) for each in strategies for seed in range(3)]
    results = run(trials, tmp_path / "r", data)
    rounds = load_results(results).rounds
    last = rounds[rounds["round"] == 1]
    for filters in ([], ["strategy.name=random"]):
        best: tuple[float, str] | None = None
        for row in last.itertuples():
            if filters and row.strategy != "random":
                continue
            if best is None or (-row.validation_accuracy, row.trial_id) < best:
                best = (-row.validation_accuracy, row.trial_id)
        assert best is not None
        assert best_trial(results, filters) == best[1]
    with pytest.raises(InputError, match="has no trials that match dataset=other"):
        best_trial(results, ["dataset=other"])
    with pytest.raises(InputError, match=r"^best: 'strategy' is not FIELD=VALUE"):
        best_trial(results, ["strategy"])


def test_what_is_not_whole_or_not_the_same_is_refused(tmp_path: Path, data: Path) -> None:
    """A folder that holds a model or none, tensors of another model, an encoder of another size, a later format."""
    results = run([setting(rounds=0)], tmp_path / "r", data)
    trial_id = best_trial(results)
    folder = tmp_path / "model"
    export_model(results, trial_id, folder, data)
    with pytest.raises(InputError, match="holds a model already"):
        export_model(results, trial_id, folder, data)
    tensors, card = folder / "model.safetensors", folder / "model.json"
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:-1] + b"\1")
    with pytest.raises(InputError, match="is not the one its card was written for"):
        read_model(folder)
    tensors.write_bytes(whole)
    said = json.loads(card.read_text())
    card.write_text(json.dumps(said | {"encoder": {"name": "lenet", "latent_dim": 61}}))
    with pytest.raises(InputError, match="does not fit the encoder of its card"):
        load_model(folder)
    card.write_text(json.dumps(said | {"format": 2}))
    with pytest.raises(InputError, match="has format 2, and this version reads 1"):
        load_model(folder)
    with pytest.raises(InputError, match="is no exported model"):
        load_model(tmp_path)
