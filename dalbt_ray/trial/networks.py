"""The networks of one round: trained on what is labeled, asked about the pool."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.auxiliary import Auxiliary, AuxiliarySettings
from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.metrics.accuracy import accuracy
from dalbt_ray.models.dropout import draw_dropout_masks
from dalbt_ray.models.network import Network, build_network
from dalbt_ray.pool import PoolState
from dalbt_ray.trial.minibatches import Draws, TrainingImages
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.pretraining_run import pretrained_tensors
from dalbt_ray.trial.scoring import Scores, score_batch, score_images
from dalbt_ray.trial.solved_head import rows_of, score_features, solve
from dalbt_ray.trial.training import fit
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.workers.world import World


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trial with everything that its rounds need.

    Attributes:
        trial: what to run.
        image_set: the images.
        oracle: the annotator.
        world: the workers.
        device: where this worker computes.
        stop: polled between steps.
        own_code: hashes of the sources of the user's own classes, for the manifest.
        cache: folder of what outlives a trial, a pretraining here; None keeps nothing.
    """

    trial: Trial
    image_set: ImageSet
    oracle: Oracle
    world: World
    device: torch.device
    stop: Callable[[], bool]
    own_code: Mapping[str, str]
    cache: Path | None = None

    @cached_property
    def pretrained(self) -> dict[str, Tensor]:
        """Encoder and latent after the trial's pretraining, by their names in `Network`; nothing without one."""
        if not self.trial.pretraining.happens:
            return {}
        return pretrained_tensors(
            self.trial,
            self.oracle.images,
            len(self.oracle.classes.known),
            data_hash=self.image_set.data_hash,
            cache=self.cache / "pretrained" if self.cache else None,
            world=self.world,
            device=self.device,
            stop=self.stop,
        )


@dataclass(frozen=True)
class Trained:
    """The outcome of one round's training.

    Attributes:
        networks: more than one where the learner or the strategy wants several; the first is the one that is measured,
            unless they predict together.
        auxiliary: the networks whose score the strategy reads, or None.
        steps: optimizer steps of one network.
        loss: mean training loss of the last epoch, nats, over the networks.
        auxiliary_seconds: time spent in networks beside the classifier.
    """

    networks: list[Network]
    auxiliary: Auxiliary | None
    steps: int
    loss: float
    auxiliary_seconds: float


def train_networks(run: Run, state: PoolState, round_index: int, previous: list[Network]) -> Trained:
    """Train the round's networks on the labeled images, and on bought OOD ones where there is an outlier class.

    Args:
        run: the trial.
        state: who is labeled.
        round_index: 0 for the initial set.
        previous: the networks of the round before, where a warm start continues from; may be empty.

    Raises:
        Stopped, Diverged: see `fit`.
    """
    trial, oracle = run.trial, run.oracle
    available = ~state.removed
    classes = len(oracle.classes.known)
    teaches = teaching_outliers(run, state)
    shown = np.flatnonzero(state.labeled | teaches)
    data = TrainingImages(
        images=oracle.images,
        labeled=shown,
        labels=np.where(teaches, classes, oracle.labels)[shown],
        pool=np.flatnonzero(available),
        unlabeled=np.flatnonzero(available & ~state.labeled),
    )
    shape = oracle.images.shape
    if trial.encoder.solver is not None:
        network = untrained_network(run, round_index, outlier_class=bool(teaches.any()))
        known = (rows_of(oracle.validation_images.all), oracle.validation_labels)
        features = rows_of(data.images.take(data.labeled))
        report = solve(network, trial.encoder.solver, features, data.labels, known)
        return Trained([network], None, report.steps, report.loss, 0.0)
    networks, losses, steps, own, auxiliary_seconds = [], [], 0, None, 0.0
    for member in range(trial.makeup.members):
        draws = Draws(seed=trial.seed, round_index=round_index, member=member)
        network = untrained_network(run, round_index, member, outlier_class=bool(teaches.any()))
        if trial.training.init == "warm" and previous:
            network.load_state_dict(previous[member].state_dict())
        auxiliaries = [
            settings.build(
                network,
                image_shape=shape,
                classes=classes,
                labeled=len(data.labeled),
                unlabeled=len(data.unlabeled),
                generator=draws.torch("auxiliary"),
                device=run.device,
            )
            for settings in _auxiliaries(trial, member)
        ]
        report = fit(
            network,
            data,
            trial,
            draws=draws,
            world=run.world,
            device=run.device,
            auxiliaries=auxiliaries,
            validation_accuracy=partial(validation_accuracy, run, network),
            stop=run.stop,
        )
        own = next((each for each in auxiliaries if each.settings == trial.strategy.auxiliary), own)
        networks.append(network)
        losses.append(report.loss)
        steps, auxiliary_seconds = report.steps, auxiliary_seconds + report.auxiliary_seconds
    return Trained(networks, own, steps, float(np.mean(losses)), auxiliary_seconds)


def _auxiliaries(trial: Trial, member: int) -> list[AuxiliarySettings]:
    """The networks beside a member: those in its loss, and once, those that the strategy trains apart from it."""
    joined, own = trial.makeup.auxiliary, trial.strategy.auxiliary
    apart = own if own is not None and not own.joins_loss and member == 0 else None
    return [settings for settings in (joined, apart) if settings is not None]


def teaching_outliers(run: Run, state: PoolState) -> NDArray[np.bool_]:
    """bool[n], OOD images that were bought and that the classifier trains on, as a class of their own."""
    return state.removed & (run.trial.ood_policy == "learn" and run.trial.learns_outliers)


def untrained_network(run: Run, round_index: int, member: int = 0, *, outlier_class: bool = False) -> Network:
    """A network of the trial before its round, in evaluation mode: freshly drawn weights, or pretrained ones below."""
    draws = Draws(seed=run.trial.seed, round_index=round_index, member=member)
    network = build_network(
        run.trial.encoder,
        run.trial.makeup.network,
        run.oracle.images.shape,
        len(run.oracle.classes.known),
        draws.torch("network"),
        outlier_class=outlier_class,
        variational=run.trial.makeup.variational,
    )
    if run.trial.pretraining.happens:
        own = network.state_dict()
        # A variational network has a linear latent where a plain one may have none.
        network.load_state_dict(
            own | {name: run.pretrained[name] for name in own.keys() & run.pretrained.keys()}
        )
        if run.trial.pretraining.then == "linear_head":
            network.fix_features()
    return network.to(run.device).eval()


def validation_accuracy(run: Run, network: Network) -> float:
    """Share of validation images that `network` gets right."""
    return accuracy(score_validation(run, [network]).probabilities, run.oracle.validation_labels)


def score_validation(run: Run, networks: list[Network]) -> Scores:
    """Scores of the validation images by what is measured."""
    return _score_all(run, run.oracle.validation_images, networks)


def score_test(run: Run, networks: list[Network]) -> Scores:
    """Scores of the test images by what is measured."""
    return _score_all(run, run.oracle.test_images, networks)


def score_labeled(run: Run, networks: list[Network], state: PoolState) -> Scores:
    """Scores of the labeled images by what is measured."""
    return _score_all(run, run.oracle.images, networks, state.labeled)


def score_pool(run: Run, trained: Trained, round_index: int) -> Scores:
    """Scores of the pool's n rows, as the strategy needs them.

    Rows that have left the pool are scored too, so that row i stays row i.
    """
    images = run.oracle.images
    if run.trial.encoder.solver is not None:
        return score_features(trained.networks[0], rows_of(images.all))
    draws = Draws(seed=run.trial.seed, round_index=round_index)
    samples = run.trial.strategy.needs.dropout_samples
    masks = (
        draw_dropout_masks(trained.networks[0], samples, draws.torch("dropout_samples"), run.device)
        if samples
        else None
    )
    score = partial(
        score_batch,
        trained.networks,
        together=run.trial.makeup.averages,
        masks=masks,
        auxiliary=trained.auxiliary,
        device=run.device,
    )
    return score_images(images, np.ones(len(images), dtype=bool), score, run.world)


def _score_all(
    run: Run, images: TrialImages, networks: list[Network], wanted: NDArray[np.bool_] | None = None
) -> Scores:
    if run.trial.encoder.solver is not None:
        rows = images.all if wanted is None else images.take(np.flatnonzero(wanted))
        return score_features(networks[0], rows_of(rows))
    if wanted is None:
        wanted = np.ones(len(images), dtype=bool)
    together = run.trial.makeup.averages
    predicting = networks if together else networks[:1]
    score = partial(score_batch, predicting, together=together, device=run.device)
    return score_images(images, wanted, score, run.world)
