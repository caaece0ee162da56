"""Pretraining on the pool: what it depends on, that it is done once, what a round does with it, and that it learns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dalbt_ray.config import Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError
from dalbt_ray.learners.ensemble import Ensemble
from dalbt_ray.learners.normalized_latent import NormalizedLatent
from dalbt_ray.learners.with_dropout import WithDropout
from dalbt_ray.losses.barlow_twins import barlow_twins_loss
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.network import Network, NetworkSettings, build_network, unit_range
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.pretraining.not_pretrained import NotPretrained
from dalbt_ray.pretraining.twins_on_pool import TwinsOnPool
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.strategies import get_strategy
from dalbt_ray.trial.networks import Run, Trained, train_networks
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.pretraining_run import pretraining_key
from dalbt_ray.trial.round_rows import replay
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped
from dalbt_ray.views.digits import DigitViews
from dalbt_ray.views.pair_of_views import Share
from dalbt_ray.workers.world import World
from tests.small_trials import small_image_set, small_trial

SHORT = TwinsOnPool(epochs=6, batch_size=20)
CPU = torch.device("cpu")


def trial(**changes: Any) -> Trial:
    """A small supervised trial with a pretraining of 30 steps on 100 images."""
    made = small_trial(pretraining=SHORT, views=DigitViews(), network=NetworkSettings(projector=(16,)))
    return replace(made, **changes)


def running(of: Trial, *, stop: bool = False, cache: Path | None = None) -> Run:
    """The trial on the small image set."""
    image_set = small_image_set()
    oracle = Oracle.prepare(of, image_set)
    return Run(
        trial=of, image_set=image_set, oracle=oracle, world=World(), device=CPU, stop=lambda: stop, own_code={},
        cache=cache,
    )  # fmt: skip


def first_round(of: Trial) -> Trained:
    """Its round 0."""
    run = running(of)
    return train_networks(run, replay(of, run.oracle, []), 0, [])


def test_it_is_done_once_and_again_with_the_same_bits(tmp_path: Path) -> None:
    """The second trial reads what the first one left: it would have to stop before a step of its own."""
    first = running(trial(), cache=tmp_path).pretrained
    (file,) = (tmp_path / "pretrained").glob("*.safetensors")
    other = trial(strategy=get_strategy("margin"), budget=9)
    again = running(other, stop=True, cache=tmp_path).pretrained
    file.unlink()
    with pytest.raises(Stopped):
        _ = running(other, stop=True, cache=tmp_path).pretrained
    anew = running(other).pretrained
    assert set(first) == set(again) == set(anew)
    assert all(
        torch.equal(first[name], again[name]) and torch.equal(first[name], anew[name]) for name in first
    )


def test_what_shares_a_pretraining() -> None:
    """Who selects, at which price, and what a round trains on top change nothing; data, seed, views and layers do."""
    shared = [
        trial(),
        trial(strategy=get_strategy("badge")),
        trial(budget=1, learner=Ensemble()),
        trial(pretraining=replace(SHORT, then="fine_tune"), learner=WithDropout()),
        trial(pretraining=replace(SHORT, then="fine_tune"), strategy=get_strategy("dbal"), objective=Joint()),
    ]
    apart = [
        trial(seed=1),
        trial(views=DigitViews(shift=0.2)),
        trial(pretraining=replace(SHORT, epochs=7)),
        trial(learner=NormalizedLatent()),
        trial(splits=SplitSettings(train_limit=None, initial_size=11, validation_size=20)),
    ]
    assert len({pretraining_key(each, "data", CPU) for each in shared}) == 1
    assert len({pretraining_key(each, "data", CPU) for each in [*shared[:1], *apart]}) == 1 + len(apart)
    assert pretraining_key(trial(), "other data", CPU) != pretraining_key(trial(), "data", CPU)


@pytest.mark.parametrize("latent_norm", ["none", "batch"])
def test_a_linear_head_leaves_the_features_alone_and_fine_tuning_does_not(latent_norm: Any) -> None:
    """Weights and running statistics of encoder and latent, after a round; the classifier learned in both."""
    network = NetworkSettings(projector=(16,), latent_norm=latent_norm)
    head = trial(network=network)
    kept = running(head).pretrained
    for then, same in (("linear_head", True), ("fine_tune", False)):
        of = trial(network=network, pretraining=replace(SHORT, then=then))
        trained = first_round(of).networks[0].state_dict()
        assert all(torch.equal(trained[name], value) for name, value in kept.items()) is same
        untrained = first_round(replace(of, training=replace(of.training, learning_rate=0.0))).networks[0]
        assert not torch.equal(trained["classifier.weight"], untrained.state_dict()["classifier.weight"])


def test_it_learns_what_views_have_in_common() -> None:
    """A positive control on images that it has not seen: half the loss of the untrained encoder, or less."""
    of = trial(
        pretraining=replace(SHORT, epochs=40), network=NetworkSettings(projector=(), latent_norm="batch")
    )
    run = running(of)
    pixels = unit_range(torch.tensor(run.oracle.validation_images.all).permute(0, 3, 1, 2))
    views = of.views.make(pixels, torch.Generator().manual_seed(9), Share(0, 1, len(pixels)))

    def loss(network: Network) -> float:
        network.train()  # statistics of these images: the untrained network has none of its own
        with torch.no_grad():
            z_a, z_b = (network.encode(view) for view in views)
        diagonal = barlow_twins_loss(z_a, z_b, 0.0) / z_a.shape[1]
        return float(diagonal)

    settings = (of.encoder, of.network, pixels.shape[2:] + pixels.shape[1:2], 3)
    untrained, trained = (build_network(*settings, torch.Generator().manual_seed(1)) for _ in range(2))
    trained.load_state_dict(trained.state_dict() | run.pretrained)
    assert loss(trained) < loss(untrained) / 2


def test_a_pretrained_trial_runs_and_chooses_its_first_labels(tmp_path: Path) -> None:
    """Rounds are recorded as usual; without a label, a strategy that needs features alone has them."""
    of = trial(
        strategy=get_strategy("core_set"),
        splits=SplitSettings(train_limit=None, initial_size=0, validation_size=20),
    )
    store = ResultsStore(tmp_path / "results")
    store.create_or_open({"sweep": "test"})
    run_trial(of, small_image_set(), store)
    rounds = load_results(tmp_path / "results").rounds
    assert rounds["n_labeled"].tolist() == [0, 6, 12]
    assert rounds["note"].tolist() == ["", "", ""]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": Frozen(), "views": DigitViews()}, "^pretraining: 'barlow_twins' wants views"),
        ({"objective": Joint()}, r"^pretraining.then: 'linear_head' trains a linear.*fine_tune"),
        ({"learner": WithDropout()}, r"^pretraining.then: 'linear_head'"),
        ({"strategy": get_strategy("waal")}, r"^pretraining.then: 'linear_head'"),
    ],
)
def test_what_cannot_go_together_is_refused(changes: Any, message: str) -> None:
    """By field, before anything is trained."""
    with pytest.raises(InputError, match=message):
        replace(Trial(objective=Supervised(), pretraining=TwinsOnPool()), **changes)


def test_it_is_part_of_identity() -> None:
    """`none` says nothing new; a pretraining is another network and another trial."""
    plain = Trial(objective=Supervised(), strategy=get_strategy("random"))
    assert replace(plain, pretraining=NotPretrained()) == plain
    made = [
        plain,
        *(replace(plain, pretraining=TwinsOnPool(then=then)) for then in ("linear_head", "fine_tune")),
    ]
    assert len({each.network_id for each in made}) == len({each.trial_id("d") for each in made}) == 3
