"""The learner apart from the selection: what it trains, whom it refuses, and that its round 0 is one for all."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from dalbt_ray.config import Trial
from dalbt_ray.errors import InputError
from dalbt_ray.learners import LEARNERS, Learner
from dalbt_ray.learners.adversarial import Adversarial
from dalbt_ray.learners.as_needed import AsNeeded
from dalbt_ray.learners.ensemble import Ensemble
from dalbt_ray.learners.normalized_latent import NormalizedLatent
from dalbt_ray.learners.plain import Plain
from dalbt_ray.learners.variational import Variational
from dalbt_ray.learners.with_dropout import WithDropout
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.strategies import STRATEGIES, get_strategy
from dalbt_ray.strategies.entropy import Entropy
from dalbt_ray.strategies.vaal import VAAL
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.scoring import score_batch
from tests.analysis_frames import Sweep, make_frames, study_of
from tests.small_trials import small_image_set, small_trial

NAMED = [cls() for name, cls in LEARNERS.items() if name != "as_needed"]
NETWORK = {
    "mc_dropout": "dropout", "dbal": "dropout", "batch_bald": "dropout", "power_bald": "dropout",
    "dropquery": "dropout", "ensemble_varr": "ensemble", "dal_osr": "variational", "waal": "adversarial",
}  # fmt: skip
"""The only learner that each of these strategies can use; every other strategy works with all."""


@dataclass(frozen=True, kw_only=True)
class VoteCounter(Entropy):
    """A strategy of the user's that wants three members."""

    name: ClassVar[str] = "vote_counter"

    @property
    def needs(self) -> Any:
        """Three."""
        return replace(super().needs, members=3)


def trial(strategy: str, learner: Learner, **changes: Any) -> Trial:
    """A supervised trial of MNIST."""
    return Trial(strategy=get_strategy(strategy), learner=learner, objective=Supervised(), **changes)


@pytest.mark.parametrize("learner", NAMED, ids=lambda each: each.name)
def test_a_named_learner_trains_one_network_for_all(learner: Learner) -> None:
    """Every strategy is refused by name, with the learner in the message, or shares random's network."""
    random = trial("random", learner)
    for name in STRATEGIES:
        if NETWORK.get(name, learner.name) != learner.name:
            with pytest.raises(InputError, match=f"^learner: '{learner.name}' .*{name} needs.*as_needed"):
                trial(name, learner)
        else:
            assert trial(name, learner).makeup == random.makeup
            assert trial(name, learner).network_id == random.network_id


@pytest.mark.parametrize(
    ("strategy", "learner"),
    [("dbal", WithDropout()), ("dal_osr", Variational()), ("waal", Adversarial()), ("vaal", Plain()),
     ("ensemble_varr", Plain())],
)  # fmt: skip
def test_random_with_a_learner_is_the_control_of_who_needs_it(strategy: str, learner: Learner) -> None:
    """It trains the network that the strategy brings along when nothing is said."""
    assert trial(strategy, AsNeeded()).network_id == trial("random", learner).network_id


def test_learners_train_different_networks() -> None:
    """So that no two of them are compared in silence."""
    ids = [trial("random", learner).network_id for learner in NAMED]
    assert len(set(ids)) == len(ids)
    assert trial("random", AsNeeded()).network_id == trial("random", Plain()).network_id


@pytest.mark.parametrize(
    ("strategy", "learner"),
    [
        (get_strategy("dbal", dropout=0.25), WithDropout(probability=0.5)),
        (VoteCounter(), Ensemble(members=5)),
        (get_strategy("waal"), Adversarial(auxiliary=replace(Adversarial().auxiliary, weight=1.0))),
    ],
)
def test_options_that_disagree_are_refused(strategy: Any, learner: Learner) -> None:
    """A strategy's option that the learner would ignore is a mistake."""
    with pytest.raises(InputError, match=r"^learner: .*same options"):
        Trial(strategy=strategy, learner=learner, objective=Supervised())


def test_a_learner_adds_to_the_network() -> None:
    """What the trial says of the network stays; so dropout and a normalized latent go together."""
    network = NetworkSettings(dropout=0.5, projector=(8,))
    held = trial("dbal", NormalizedLatent(), network=network)
    assert held.makeup.network == NetworkSettings(dropout=0.5, projector=(8,), latent_norm="batch")


@pytest.mark.parametrize(
    ("encoder", "learner", "message"),
    [
        (Frozen(), WithDropout(), "^learner: 'dropout' is more than a classifier.*head=mlp"),
        (Frozen(), Ensemble(), "^learner: 'ensemble' is more"),
        (Frozen(head="mlp"), Variational(), "^learner: 'variational' rebuilds pixels"),
    ],
)
def test_what_fixed_features_cannot_serve_is_refused(encoder: Frozen, learner: Learner, message: str) -> None:
    """Before anything is embedded."""
    with pytest.raises(InputError, match=message):
        trial("random", learner, encoder=encoder)


def test_an_ensemble_predicts_by_its_mean() -> None:
    """Against the members asked one by one."""
    images = small_image_set().test_images
    network = trial("random", Plain()).makeup.network
    members = [
        build_network(
            Trial().encoder, network, images.shape[1:], 3, torch.Generator().manual_seed(seed)
        ).eval()
        for seed in range(3)
    ]
    alone = [score_batch([member], images).probabilities for member in members]
    together = score_batch(members, images, together=True)
    np.testing.assert_allclose(together.probabilities, np.mean(alone, axis=0), rtol=1e-6)
    assert np.array_equal(score_batch(members, images).probabilities, alone[0])


def test_round_0_is_one_for_all_strategies_of_a_learner(tmp_path: Path) -> None:
    """Run: the network that `dal_osr` brings, random's of that learner, and VAAL's own networks beside it.

    Bit for bit, so neither the selection nor what a strategy trains apart leaves a trace in the learner.
    """
    small = replace(Variational().auxiliary, pool_epochs=0.0, width=4)
    learner, store = Variational(auxiliary=small), ResultsStore(tmp_path)
    store.create_or_open({"sweep": "test"})
    vaal = VAAL(auxiliary=replace(VAAL().auxiliary, pool_epochs=0.2, width=4, latent=4))
    for each in (
        replace(small_trial(rounds=0), strategy=get_strategy("dal_osr", auxiliary=small)),
        small_trial("random", rounds=0, learner=learner),
        replace(small_trial(rounds=0, learner=learner), strategy=vaal),
        small_trial("random", rounds=0, learner=Ensemble(members=2)),
    ):
        run_trial(each, small_image_set(), store)
    found = load_results(tmp_path).rounds.set_index("strategy").sort_index()
    same = found[found["network_id"] == found.loc["dal_osr", "network_id"]]
    assert sorted(same.index) == ["dal_osr", "random", "vaal"]
    assert same["test_nll"].nunique() == 1
    assert found["test_nll"].nunique() == 2


def test_the_report_tells_learner_from_selection() -> None:
    """Each margin meets its own learner's random; the two randoms show what the learner contributes."""
    made = [
        (strategy, "supervised", 0.0, {"learner.name": learner})
        for strategy in ("margin", "random")
        for learner in ("plain", "dropout")
    ]
    brings = ("dbal", "supervised", 0.0, {"learner.name": "as_needed"})
    frames = make_frames(Sweep([("mnist", "", 100)], [*made, brings], seeds=2, last_round=1))
    rounds = frames.rounds.copy()
    learners = frames.trials["learner.name"].replace("as_needed", "dropout")
    rounds["network_id"] = rounds["trial_id"].map(learners)
    pairs = study_of(frames, rounds=rounds).pairs("mnist, b=100")
    assert {(each.method, each.baseline, each.shows) for each in pairs} == {
        ("margin (learner=plain)", "random (learner=plain)", "selection"),
        ("margin (learner=dropout)", "random (learner=dropout)", "selection"),
        ("dbal", "random (learner=dropout)", "selection"),
        ("random (learner=plain)", "random (learner=dropout)", "learner"),
    }
