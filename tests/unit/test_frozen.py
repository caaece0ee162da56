"""Frozen encoders: what is refused before training, what is computed, and rounds without a label."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from dalbt_ray.config import Trial, trial_from_json
from dalbt_ray.data.image_set import ArrayImages, ImageSet
from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.objectives.vicreg import Vicreg
from dalbt_ray.pool import PoolView
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.strategies import STRATEGIES, get_strategy
from dalbt_ray.strategies.method import Ranked
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.views.shift_and_flip import ShiftAndFlip
from tests.small_trials import small_image_set, small_trial


def feature_set(ood: int = 0) -> ImageSet:
    """The small image set with eight numbers for each image, which nearly tell its class."""
    pixels = small_image_set(ood=ood)
    rng = np.random.default_rng(3)

    def features(labels: np.ndarray) -> np.ndarray:
        noise = rng.normal(size=(len(labels), 8)) * 0.3
        noise[np.arange(len(labels)), np.maximum(labels, 0)] += 1.0
        return noise.astype(np.float32)[:, None, None, :]

    images, test = features(pixels.labels), features(pixels.test_labels)
    images.flags.writeable = test.flags.writeable = False
    return replace(pixels, images=ArrayImages(images), test_images=test)


def frozen_trial(
    strategy: str = "random", encoder: Frozen | None = None, ood: int = 0, **changes: Any
) -> Trial:
    """A small trial on features."""
    return small_trial(strategy, ood=ood, encoder=encoder or Frozen(), **changes)


def run(trial: Trial, folder: Path, ood: int = 0) -> Any:
    """Its results."""
    store = ResultsStore(folder)
    store.create_or_open({"sweep": "test"})
    run_trial(trial, feature_set(ood), store)
    return load_results(folder)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_every_strategy_runs_or_is_refused_with_a_reason(name: str, head: Any, tmp_path: Path) -> None:
    """A refusal names what is missing and what to do; all others end with one query a round."""
    strategy = STRATEGIES[name]()
    needs, auxiliary = strategy.needs, strategy.auxiliary
    lacks_pixels = auxiliary is not None and auxiliary.needs_pixels
    lacks_steps = head == "linear" and (
        needs.dropout > 0 or needs.members > 1 or needs.variational or auxiliary is not None
    )
    if lacks_pixels or lacks_steps:
        reason = "pixels|solved" if lacks_pixels else "solved.*encoder.head=mlp"
        with pytest.raises(InputError, match=f"^strategy: {name!r} .*({reason})"):
            frozen_trial(name, Frozen(head=head))
        return
    rounds = run(frozen_trial(name, Frozen(head=head, width=16)), tmp_path).rounds
    assert rounds["n_labeled"].tolist() == [12, 18, 24]
    assert rounds["test_accuracy"].notna().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": Joint()}, "^objective: 'joint' wants two views"),
        ({"objective": Vicreg(), "encoder": Frozen(head="mlp")}, "^objective: 'vicreg' wants two views"),
        ({"augmentation": ShiftAndFlip()}, "^augmentation: 'shift_and_flip' changes images, and the encoder"),
        ({"network": NetworkSettings(dropout=0.5)}, r"^network.dropout: 0.5 means nothing: .*head=mlp"),
        ({"network": NetworkSettings(latent_norm="batch")}, "^network.latent_norm: 'batch' means nothing"),
    ],
)
def test_what_features_cannot_give_is_refused(changes: dict[str, Any], message: str) -> None:
    """By field, before anything is embedded."""
    with pytest.raises(InputError, match=message):
        frozen_trial(**changes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model": "resnet18"},
            r"^encoder.weights: '' is empty, .*model.safetensors of huggingface.co/timm/",
        ),
        ({"model": "torchvision/resnet18"}, r"^encoder.weights: .*resnet18-f37072fd.pth and name it"),
        ({"model": "resnet1"}, r"^encoder.model: 'resnet1' is not a model of timm; timm has resnet18"),
        ({"model": "torchvision/resnet1"}, r"^encoder.model: .*torchvision has torchvision/resnet18"),
        ({"weights": "nowhere.pth"}, r"^encoder.weights: 'nowhere.pth' is not a file"),
        ({"weights_sha256": "0" * 64}, r"^encoder.weights: .* has SHA-256 \w{64}, not 0000"),
        ({"mean": (0.5,)}, r"^encoder.mean: .* must be three numbers"),
        ({"regularization": 0.0}, r"^encoder.regularization: 0.0 must be above 0"),
    ],
)
def test_weights_and_models_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    """Nothing is downloaded: the message says which file to bring."""
    with pytest.raises(InputError, match=message):
        Frozen(**options)


@pytest.mark.parametrize("content", ["torn", "other"])
def test_a_wrong_file_of_weights_is_refused(tmp_path: Path, content: str) -> None:
    """A torn file, and one of another model, whose first missing weight is named."""
    file = tmp_path / "weights.pth"
    torch.save({"conv1.weight": torch.zeros(3)}, file)
    if content == "torn":
        file.write_bytes(file.read_bytes()[:100])
    encoder = Frozen(model="torchvision/resnet18", weights=str(file))
    with pytest.raises(
        InputError, match=r"cannot be read" if content == "torn" else r"of torchvision/resnet18"
    ):
        encoder.embedding.build()


def test_weights_of_torchvision_and_timm_are_read(tmp_path: Path) -> None:
    """Features are those of the library's own network without its classifier, on images prepared by hand."""
    from safetensors.torch import save_file
    from torchvision.models import resnet18

    torch.manual_seed(0)
    network = resnet18().eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    encoder = Frozen(model="torchvision/resnet18", weights=str(tmp_path / "weights.safetensors"), side=32)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    found = encoder.embedding.build()(images)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    network.fc = torch.nn.Identity()
    with torch.inference_mode():
        wanted = network((pixels - mean[:, None, None]) / std[:, None, None])
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert encoder.embedding.identity["weights"] == encoder.weights_sha256


def test_efficientnet_is_the_packages_network() -> None:
    """Features differ between images, and an image's do not depend on the batch that it is in."""
    embed = Frozen().embedding.build()
    images = np.random.default_rng(0).integers(0, 256, (26, 28, 28, 1), dtype=np.uint8)
    features = embed(images)
    assert features.shape == (26, 1280)
    assert (features >= 0).all()  # ReLU6, then a mean
    assert features.std(axis=0).mean() > 0.01
    np.testing.assert_allclose(embed(images[25:]), features[25:], atol=1e-4)


def test_identity_follows_the_weights_and_not_their_place() -> None:
    """The packaged weights are hashed into the encoder; a path says nothing; JSON brings the trial back."""
    trial = frozen_trial()
    assert trial.encoder.weights_sha256.startswith("57934424")  # type: ignore[attr-defined]
    assert trial_from_json(trial.as_json()) == trial
    assert trial.image_key == frozen_trial(encoder=Frozen(head="mlp")).image_key
    assert trial.image_key != frozen_trial(encoder=Frozen(side=64)).image_key
    fewer = Frozen(dimensions=64).embedding
    assert fewer != Frozen().embedding
    assert fewer.identity == Frozen().embedding.identity  # what is kept on disk serves both


def test_the_mlp_learns_and_drops_out(tmp_path: Path) -> None:
    """Trained by the ordinary recipe, with passes for the methods that need them."""
    trial = frozen_trial("mc_dropout", Frozen(head="mlp", width=32), rounds=1)
    rounds = run(
        replace(trial, training=replace(trial.training, epochs=100, learning_rate=0.01)), tmp_path
    ).rounds
    assert rounds["test_accuracy"].iloc[-1] > 0.8


@pytest.mark.parametrize("name", ["random", "max_herding", "typiclust", "margin", "badge"])
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_the_first_labels_are_chosen_too(name: str, head: Any, tmp_path: Path) -> None:
    """Round 0 has no label and no measure; methods that need labels say who chose for them."""
    trial = frozen_trial(name, Frozen(head=head, width=16))
    trial = replace(trial, splits=replace(trial.splits, initial_size=0))
    results = run(trial, tmp_path)
    first, second = results.rounds.iloc[0], results.rounds.iloc[1]
    assert results.rounds["n_labeled"].tolist() == [0, 6, 12]
    assert first[["test_accuracy", "train_loss", "steps", "validation_accuracy"]].isna().all()
    assert first["status"] == "ok"
    assert np.isfinite(second["test_accuracy"])
    chose_itself = STRATEGIES[name].cold_start
    assert ("random chose, since" in second["note"]) is not chose_itself
    assert "chose" not in results.rounds["note"].iloc[2]


def test_an_untrained_encoder_leaves_the_first_labels_to_the_fallback(tmp_path: Path) -> None:
    """LeNet's features say nothing before it is trained; max_herding takes what random takes."""
    picks = {}
    for name in ("random", "max_herding"):
        trial = small_trial(name)
        trial = replace(trial, splits=replace(trial.splits, initial_size=0), rounds=1)
        store = ResultsStore(tmp_path / name)
        store.create_or_open({"sweep": "test"})
        run_trial(trial, small_image_set(), store)
        picks[name] = load_results(tmp_path / name)
    assert picks["random"].selections["row"].tolist() == picks["max_herding"].selections["row"].tolist()
    assert "untrained encoder" in picks["max_herding"].rounds["note"].iloc[1]


@dataclass(frozen=True, kw_only=True)
class Careful(Ranked):
    """A strategy of the user's that names its fallback."""

    name: ClassVar[str] = "careful"
    fallback: ClassVar[str] = "max_herding"

    def ranking(self, pool: PoolView) -> np.ndarray:
        """By row."""
        return np.arange(len(pool.labeled), dtype=np.float64)


def test_a_method_may_name_its_fallback(tmp_path: Path) -> None:
    """It takes what that method takes, and the note says so."""
    selections = {}
    for strategy in (Careful(), get_strategy("max_herding")):
        trial = replace(frozen_trial(), strategy=strategy, rounds=1)
        trial = replace(trial, splits=replace(trial.splits, initial_size=0))
        results = run(trial, tmp_path / strategy.name)
        selections[strategy.name] = results.selections["row"].tolist()
    assert selections["careful"] == selections["max_herding"]


def test_labels_of_one_class_are_a_round_like_any_other(tmp_path: Path) -> None:
    """With one label the classifier predicts its class."""
    trial = frozen_trial(budget=1, rounds=1)
    results = run(replace(trial, splits=replace(trial.splits, initial_size=0)), tmp_path)
    label = results.selections["label"].iloc[0]
    expected = (feature_set().test_labels == label).mean()
    assert results.rounds["test_accuracy"].iloc[1] == pytest.approx(expected)


def test_a_query_of_ood_images_only_leaves_a_round_without_labels(tmp_path: Path) -> None:
    """Nothing was labeled: the next round trains nothing either; after three such queries the trial has stalled."""
    trial = replace(frozen_trial(ood=8), strategy=LastRows(), rounds=5, budget=2)
    trial = replace(trial, splits=replace(trial.splits, initial_size=0))
    rounds = run(trial, tmp_path, ood=8).rounds
    assert rounds["n_labeled"].tolist() == [0, 0, 0, 0]
    assert rounds["status"].tolist() == ["ok", "ok", "ok", "stalled"]


@dataclass(frozen=True, kw_only=True)
class LastRows(Ranked):
    """Takes the last rows, where the OOD images are, from the first query on."""

    name: ClassVar[str] = "last_rows"
    cold_start: ClassVar[bool] = True

    def ranking(self, pool: PoolView) -> np.ndarray:
        """By row."""
        return np.arange(len(pool.labeled), dtype=np.float64)


def test_a_warm_start_from_no_labels_resumes(tmp_path: Path) -> None:
    """The rounds without networks are skipped when the networks of the last round are trained again."""
    trial = frozen_trial(encoder=Frozen(head="mlp", width=8))
    trial = replace(
        trial,
        splits=replace(trial.splits, initial_size=0),
        training=replace(trial.training, init="warm"),
    )
    whole = run(trial, tmp_path / "whole")
    run(replace(trial, rounds=1), tmp_path / "parts")
    parts = run(trial, tmp_path / "parts")
    assert whole.rounds["test_nll"].tolist()[1:] == parts.rounds["test_nll"].tolist()[1:]
    assert Supervised().is_cross_entropy
