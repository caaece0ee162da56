"""The networks of one round: trained on what is labeled, asked about the pool."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray.auxiliary import Auxiliary
from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ArrayImages, ImageSet
from dalbt_ray.models.dropout import draw_dropout_masks
from dalbt_ray.models.network import Network, build_network
from dalbt_ray.pool import PoolState
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.scoring import Scores, score_batch, score_images
from dalbt_ray.trial.training import Draws, TrainingImages, fit
from dalbt_ray.workers.world import World


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trial with everything that its rounds need: images, oracle, and where to compute."""

    trial: Trial
    image_set: ImageSet
    oracle: Oracle
    world: World
    device: torch.device
    stop: Callable[[], bool]


@dataclass(frozen=True)
class Trained:
    """The outcome of one round's training.

    Attributes:
        networks: the first is the one that is measured; more than one where the strategy wants votes.
        auxiliary: the strategy's own networks, or None.
        steps: optimizer steps of one network.
        loss: mean training loss of the last epoch, nats, over the networks.
        auxiliary_seconds: time spent in the strategy's own networks.
    """

    networks: list[Network]
    auxiliary: Auxiliary | None
    steps: int
    loss: float
    auxiliary_seconds: float


def train_networks(run: Run, state: PoolState, round_index: int, previous: list[Network]) -> Trained:
    """Train the round's networks on the labeled images.

    Args:
        run: the trial.
        state: who is labeled.
        round_index: 0 for the initial set.
        previous: the networks of the round before, where a warm start continues from; may be empty.

    Raises:
        Stopped, Diverged: see `fit`.
    """
    trial, image_set, oracle = run.trial, run.image_set, run.oracle
    offered = ~state.discarded
    data = TrainingImages(
        images=image_set.images,
        labeled=oracle.image_rows[state.labeled],
        labels=oracle.labels[state.labeled],
        pool=oracle.image_rows[offered],
        unlabeled=oracle.image_rows[offered & ~state.labeled],
    )
    networks, losses, steps, auxiliary, auxiliary_seconds = [], [], 0, None, 0.0
    for member in range(trial.strategy.needs.members):
        draws = Draws(seed=trial.seed, round_index=round_index, member=member)
        network = build_network(
            trial.trained_network, image_set.images.shape, image_set.classes, draws.torch("network")
        ).to(run.device)
        if trial.training.init == "warm" and previous:
            network.load_state_dict(previous[member].state_dict())
        settings = trial.strategy.auxiliary
        if settings is not None:
            auxiliary = settings.build(
                network,
                image_shape=image_set.images.shape,
                classes=image_set.classes,
                labeled=len(data.labeled),
                unlabeled=len(data.unlabeled),
                generator=draws.torch("auxiliary"),
                device=run.device,
            )
        report = fit(
            network,
            data,
            trial,
            draws=draws,
            world=run.world,
            device=run.device,
            auxiliary=auxiliary,
            validation_accuracy=partial(validation_accuracy, run, network),
            stop=run.stop,
        )
        networks.append(network)
        losses.append(report.loss)
        steps, auxiliary_seconds = report.steps, auxiliary_seconds + report.auxiliary_seconds
    return Trained(networks, auxiliary, steps, float(np.mean(losses)), auxiliary_seconds)


def validation_accuracy(run: Run, network: Network) -> float:
    """Share of validation images that `network` gets right."""
    scores = score_images(
        run.image_set.images,
        _mask(run.oracle.validation_rows, len(run.image_set.images)),
        partial(score_batch, [network], device=run.device),
        run.world,
    )
    return float((scores["probabilities"].argmax(axis=1) == run.oracle.validation_labels).mean())


def score_test(run: Run, trained: Trained) -> Scores:
    """Scores of the test images by the measured network."""
    test = ArrayImages(run.image_set.test_images)
    score = partial(score_batch, trained.networks[:1], device=run.device)
    return score_images(test, np.ones(len(test), dtype=bool), score, run.world)


def score_pool(run: Run, trained: Trained, round_index: int) -> tuple[Scores, Scores]:
    """Scores of the pool's n rows, as the strategy needs them, and of the validation images.

    The image_set is streamed once; images that are neither in the pool nor validation are skipped. Rows that were
    discarded are scored too, so that row i stays row i.
    """
    image_set, oracle = run.image_set, run.oracle
    wanted = _mask(oracle.image_rows, len(image_set.images)) | _mask(
        oracle.validation_rows, len(image_set.images)
    )
    draws = Draws(seed=run.trial.seed, round_index=round_index)
    samples = run.trial.strategy.needs.dropout_samples
    masks = (
        draw_dropout_masks(trained.networks[0], samples, draws.torch("dropout_samples"), run.device)
        if samples
        else None
    )
    score = partial(
        score_batch, trained.networks, masks=masks, auxiliary=trained.auxiliary, device=run.device
    )
    scores = score_images(image_set.images, wanted, score, run.world)
    place = np.cumsum(wanted) - 1  # image row -> row of `scores`
    return (
        {name: values[place[oracle.image_rows]] for name, values in scores.items()},
        {name: values[place[oracle.validation_rows]] for name, values in scores.items()},
    )


def _mask(rows: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    mask = np.zeros(n, dtype=bool)
    mask[rows] = True
    return mask
