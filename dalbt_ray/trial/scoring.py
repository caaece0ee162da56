"""What the trained networks say of images: probabilities, features, dropout samples, votes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.auxiliary import Auxiliary
from dalbt_ray.models.dropout import DropoutMasks, dropout_pass
from dalbt_ray.models.network import Network, unit_range
from dalbt_ray.pool import Floats
from dalbt_ray.trial.training import Diverged
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.workers.world import World

SCORING_BATCH = 250
"""Images of one forward while scoring. Fixed, since the last bits of a matrix product depend on its shape; small,
since 1,000 CIFAR-10 images at once take 170 MiB more a trial, even with LeNet."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What the networks say of k images, row by row.

    Attributes:
        probabilities: float64[k, c], softmax of the classifier over the known classes.
        features: float32[k, d], the latent z.
        mc_probabilities: float32[k, t, c] of the dropout passes, if asked for; they are most of a pool's memory.
        member_probabilities: float64[k, m, c] of the members of an ensemble, if there are several.
        auxiliary: float64[k], the score of the strategy's own networks, if they give one.
        outlier_probability: float64[k], of the outlier class, if the classifier has one.
    """

    probabilities: Floats
    features: Floats
    mc_probabilities: Floats | None = None
    member_probabilities: Floats | None = None
    auxiliary: Floats | None = None
    outlier_probability: Floats | None = None

    @classmethod
    def joined(cls, parts: "Iterable[Scores]", count: int) -> "Scores":
        """The rows of all parts, `count` in all, one part after the other; at least one part.

        Each part is let go once it is copied: those of many dropout passes would take as much memory as the whole.
        """
        columns: dict[str, Any] = {}
        end = 0
        for part in parts:
            start, end = end, end + len(part.features)
            for each in fields(cls):
                rows = getattr(part, each.name)
                if start == 0:
                    columns[each.name] = (
                        None if rows is None else np.empty((count, *rows.shape[1:]), rows.dtype)
                    )
                if rows is not None:
                    columns[each.name][start:end] = rows
        assert end == count
        return cls(**columns)


@torch.inference_mode()
def score_batch(
    networks: Sequence[Network],
    images: NDArray[Any],
    *,
    together: bool = False,
    masks: DropoutMasks | None = None,
    auxiliary: Auxiliary | None = None,
    device: torch.device | str = "cpu",
) -> Scores:
    """Scores of one batch, a pure function of networks and images.

    Args:
        networks: trained, in evaluation mode, on `device`; the first one is the classifier that is measured,
            more than one vote (`member_probabilities`).
        together: the prediction is the mean of the networks' probabilities, not the first one's.
        images: uint8[b, h, w, c], or float32[b, 1, 1, d], features of a frozen encoder.
        masks: dropout masks of the stochastic passes, the same for every image of a round; None for no passes.
        auxiliary: the strategy's own networks, if any.
        device: where the networks are.

    Returns:
        One row an image.
    """
    # A copy, since the images are read-only memory that torch would warn about.
    pixels = unit_range(torch.tensor(images, device=device).permute(0, 3, 1, 2))
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    network = networks[0]
    features = network.encode(pixels)
    logits = network.classify(features)
    passes = votes = auxiliary_score = None
    if masks is not None:
        stem, sampled = network.stem(pixels), []
        for sample in range(masks.samples):
            with dropout_pass(network, masks, sample):
                sampled.append(network.finish(stem))
        # One copy from the device for all passes: a GPU would wait for each otherwise.
        of_all = known_softmax(network, torch.stack(sampled, dim=1).flatten(0, 1))
        passes = of_all.astype(np.float32).reshape(len(images), masks.samples, -1)
    foreign = outlier_probability(network, logits)
    if len(networks) > 1:
        answers = [member.classify(member.encode(pixels)) for member in networks]
        votes = np.stack([known_softmax(network, answer) for answer in answers], axis=1)
        if together and foreign is not None:
            judged = [outlier_probability(network, answer) for answer in answers]
            foreign = np.mean([each for each in judged if each is not None], axis=0)
    if auxiliary is not None:
        value = auxiliary.score(pixels, features, logits)
        auxiliary_score = None if value is None else value.double().cpu().numpy()
    return Scores(
        probabilities=votes.mean(axis=1)
        if together and votes is not None
        else known_softmax(network, logits),
        features=features.float().cpu().numpy(),
        mc_probabilities=passes,
        member_probabilities=votes,
        auxiliary=auxiliary_score,
        outlier_probability=foreign,
    )


def score_images(
    images: TrialImages,
    wanted: NDArray[np.bool_],
    score: Callable[[NDArray[Any]], Scores],
    world: World,
) -> Scores:
    """Scores of the `wanted` images, in ascending order of rows; workers take turns batch by batch.

    Args:
        images: n images.
        wanted: bool[n], at least one true; other rows are skipped.
        score: `score_batch` with everything but the images filled in.
        world: the workers of the trial; all of them get all scores.

    Raises:
        Diverged: probabilities or features that are no finite numbers.
    """
    parts: Iterable[tuple[int, Scores]] = (
        (number, score(batch))
        for number, batch in images.batches(wanted, SCORING_BATCH)
        if number % world.size == world.rank
    )
    if world.size > 1:
        parts = sorted(chain.from_iterable(world.gather(list(parts))), key=itemgetter(0))
    scores = Scores.joined((scores for _, scores in parts), int(wanted.sum()))
    if not (np.isfinite(scores.probabilities).all() and np.isfinite(scores.features).all()):
        raise Diverged("what the network says is no number any more; lower training.learning_rate")
    return scores


def known_softmax(network: Network, logits: Tensor) -> NDArray[np.float64]:
    """float64[b, c] over the known classes: the probabilities given that the image is of one of them."""
    return logits[:, : network.classes].double().softmax(dim=1).cpu().numpy()


def outlier_probability(network: Network, logits: Tensor) -> NDArray[np.float64] | None:
    """float64[b], of the class beyond the known ones; None if there is none."""
    if logits.shape[1] == network.classes:
        return None
    return logits.double().softmax(dim=1)[:, -1].cpu().numpy()
