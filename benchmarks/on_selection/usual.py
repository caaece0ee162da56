"""The usual ways to select by core-set and by BADGE, in torch, on the same pool."""

import argparse
import time

import numpy as np
import torch
from numpy.typing import NDArray

from on_selection.measuring import Numbers, radius, timed
from on_selection.pools import BUDGET, load_pool

EXPLICIT_PICKS = 500


def core_set_incremental(arguments: argparse.Namespace) -> Numbers:
    """The usual greedy: keep every point's distance to its nearest center, update all of them at each pick."""
    torch.set_num_threads(1)
    pool = load_pool(arguments.folder)

    def select() -> NDArray[np.int64]:
        features = torch.from_numpy(pool.features)
        points = features[~torch.from_numpy(pool.labeled)]
        lengths = (points**2).sum(dim=1)
        centers = features[torch.from_numpy(pool.labeled)]
        nearest = torch.cat(
            [torch.cdist(part, centers).min(dim=1).values ** 2 for part in points.split(4096)]
        )
        picks = []
        for _ in range(BUDGET):
            pick = int(nearest.argmax())
            picks.append(pick)
            nearest = torch.minimum(nearest, lengths + lengths[pick] - 2 * (points @ points[pick]))
        return pool.unlabeled_rows[picks]

    picks, numbers = timed(select)
    return numbers | {"radius": radius(pool, picks)}


def badge_explicit(arguments: argparse.Namespace) -> Numbers:
    """The usual k-means++: every gradient embedding written out, all distances updated at each pick."""
    torch.set_num_threads(1)
    pool = load_pool(arguments.folder)

    loop_start: list[float] = []

    def select() -> NDArray[np.int64]:
        rows = pool.unlabeled_rows
        errors = torch.from_numpy(pool.probabilities[rows]).float()
        errors[torch.arange(len(rows)), errors.argmax(dim=1)] -= 1
        features = torch.from_numpy(pool.features[rows])
        gradients = (errors[:, :, None] * features[:, None, :]).flatten(1)
        lengths = (gradients**2).sum(dim=1)
        generator = torch.Generator().manual_seed(0)
        picks = [int(lengths.argmax())]
        nearest = torch.full_like(lengths, torch.inf)
        loop_start.append(time.process_time())
        while len(picks) < EXPLICIT_PICKS:
            distances = lengths + lengths[picks[-1]] - 2 * (gradients @ gradients[picks[-1]])
            nearest = torch.minimum(nearest, distances.clamp_min(0))
            nearest[picks] = 0
            picks.append(int(torch.multinomial(nearest, 1, generator=generator)))
        return rows[picks]

    _, numbers = timed(select)
    untimed = (time.process_time() - loop_start[0]) * (BUDGET / EXPLICIT_PICKS - 1)
    return {**numbers, "seconds": numbers["seconds"] + untimed, "timed picks": EXPLICIT_PICKS}
