"""A trial's identity, its invariants, and what makes two round 0s comparable."""

import json
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import dalbt_ray
from dalbt_ray.config import Training, Trial, known_classes, trial_from_json
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError
from dalbt_ray.launch.grid import compare
from dalbt_ray.metrics import Metric
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.models.resnet import ResNet18
from dalbt_ray.models.vgg import VGG16
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.objectives.vicreg import Vicreg
from dalbt_ray.options.value import Named, changed_default
from dalbt_ray.strategies import get_strategy
from dalbt_ray.strategies.dalbt import Dalbt
from dalbt_ray.strategies.margin import Margin
from dalbt_ray.views.byol import ByolViews
from tests.introduced_defaults import introduced_defaults

GOLDEN = Path(__file__).parent / "golden"
NAMED = {
    "default": Trial(),
    "random": Trial(strategy=get_strategy("random"), objective=Supervised()),
    "vgg": Trial(dataset="cifar10", encoder=VGG16(), training=Training(epochs=150), budget=1_000),
    "mixed": Trial(ood="kmnist", ood_policy="discard", splits=SplitSettings(ood_count=10_000)),
    "everything": Trial(
        strategy=Dalbt(policy="outlier_margin", distance="cosine"),
        objective=Vicreg(covariance=2.0),
        encoder=ResNet18(latent_dim=64),
        network=NetworkSettings(latent_norm="batch", projector=(64,)),
        training=Training(min_steps=200, precision="bfloat16"),
        views=ByolViews(crop_scale=(0.5, 1.0)),
        seed=3,
    ),
}


def test_identity_changes_with_every_kind_of_field() -> None:
    """Two trials that may compute different things never share an id."""
    trial = Trial()
    variants = [
        trial,
        replace(trial, seed=1),
        replace(trial, budget=101),
        replace(trial, objective=Supervised()),
        replace(trial, strategy=get_strategy("random")),
        replace(trial, strategy=get_strategy("dalbt", policy="inlier_band")),
        replace(trial, training=replace(trial.training, learning_rate=0.002)),
        replace(trial, network=replace(trial.network, latent_norm="batch")),
        replace(trial, encoder=LeNet(latent_dim=64)),
        replace(trial, encoder=ResNet18()),
        replace(trial, objective=Joint(redundancy_weight=0.01)),
    ]
    ids = {each.trial_id("data") for each in variants}
    assert len(ids) == len(variants)
    assert trial.trial_id("other data") not in ids


def test_one_number_is_one_identity() -> None:
    """0 and 0.0 are the same dropout, and NumPy's numbers are Python's."""
    trial = Trial(network=NetworkSettings(dropout=0.0), training=Training(epochs=5, weight_decay=0.0))
    other = Trial(network=NetworkSettings(dropout=0), training=Training(epochs=np.int64(5), weight_decay=0))
    assert other == trial
    assert other.trial_id("d") == trial.trial_id("d")


def test_rounds_are_no_part_of_the_identity() -> None:
    """A trial that is asked for more rounds is the same trial."""
    assert Trial(rounds=20).trial_id("d") == Trial(rounds=10).trial_id("d")


def test_identity_is_frozen() -> None:
    """These ids were given out: an id that changes orphans every user's results."""
    golden = json.loads((GOLDEN / "identities.json").read_text())
    assert {name: trial.trial_id("data") for name, trial in NAMED.items()} == golden


def test_introduced_defaults_are_frozen() -> None:
    """A default that changes keeps the one that held when its field was introduced (`changed_default`)."""
    golden = json.loads((GOLDEN / "introduced_defaults.json").read_text())
    found = introduced_defaults()
    assert {path: found.get(path) for path in golden} == golden


def test_a_new_option_with_a_neutral_default_changes_no_identity() -> None:
    """Three classes grow: a part of the trial, a strategy, an encoder."""
    grown = {
        "training": make_dataclass(
            "Training", [("label_smoothing", float, 0.0)], bases=(Training,), frozen=True, kw_only=True
        ),
        "strategy": make_dataclass(
            "Dalbt", [("power", float, 1.0)], bases=(Dalbt,), frozen=True, kw_only=True
        ),
        "encoder": make_dataclass("LeNet", [("width", int, 6)], bases=(LeNet,), frozen=True, kw_only=True),
    }
    for cls in grown.values():
        cls.__module__ = "dalbt_ray.grown"  # as if it were the package's own
    before = Trial(
        training=Training(epochs=3), strategy=Dalbt(policy="inlier_band"), encoder=LeNet(latent_dim=32)
    )
    after = replace(
        before,
        training=grown["training"](epochs=3),
        strategy=grown["strategy"](policy="inlier_band"),
        encoder=grown["encoder"](latent_dim=32),
    )
    assert after.trial_id("d") == before.trial_id("d")
    assert after.network_id == before.network_id
    changed = replace(after, training=grown["training"](epochs=3, label_smoothing=0.1))
    assert changed.trial_id("d") != before.trial_id("d")


def test_a_changed_default_keeps_old_identities() -> None:
    """The value that was said by saying nothing is still said by the same id, and the new default by another."""
    cls = make_dataclass(
        "Training",
        [("epochs", int, changed_default(40, introduced=20))],
        bases=(Training,),
        frozen=True,
        kw_only=True,
    )
    assert Trial(training=cls(epochs=20)).trial_id("d") == Trial().trial_id("d")
    assert Trial(training=cls()).trial_id("d") == Trial(training=Training(epochs=40)).trial_id("d")


def test_a_users_class_is_told_from_a_built_in_of_the_same_name() -> None:
    """A strategy of the user's that is called `margin` is another trial."""

    @dataclass(frozen=True, kw_only=True)
    class Mine(Margin):
        pass

    assert Mine.name == "margin"
    assert Trial(strategy=Mine()).trial_id("d") != Trial(strategy=Margin()).trial_id("d")


@pytest.mark.parametrize("name", ["default", "everything"])
def test_json_rebuilds_the_trial(name: str) -> None:
    """What a manifest keeps makes the same trial again, through real JSON."""
    trial = NAMED[name]
    assert trial_from_json(json.loads(json.dumps(trial.as_json()))) == trial


def test_json_of_an_unknown_field_or_class_is_refused() -> None:
    """A manifest of a newer version names what this one does not know."""
    content = Trial().as_json()
    with pytest.raises(InputError, match=r"training.label_smoothing"):
        trial_from_json(content | {"training": content["training"] | {"label_smoothing": 0.0}})
    with pytest.raises(InputError, match="strategy: 'newest' is unknown"):
        trial_from_json(content | {"strategy": {"name": "newest"}})


def test_plain_strategies_share_a_network_and_special_ones_do_not() -> None:
    """The round-0 check may only compare trials that train the same network."""
    trial = Trial(objective=Supervised())
    ids = {
        name: replace(trial, strategy=get_strategy(name)).network_id
        for name in ("random", "entropy", "core_set", "mc_dropout")
    }
    assert ids["random"] == ids["entropy"] == ids["core_set"] != ids["mc_dropout"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("budget", 0),
        ("budget", True),
        ("rounds", -1),
        ("seed", -1),
        ("budget", 2.0),
        ("strategy", "random"),
        ("objective", "joint"),
        ("encoder", "lenet"),
        ("splits", {}),
        ("ood_policy", "keep"),
    ],
)
def test_wrong_values_are_refused_by_name(field: str, value: object) -> None:
    """The message names the field and the value."""
    with pytest.raises(InputError, match=field) as caught:
        replace(Trial(), **{field: value})
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("field", ["learning_rate", "weight_decay"])
def test_training_refuses_what_is_not_a_finite_weight(field: str) -> None:
    """NaN and infinity never reach an optimizer."""
    for value in (float("nan"), float("inf"), -1.0):
        with pytest.raises(InputError, match=field):
            Training(**{field: value})


def test_foreign_set_and_count_go_together() -> None:
    """Naming an OOD set without a count, or the reverse, is a mistake."""
    with pytest.raises(InputError, match="ood_count"):
        Trial(ood="kmnist")
    with pytest.raises(InputError, match="ood_count"):
        Trial(splits=SplitSettings(ood_count=5))


def test_a_class_with_the_name_of_a_built_in_one_is_refused() -> None:
    """Rows of both would be called `margin`, and nobody could tell them apart."""

    class Mine(Margin):
        """Forgot to give itself a name."""

    with pytest.raises(InputError, match="is the name of a built-in class"):
        known_classes([Trial(strategy=Mine())])


def test_no_message_moves_the_cursor_of_a_terminal() -> None:
    """Escapes and characters that turn text around are shown, not obeyed; long values are cut."""
    message = str(InputError("dataset", "x" * 10_000, "is unknown", allowed=["\x1b[2Jset", "\u202egnp"]))
    assert "\x1b" not in message
    assert "\u202e" not in message
    assert "(10,002 characters)" in message
    assert (
        str(InputError("seed", 10**5_000, "is too large"))
        == "seed: (a value of type int that is too long to show) is too large"
    )


@pytest.mark.parametrize("base", [base for base in known_classes() if base is not Metric])
def test_a_name_where_a_value_belongs_is_answered_with_what_to_write(base: type[Named]) -> None:
    """What the message says makes the value that was meant, with names that `dalbt_ray` has."""
    for name, cls in known_classes()[base].items():
        for given in (name, cls):
            with pytest.raises(InputError) as caught:
                Trial(**{base.path: given})
            said = str(caught.value).rpartition(f"; write {base.path}=")[2]
            made = eval(said.replace("...", "'lenet'"), {n: getattr(dalbt_ray, n) for n in dalbt_ray.__all__})
            assert type(made) is cls


def test_an_unknown_name_where_a_value_belongs_is_answered_with_the_nearest() -> None:
    """A list, the nearest, and how one is written; a part of a trial that is given as a dictionary says its class."""
    with pytest.raises(
        InputError, match=r"did you mean 'margin'\?; as in strategy=get_strategy\(\"margin\"\)$"
    ):
        Trial(strategy="margn")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"as in strategy=get_strategy\(\"[a-z_]+\"\)$"):
        Trial(strategy=3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"write training=Training\(\.\.\.\)$"):
        Trial(training={"epochs": 5})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"write strategy=get_strategy\(\"margin\"\)$"):
        compare(Trial(), ["margin"])  # type: ignore[list-item]
