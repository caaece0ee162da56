"""One seed tree: every random draw of a trial derives from (seed, round, purpose).

No generator state is ever stored, so a resumed round draws exactly what the interrupted one would have drawn.
"""

from typing import Literal
from zlib import crc32

import numpy as np
import torch

Purpose = Literal[
    "splits",  # which images are initial set, validation and OOD
    "known_classes",  # which classes are to be learned
    "network",  # initial weights
    "pretraining",  # order of the pool, views and the projector before the first label
    "batches",  # order of the training images
    "unlabeled_batches",  # order of the unlabeled images, where a loss reads them
    "augmentation",  # of the images of the supervised forward
    "views",  # augmentation parameters of views
    "dropout",  # masks while training
    "dropout_samples",  # masks while scoring
    "auxiliary",  # a strategy's own networks
    "selection",  # the strategy's choice
]


def _sequence(seed: int, round_index: int, purpose: Purpose, member: int) -> np.random.SeedSequence:
    # crc32 keeps a purpose's stream when purposes are added or reordered; `hash` would change with each process.
    return np.random.SeedSequence([seed, round_index, crc32(purpose.encode()), member])


def generator(seed: int, round_index: int, purpose: Purpose, member: int = 0) -> np.random.Generator:
    """NumPy generator of one purpose; `member` tells the networks of an ensemble apart."""
    return np.random.Generator(np.random.PCG64(_sequence(seed, round_index, purpose, member)))


def torch_generator(
    seed: int,
    round_index: int,
    purpose: Purpose,
    member: int = 0,
    device: torch.device | str = "cpu",
) -> torch.Generator:
    """Torch generator of one purpose, on `device`. Streams differ between device types."""
    state = _sequence(seed, round_index, purpose, member).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(state) & (2**63 - 1))
