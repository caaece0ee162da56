"""The pools that every side selects from: real images under a trained LeNet, and drawn heaps with OOD images."""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.models.dropout import draw_dropout_masks, set_dropout_generator
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.geometry import row_blocks
from dalbt_ray.trial.scoring import Scores, score_batch
from on_selection.measuring import Numbers

POOL, LABELED, TRAINED_ON, BUDGET = 45_000, 1_000, 5_000, 2_500
WIDTH, PASSES, STEPS = 512, 20, 600
OPEN_POOL, OPEN_WIDTH = 50_000, 1_280


def build_pool(arguments: argparse.Namespace) -> Numbers:
    """Train the network, score all images and write the arrays of the pool to the folder."""
    torch.set_num_threads(1)
    image_set = load_image_set(
        "fashion_mnist" if arguments.data_root else "fashion_mini", data_root=arguments.data_root
    )
    images, labels = enough_images(image_set.images.take(np.arange(len(image_set.labels))), image_set.labels)
    generator = torch.Generator().manual_seed(0)
    network = build_network(
        LeNet(latent_dim=WIDTH), NetworkSettings(dropout=0.25), image_set.images.shape, 10, generator
    )
    set_dropout_generator(network, generator)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    pixels = torch.tensor(images[:TRAINED_ON]).permute(0, 3, 1, 2).float() / 255
    targets = torch.tensor(labels[:TRAINED_ON]).long()
    for _ in range(STEPS):
        batch = torch.randint(TRAINED_ON, (64,), generator=generator)
        loss = torch.nn.functional.cross_entropy(network(pixels[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    masks = draw_dropout_masks(network, PASSES, generator)
    parts = (score_batch([network], images[rows], masks=masks) for rows in row_blocks(len(images)))
    scores = Scores.joined(parts, len(images))
    for name, values in vars(scores).items():
        if values is not None:
            np.save(arguments.folder / f"{name}.npy", values)
    np.save(arguments.folder / "labels.npy", labels)
    right = scores.probabilities.argmax(axis=1) == labels
    return {"accuracy on the pool": float(right[TRAINED_ON:].mean())}


def enough_images(
    images: NDArray[np.uint8], labels: NDArray[np.integer]
) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    """The images and, until there are enough, shifted (up to 3 pixels) and mirrored copies, shuffled."""
    rng = np.random.default_rng(0)
    sources = np.arange(POOL + LABELED) % len(images)
    result = images[sources]
    for row in range(len(images), len(result)):
        shifted = np.roll(result[row], tuple(rng.integers(-3, 4, size=2)), axis=(0, 1))
        result[row] = shifted[:, ::-1] if rng.random() < 0.5 else shifted
    order = rng.permutation(len(result))
    return result[order], labels[sources][order]


def load_pool(folder: Path) -> PoolView:
    """The pool as strategies see it; the first rows are labeled."""
    arrays = {path.stem: np.load(path) for path in folder.glob("*.npy")}
    labels = arrays.pop("labels")
    labeled = np.arange(len(labels)) < LABELED
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, labels, -1),
        member_probabilities=arrays["mc_probabilities"][:, :5].copy(),
        auxiliary=np.random.default_rng(0).random(len(labels)),
        validation_features=arrays["features"][LABELED:TRAINED_ON],
        validation_probabilities=arrays["probabilities"][LABELED:TRAINED_ON],
        validation_labels=labels[LABELED:TRAINED_ON],
        **arrays,
    )


def open_pool() -> PoolView:
    """The pool of the open-set methods, drawn from one seed."""
    rng = np.random.default_rng(0)
    heap = rng.integers(16, size=OPEN_POOL)
    features = rng.standard_normal((OPEN_POOL, OPEN_WIDTH), dtype=np.float32)
    centers = 0.3 * rng.standard_normal((16, OPEN_WIDTH), dtype=np.float32)
    for rows in row_blocks(OPEN_POOL):  # a copy would hide what a selection takes
        features[rows] += centers[heap[rows]]
    order = rng.permutation(OPEN_POOL)
    labeled, outliers = np.zeros((2, OPEN_POOL), bool)
    labeled[order[heap[order] < 10][:1_000]] = True
    outliers[order[heap[order] >= 10][:500]] = True
    bought = np.where(labeled | outliers, 0, -1)
    bought[order[heap[order] < 10][:500]] = -1  # the initial set
    logits = rng.normal(size=(OPEN_POOL, 10)) + 3.0 * (heap[:, None] == np.arange(10))
    weights = np.exp(logits)
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, heap, -1),
        probabilities=weights / weights.sum(axis=1, keepdims=True),
        features=features,
        removed=outliers,
        outliers=outliers,
        outlier_probability=rng.random(OPEN_POOL),
        bought=bought,
    )
