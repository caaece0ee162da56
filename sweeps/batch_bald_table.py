"""Does BatchBALD need as few MNIST labels here as in its paper? Kirsch et al. 2019, table 1, by its own setting.

    python sweeps/batch_bald_table.py --data-root DIR
    python sweeps/batch_bald_table.py table results/batch_bald_table

The authors' 20 initial images (two of each class) for all six seeds, 10 acquired in each of 28 rounds, 100 dropout
passes over all 58,956 images, their network and its early stopping. For a GPU: a round of BatchBALD takes many minutes
of a CPU core. The second command prints labels to 90 % and to 95 % beside those of the paper's six seeds; it takes
several folders too, of seeds that ran side by side on one GPU (`--seeds 0 --results DIR0 --in-process`, ...).
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import ClassVar

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from dalbt_ray import (
    Backbone,
    ConsistentDropout,
    Encoder,
    InputError,
    NetworkSettings,
    SplitSettings,
    Supervised,
    Training,
    Trial,
    get_strategy,
    load_results,
    sweep,
    with_seeds,
)

INITIAL = (
    38043, 40091, 17418, 2094, 39879, 3133, 5011, 40683, 54379, 24287,
    9849, 59305, 39508, 39356, 8758, 52579, 13655, 7636, 21562, 41329,
)  # fmt: skip
"""Ids in MNIST's official training split, the same in all published logs of this setting."""

DROPOUT, PASSES, BATCH, ROUNDS = 0.5, 100, 10, 28

PUBLISHED: dict[tuple[str, float], tuple[float, ...]] = {
    ("batch_bald", 0.90): (80, 80, 100, 110, 120, 120),
    ("batch_bald", 0.95): (180, 200, 210, 240, 240, 260),
    ("dbal", 0.90): (130, 130, 130, 180, 180, 200),
    ("dbal", 0.95): (250, 260, 260, inf, inf, inf),
}
"""Labels with which each of their six seeds was trained when it first reached an accuracy, from their logs; inf: not by
300. The paper's quartiles are those of these numbers minus 10. It has no random in this table."""

DEVIATIONS = (
    "test accuracy is measured without dropout; theirs is of the mean of 100 dropout passes",
    "at most 10,000 sampled label configurations, stratified; theirs up to 40,000, independent",
    "other random numbers: initial weights, validation images, masks, ties",
)


@dataclass(frozen=True, kw_only=True)
class BayesianCnn(Encoder):
    """Two 5x5 convolutions of 32 and 64 channels, each pooled, and 128 hidden units, with dropout after each layer.

    Whole channels are dropped after a convolution. A mask of channels commutes with pooling and ReLU, so it comes after
    them here, where there is less to multiply and the passes share what lies before.
    """

    name: ClassVar[str] = "bayesian_cnn"
    drops_out_inside: ClassVar[bool] = True
    smallest_side: ClassVar[int] = 28
    latent_dim: int = 0

    def prepared(self, images: Tensor) -> Tensor:
        """Pixels by MNIST's mean and standard deviation."""
        return (images - 0.1307) / 0.3081

    def build(self, image_shape: tuple[int, int, int], dropout: float) -> Backbone:
        """See the class."""
        if image_shape != (28, 28, 1):
            raise InputError("image_shape", image_shape, "is not MNIST's 28x28 gray")
        return BayesianCnnLayers(dropout)


class BayesianCnnLayers(Backbone):
    """The layers of `BayesianCnn`."""

    features = 128

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.convolution_1 = nn.Conv2d(1, 32, 5)
        self.dropout_1 = ConsistentDropout(dropout, (32, 1, 1))
        self.convolution_2 = nn.Conv2d(32, 64, 5)
        self.dropout_2 = ConsistentDropout(dropout, (64, 1, 1))
        self.hidden = nn.Linear(1024, 128)
        self.dropout_3 = ConsistentDropout(dropout, (128,))

    def forward(self, x: Tensor) -> Tensor:
        """float[b, 1, 28, 28] to float[b, 128]."""
        return self.finish(self.stem(x))

    def stem(self, x: Tensor) -> Tensor:
        """What all passes share: float[b, 32, 12, 12]."""
        return torch.relu(max_pool2d(self.convolution_1(x), 2))

    def finish(self, x: Tensor) -> Tensor:
        """What `stem` gave, to float[b, 128]."""
        x = torch.relu(max_pool2d(self.convolution_2(self.dropout_1(x)), 2))
        hidden: Tensor = torch.relu(self.hidden(self.dropout_2(x).flatten(1)))
        dropped: Tensor = self.dropout_3(hidden)
        return dropped


def batch_bald_table() -> list[Trial]:
    """BatchBALD, BALD and random, six seeds each, with one network and recipe."""
    setting = Trial(
        dataset="mnist",
        objective=Supervised(),
        budget=BATCH,
        rounds=ROUNDS,
        splits=SplitSettings(
            train_limit=None, initial_size=len(INITIAL), initial_ids=INITIAL, validation_size=1_024
        ),
        encoder=BayesianCnn(),
        network=NetworkSettings(dropout=DROPOUT),
        training=Training(
            batch_size=64,
            weight_decay=0.0,
            epochs=30,
            epoch_images=5_056,
            model_selection="best_validation",
            patience=3,
        ),
    )
    strategies = [
        get_strategy("batch_bald", dropout=DROPOUT, samples=PASSES, joint_size=BATCH),
        get_strategy("dbal", dropout=DROPOUT, samples=PASSES),
        get_strategy("random"),
    ]
    return with_seeds([replace(setting, strategy=strategy) for strategy in strategies], range(6))


def labels_to(rounds: pd.DataFrame, strategy: str, accuracy: float) -> list[float]:
    """Labels with which each seed first had a test accuracy, sorted; inf where it never did."""
    own = rounds[rounds["strategy"] == strategy]
    reached = own[own["test_accuracy"] >= accuracy].groupby("seed")["n_labeled"].min()
    return sorted(float(reached.get(seed, inf)) for seed in own["seed"].unique())


def quartiles(values: Sequence[float]) -> str:
    """`80/100/120`: the nearest ranks, which give the paper's numbers from its logs."""
    ranked = sorted(values)
    picked = (ranked[round(share * (len(ranked) - 1))] for share in (0.25, 0.5, 0.75))
    return "/".join("never" if value == inf else f"{value:.0f}" for value in picked)


def table(folders: Sequence[str]) -> str:
    """The comparison as text, of the trials in all results folders."""
    rounds = pd.concat([load_results(folder, include_running=True).rounds for folder in folders])
    lines = [
        f"labels to an accuracy, quartiles over seeds ('never': not by {rounds['n_labeled'].max()} labels)"
    ]
    for strategy in rounds["strategy"].unique():
        for accuracy in (0.90, 0.95):
            here = labels_to(rounds, strategy, accuracy)
            there = PUBLISHED.get((strategy, accuracy))
            lines.append(
                f"{strategy:11} {accuracy:.0%}  here {quartiles(here):14} ({len(here)} seeds: {_listed(here)})  "
                f"published {quartiles(there) + f' ({_listed(there)})' if there else 'not'}"
            )
    return "\n".join([*lines, *(f"deviation: {each}" for each in DEVIATIONS)])


def _listed(values: Sequence[float]) -> str:
    return " ".join("never" if value == inf else f"{value:.0f}" for value in values)


if __name__ == "__main__":
    if sys.argv[1:2] == ["table"] and len(sys.argv) > 2:
        print(table(sys.argv[2:]))
        sys.exit()
    sys.exit(sweep({"batch_bald_table": batch_bald_table}, __doc__))
