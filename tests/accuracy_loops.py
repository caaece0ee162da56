"""Active-learning loops on made-up features whose truth is known, to see how often the accuracy's interval is right."""

import numpy as np
import torch

from dalbt_ray.data.embedding.embedded_set import Form
from dalbt_ray.query.accuracy_estimate import estimates
from dalbt_ray.query.choosing import Wish, choose
from dalbt_ray.query.known_images import KnownImages, answered
from dalbt_ray.query.replies import NOT_OURS, Reply
from dalbt_ray.query.trained_head import train_head
from dalbt_ray.strategies import get_strategy

CLASSES = ("a", "b", "c")


def blobs(rng: np.random.Generator, n: int) -> tuple[KnownImages, list[str]]:
    """Three overlapping classes, and some images that are none of them; with the truth of each."""
    truth = rng.integers(0, 4, n) - rng.integers(0, 2, n)
    truth = np.where(truth < 0, 3, truth)
    centers = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, -1]]) * 1.6
    features = (centers[truth] + rng.normal(size=(n, 3))).astype(np.float32)
    ids = tuple(f"{row:016d}" for row in range(n))
    images = KnownImages(ids, features, ids, {}, (), Form(torch.zeros(3), torch.eye(3)))
    return images, [(*CLASSES, NOT_OURS)[each] for each in truth]


def interval_covers(seed: int) -> bool:
    """Whether the interval after two batches holds the truth, though margin sampling takes away what is hard.

    The truth is the accuracy, among images of a class, of the head that chose the second batch, on everything that had
    not been asked before.
    """
    images, truth = blobs(np.random.default_rng(seed), 300)
    batches: list[dict[str, object]] = []
    asked: list[list[str]] = []
    replies: list[Reply] = []
    accuracy = 0.0
    for number in (1, 2):
        answers = answered(images, CLASSES, replies, asked)
        head = train_head(images.features, answers)
        picks = choose(
            images, answers, head, Wish(get_strategy("margin"), 40, 0.5, 2.0, 1000 * seed + number)
        ).picks
        if head is not None:
            best = head.among_classes(head.probabilities(images.features)).argmax(axis=1)
            own = [row for row in np.flatnonzero(~answers.asked) if truth[row] != NOT_OURS]
            accuracy = float(np.mean([head.classes[best[row]] == truth[row] for row in own]))
        asked.append([images.ids[pick.row] for pick in picks])
        batches.append({
            "number": number, "labels": int(answers.labeled.sum()), "ids": asked[-1],
            "random": [images.ids[pick.row] for pick in picks if pick.explored],
            "predicted": {images.ids[pick.row]: pick.predicted for pick in picks if pick.predicted},
        })  # fmt: skip
        replies += [Reply(images.ids[pick.row], truth[pick.row], "test") for pick in picks]
    low, high = estimates(batches, replies)[-1].interval
    return low <= accuracy <= high
