"""`--set` and `--grid`: every field by its path, typed, or one clear refusal."""

import contextlib
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dalbt_ray import Encoder, Method, Objective, Supervised
from dalbt_ray.config import Trial, known_classes, trial_from_json
from dalbt_ray.errors import InputError
from dalbt_ray.launch.overrides import all_paths, override, parse_assignment, parse_grid, swept
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.resnet import ResNet18
from dalbt_ray.objectives.vicreg import Vicreg
from dalbt_ray.strategies import get_strategy
from dalbt_ray.strategies.dalbt import Dalbt
from dalbt_ray.strategies.margin import Margin
from tests.wrong_values import JUNK, LEAVES

CLASSES = known_classes()
TRIALS = [Trial(), Trial(strategy=get_strategy("random")), Trial(strategy=get_strategy("mc_dropout"))]


def changed(trials: list[Trial], *typed: str) -> list[Trial]:
    """`trials` after `--set` of each of `typed`."""
    return override(trials, [parse_assignment("set", each) for each in typed], known_classes(trials))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("training.epochs=5", replace(Trial(), training=replace(Trial().training, epochs=5))),
        (
            "training.learning_rate=1e-2",
            replace(Trial(), training=replace(Trial().training, learning_rate=0.01)),
        ),
        ("encoder=resnet18", replace(Trial(), encoder=ResNet18())),
        ("encoder.latent_dim=64", replace(Trial(), encoder=LeNet(latent_dim=64))),
        ("objective=vicreg", replace(Trial(), objective=Vicreg())),
        ("splits.pool_size=none", Trial()),
        ("splits.pool_size=700", replace(Trial(), splits=replace(Trial().splits, pool_size=700))),
        (
            "network.projector=[64, 32]",
            replace(Trial(), network=replace(Trial().network, projector=(64, 32))),
        ),
        ("views.crop_scale=[0.5,1]", replace(Trial(), views=replace(Trial().views, crop_scale=(0.5, 1.0)))),
        ("strategy.policy=inlier_band", replace(Trial(), strategy=Dalbt(policy="inlier_band"))),
        ("dataset=5", replace(Trial(), dataset="5")),
    ],
)
def test_a_value_is_read_as_its_field_wants_it(typed: str, expected: Trial) -> None:
    """Numbers, names, lists, none: the typed value, not its text."""
    assert changed([Trial()], typed) == [expected]


def test_an_option_changes_the_trials_that_have_it() -> None:
    """The others stay as they are, and are kept once."""
    policies = changed(TRIALS, "strategy.policy=inlier_band")
    assert policies == [replace(TRIALS[0], strategy=Dalbt(policy="inlier_band")), *TRIALS[1:]]


def test_assignments_take_effect_together() -> None:
    """An OOD set and its count depend on each other; a value by its name comes before its options."""
    for order in (("ood=kmnist", "splits.ood_count=50"), ("splits.ood_count=50", "ood=kmnist")):
        (mixed,) = changed([Trial()], *order)
        assert (mixed.ood, mixed.splits.ood_count) == ("kmnist", 50)
    (narrow,) = changed([Trial()], "encoder=resnet18", "encoder.latent_dim=64")
    assert narrow.encoder == ResNet18(latent_dim=64)


def test_grids_multiply_and_equal_trials_are_kept_once() -> None:
    """Two policies and two budgets: four trials of dalbt, two of random."""
    grids = [parse_grid("strategy.policy=most_outlying,inlier_band"), parse_grid("budget=50,100")]
    found = swept(TRIALS[:2], grids, CLASSES)
    kinds = {(trial.strategy, trial.budget) for trial in found}
    assert len(found) == len(kinds) == 6


def test_commas_inside_brackets_do_not_split() -> None:
    """A grid over lists."""
    assert [each.text for each in parse_grid("network.projector=[64,32],[8]")] == ["[64,32]", "[8]"]


def test_every_documented_path_can_be_set_to_its_own_value() -> None:
    """For a trial of each strategy, encoder and objective, writing every field's value back changes nothing."""
    plain = Trial(strategy=get_strategy("random"), objective=Supervised())
    trials = [replace(plain, encoder=encoder()) for encoder in CLASSES[Encoder].values()]
    trials += [replace(plain, objective=objective()) for objective in CLASSES[Objective].values()]
    trials += [Trial(strategy=get_strategy(name)) for name in CLASSES[Method]]
    written = set()
    for trial in trials:
        content = trial.as_json()
        for path in all_paths(CLASSES):
            value: object = content
            for part in path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is None or isinstance(value, dict):
                continue
            text = str(value).replace("'", '"')
            assert changed([trial], f"{path}={text}") == [trial], path
            written.add(path)
    assert {path.split(".")[0] for path in written} >= {
        "strategy",
        "encoder",
        "objective",
        "training",
        "splits",
    }


@dataclass(frozen=True, kw_only=True)
class OwnMargin(Margin):
    """A strategy of a user's own with an option."""

    name: ClassVar[str] = "own_margin"
    power: float = 1.0


class OtherMargin(OwnMargin):
    """Another one of the same name."""


def test_options_of_ones_own_strategy_can_be_set() -> None:
    """It need not be in the package's union."""
    assert changed([Trial(strategy=OwnMargin())], "strategy.power=2") == [
        Trial(strategy=OwnMargin(power=2.0))
    ]


def test_two_classes_of_one_name_in_a_sweep_are_refused() -> None:
    """Nobody could tell their trials apart."""
    with pytest.raises(InputError, match="'own_margin' is the name of two classes"):
        known_classes([Trial(strategy=OwnMargin()), Trial(strategy=OtherMargin())])


@settings(max_examples=10_000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_ten_thousand_wrong_configurations_are_refused_not_crashed(data: st.DataObject) -> None:
    """Whatever stands in whichever field, in a manifest or on the command line: a trial, or an InputError."""
    path = data.draw(st.sampled_from(LEAVES))
    value = data.draw(JUNK)
    head, *rest = path.split(".")
    content = Trial(strategy=get_strategy("dalbt")).as_json()
    inside = content
    for part in [head, *rest][:-1]:
        inside = inside.get(part, {}) if isinstance(inside, dict) else {}
    inside[path.rsplit(".", 1)[-1]] = value
    with contextlib.suppress(InputError):
        assert isinstance(trial_from_json(content), Trial)
    with contextlib.suppress(InputError):
        changed([Trial()], f"{path}={value}")
