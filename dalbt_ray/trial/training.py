"""Train one network on the labeled images: plain PyTorch, one process or several under DDP."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, isfinite
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dalbt_ray.auxiliary import Auxiliary, Batch
from dalbt_ray.config import Trial
from dalbt_ray.models.adam import Adam
from dalbt_ray.models.dropout import set_dropout_generator
from dalbt_ray.models.network import Network
from dalbt_ray.models.norm import frozen_statistics
from dalbt_ray.models.one_cycle import one_cycle
from dalbt_ray.trial.best_epoch import BestEpoch
from dalbt_ray.trial.captured_step import WORTH_CAPTURING, CapturedStep
from dalbt_ray.trial.minibatches import Draws, Minibatch, TrainingImages, minibatches
from dalbt_ray.workers.global_batch import share_of_draw
from dalbt_ray.workers.world import World


class Stopped(Exception):  # noqa: N818 - a request that was met, not a fault
    """Training was asked to end early; nothing of the unfinished round is kept."""


class Diverged(ArithmeticError):  # noqa: N818 - the field's word
    """The loss is no longer a finite number."""


@dataclass(frozen=True)
class TrainingReport:
    """What one call of `fit` did: optimizer steps, mean loss of the last epoch, time in auxiliary networks."""

    steps: int
    loss: float
    auxiliary_seconds: float


def fit(
    network: Network,
    data: TrainingImages,
    trial: Trial,
    *,
    draws: Draws,
    world: World,
    device: torch.device,
    auxiliaries: Sequence[Auxiliary] = (),
    validation_accuracy: Callable[[], float] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainingReport:
    """Train `network` in place on the trial's objective.

    Args:
        network: on `device`.
        data: labeled and unlabeled images.
        trial: objective, recipe and views.
        draws: random streams.
        world: the workers that share each batch; worker r takes images r, r + size, ... of it.
        device: where to compute.
        auxiliaries: the networks that are trained along or afterwards.
        validation_accuracy: asked after each epoch if `trial.training.model_selection` is "best_validation".
        stop: polled before each step.

    Raises:
        Stopped: `stop()` was true.
        Diverged: the loss became NaN or infinite.
    """
    recipe = trial.training
    network.projector.requires_grad_(trial.objective.needs_views)
    noise = draws.torch("dropout", device)
    set_dropout_generator(network, noise)
    step = _Step(network, trial, auxiliaries, noise)
    per_epoch = ceil(recipe.epoch_of(len(data.labeled)) / recipe.batch_size)
    total = max(recipe.epochs * per_epoch, recipe.min_steps)
    for auxiliary in auxiliaries:
        total = auxiliary.settings.classifier_steps(
            total, unlabeled=len(data.unlabeled), batch_size=recipe.batch_size
        )
    differentiate = _differentiate(step, world, device, total)
    optimizer = Adam(
        [p for p in network.parameters() if p.requires_grad],
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    epoch_loss, epoch_steps, mean_loss, auxiliary_seconds = torch.zeros((), device=device), 0, 0.0, 0.0
    best = None
    if recipe.model_selection == "best_validation" and validation_accuracy is not None:
        best = BestEpoch(network, validation_accuracy, recipe.patience)
    reads_unlabeled = any(auxiliary.settings.reads_unlabeled for auxiliary in auxiliaries)
    network.train()
    for done, batch in enumerate(minibatches(data, trial, draws, world, device, total, reads_unlabeled), 1):
        if stop():
            raise Stopped
        optimizer.zero_grad()
        loss = differentiate(batch)
        if recipe.schedule == "one_cycle":
            optimizer.learning_rate, optimizer.beta_1 = one_cycle(done - 1, total, 3 * recipe.learning_rate)
        optimizer.step()
        for auxiliary in auxiliaries:
            began = perf_counter()
            auxiliary.update(step.seen)
            auxiliary_seconds += perf_counter() - began
        epoch_loss += loss
        epoch_steps += 1
        if epoch_steps == per_epoch or done == total:
            # The only wait for the device in an epoch. Each worker has seen its share of the images.
            mean_loss = float(np.mean(world.gather(float(epoch_loss) / epoch_steps)))
            epoch_loss.zero_()
            epoch_steps = 0
            if not isfinite(mean_loss):
                raise Diverged(f"the loss is {mean_loss} after {done} steps; lower training.learning_rate")
            if best is not None and best.epoch_ended():
                break
    if best is not None:
        best.restore()
    world.share_buffers(network)
    network.eval()
    for auxiliary in auxiliaries:
        began = perf_counter()
        auxiliary.fit(data.images, data.labeled, data.unlabeled, partial(_poll, stop))
        auxiliary_seconds += perf_counter() - began
    return TrainingReport(done, mean_loss, auxiliary_seconds)


def _poll(stop: Callable[[], bool]) -> None:
    if stop():
        raise Stopped


def _differentiate(
    step: "_Step", world: World, device: torch.device, total: int
) -> Callable[[Minibatch], Tensor]:
    """A function from a batch to its loss, float[], that leaves the gradient in the network's parameters."""
    if step.capturable and world.size == 1 and device.type == "cuda" and total >= WORTH_CAPTURING:
        captured = CapturedStep(step.of_tensors, step.network, step.noise)
        return lambda batch: captured(*batch.tensors)
    # The norm layers make batch statistics global themselves, so DDP has no buffers to broadcast.
    parallel = DistributedDataParallel(step, broadcast_buffers=False) if world.size > 1 else step

    def launch(batch: Minibatch) -> Tensor:
        loss: Tensor = parallel(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    return launch


class _Step(nn.Module):
    """The loss of one step as one forward, since DDP wants one forward per backward."""

    def __init__(
        self, network: Network, trial: Trial, auxiliaries: Sequence[Auxiliary], noise: torch.Generator
    ) -> None:
        super().__init__()
        self.network = network
        self.recipe, self.objective = trial.training, trial.objective
        self.auxiliaries = auxiliaries
        self.noise = noise
        self.capturable = trial.encoder.capturable and trial.objective.capturable and not auxiliaries
        self.seen: Batch

    def forward(self, batch: Minibatch) -> Tensor:
        """Scalar loss of this worker's share; averaging its gradient over workers gives the global one."""
        half = self.recipe.precision == "bfloat16"
        with torch.autocast(batch.images.device.type, dtype=torch.bfloat16, enabled=half):
            features, mean, log_variance = self._latents(batch.images)
            logits = self.network.classify(features)
            projections = None
            if batch.views is not None:
                # Separate forwards, and views leave no trace in the running statistics: test images are clean.
                with frozen_statistics(self.network):
                    z_a, z_b = (self.network.project(self.network.encode(view)) for view in batch.views)
                projections = (z_a, z_b)
            loss = self.objective.loss(logits, batch.labels, projections)
            if self.auxiliaries:
                self.seen = Batch(
                    batch.images, batch.labels, features, mean, log_variance, logits, batch.unlabeled
                )
            for auxiliary in self.auxiliaries:
                loss = loss + auxiliary.loss(self.seen)
        return loss

    def of_tensors(self, images: Tensor, labels: Tensor, *views: Tensor) -> Tensor:
        """The same for `Minibatch.tensors`."""
        pair = (views[0], views[1]) if views else None
        return self.forward(Minibatch(images, labels, pair, None))

    def _latents(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """What the classifier reads, its mean and its log-variance; a sample if the encoder is variational."""
        if self.network.log_variance is None:
            z = self.network.encode(images)
            return z, z, None
        mean, log_variance = self.network.encode_distribution(images)
        normal = share_of_draw(
            len(mean), lambda n: mean.new_empty(n, mean.shape[1]).normal_(generator=self.noise), mean.device
        )
        return mean + (log_variance / 2).exp() * normal, mean, log_variance
