"""A trial's identity, its invariants, and what makes two round 0s comparable."""

from dataclasses import replace

import pytest

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError
from dalbt_ray.strategies import get_strategy


def test_identity_changes_with_every_kind_of_field() -> None:
    """Two trials that may compute different things never share an id."""
    trial = Trial()
    variants = [
        trial,
        replace(trial, seed=1),
        replace(trial, budget=101),
        replace(trial, objective="supervised"),
        replace(trial, strategy=get_strategy("random")),
        replace(trial, strategy=get_strategy("dalbt", policy="inlier_band")),
        replace(trial, training=replace(trial.training, learning_rate=0.002)),
        replace(trial, network=replace(trial.network, latent_norm="batch")),
    ]
    ids = {each.trial_id("data") for each in variants}
    assert len(ids) == len(variants)
    assert trial.trial_id("other data") not in ids


def test_identity_ignores_the_name_for_people_and_int_for_float() -> None:
    """`variant` is a label, and weight_decay=0 means weight_decay=0.0."""
    trial = Trial(training=Training(weight_decay=0.0))
    assert replace(trial, variant="x").trial_id("d") == trial.trial_id("d")
    assert Trial(training=Training(weight_decay=0)).trial_id("d") == trial.trial_id("d")


def test_identity_is_frozen() -> None:
    """A changed default or a changed serialization would orphan every user's results: raise ALGORITHM_VERSION."""
    assert Trial(strategy=get_strategy("random")).trial_id("data") == "3aff413ebf36188b"


def test_plain_strategies_share_a_network_and_special_ones_do_not() -> None:
    """The round-0 check may only compare trials that train the same network."""
    trial = Trial(objective="supervised")
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
        ("objective", "jiont"),
        ("ood_policy", "keep"),
    ],
)
def test_wrong_values_are_refused_by_name(field: str, value: object) -> None:
    """The message names the field and the value."""
    with pytest.raises(InputError, match=field) as caught:
        replace(Trial(), **{field: value})
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("field", ["learning_rate", "weight_decay", "self_supervised_weight"])
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
