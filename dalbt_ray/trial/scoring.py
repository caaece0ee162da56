"""What the trained networks say of images: probabilities, features, dropout samples, votes."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.auxiliary import Auxiliary
from dalbt_ray.data.image_set import Images
from dalbt_ray.models.dropout import DropoutMasks, dropout_pass
from dalbt_ray.models.network import Network
from dalbt_ray.workers.world import World

SCORING_BATCH = 250
"""Images of one forward while scoring. Fixed, since the last bits of a matrix product depend on its shape; small,
since 1,000 CIFAR-10 images at once take 170 MiB more a trial, even with LeNet."""

Scores = dict[str, NDArray[np.floating]]
"""Arrays with one row per image, named as the fields of `PoolView`."""


@torch.inference_mode()
def score_batch(
    networks: Sequence[Network],
    images: NDArray[np.uint8],
    *,
    masks: DropoutMasks | None = None,
    auxiliary: Auxiliary | None = None,
    device: torch.device | str = "cpu",
) -> Scores:
    """Scores of one batch, a pure function of networks and images.

    Args:
        networks: trained, in evaluation mode, on `device`; the first one is the classifier that is measured,
            more than one vote (`member_probabilities`).
        images: uint8[b, h, w, c].
        masks: dropout masks of the stochastic passes, the same for every image of a round; None for no passes.
        auxiliary: the strategy's own networks, if any.
        device: where the networks are.

    Returns:
        `probabilities` float64[b, c] and `features` float32[b, d]; if asked for, `mc_probabilities`
        float64[b, t, c], `member_probabilities` float64[b, m, c] and `auxiliary` float64[b].
    """
    # A copy, since the image_set is read-only memory that torch would warn about.
    pixels = torch.tensor(images, device=device).permute(0, 3, 1, 2).to(torch.float32).div_(255)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    network = networks[0]
    features = network.encode(pixels)
    logits = network.classify(features)
    scores: Scores = {"probabilities": _softmax(logits), "features": features.float().cpu().numpy()}
    if masks is not None:
        passes, stem = [], network.stem(pixels)
        for sample in range(masks.samples):
            with dropout_pass(network, masks, sample):
                passes.append(_softmax(network.finish(stem)))
        scores["mc_probabilities"] = np.stack(passes, axis=1)
    if len(networks) > 1:
        votes = [_softmax(member.classify(member.encode(pixels))) for member in networks]
        scores["member_probabilities"] = np.stack(votes, axis=1)
    if auxiliary is not None:
        value = auxiliary.score(pixels, features, logits)
        if value is not None:
            scores["auxiliary"] = value.double().cpu().numpy()
    return scores


def score_images(
    images: Images,
    wanted: NDArray[np.bool_],
    score: Callable[[NDArray[np.uint8]], Scores],
    world: World,
) -> Scores:
    """Scores of the `wanted` images of an image set, in storage order; workers take turns batch by batch.

    Args:
        images: the image_set.
        wanted: bool[n]; other rows are skipped.
        score: `score_batch` with everything but the images filled in.
        world: the workers of the trial; all of them get all scores.
    """
    mine: list[tuple[int, Scores]] = []
    for index, (first, batch) in enumerate(images.batches(SCORING_BATCH)):
        keep = wanted[first : first + len(batch)]
        if index % world.size == world.rank and keep.any():
            mine.append((index, score(batch if keep.all() else batch[keep])))
    parts = [
        scores for _, scores in sorted((part for parts in world.gather(mine) for part in parts), key=_index)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _index(part: tuple[int, Scores]) -> int:
    return part[0]


def _softmax(logits: Tensor) -> NDArray[np.float64]:
    return logits.double().softmax(dim=1).cpu().numpy()
