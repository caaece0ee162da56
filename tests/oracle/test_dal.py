"""Discriminative active learning on two clusters, one of which nobody has labeled."""

import numpy as np
import torch

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dal import DAL


def two_clusters(n: int = 400, *, scale: float = 1.0) -> PoolView:
    """Rows 0 .. n/4 are a far cluster without a label; of the others every third is labeled."""
    features = np.random.default_rng(0).normal(size=(n, 6))
    features[: n // 4] += 4.0
    labeled = np.zeros(n, bool)
    labeled[n // 4 :: 3] = True
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, 0, -1),
        probabilities=np.full((n, 2), 0.5),
        features=features * scale,
    )


def test_buys_from_the_cluster_that_has_no_label() -> None:
    """A quarter of the pool is far from every label: a first sub-batch comes from it alone."""
    picks = DAL(sub_batches=1).select(two_clusters(), 30, np.random.default_rng(1))
    assert (picks < 100).all()


def test_what_was_bought_counts_as_labeled() -> None:
    """With sub-batches the far cluster is left once it is covered; one batch alone takes it whole."""
    pool = two_clusters()
    once = DAL(sub_batches=1).select(pool, 100, np.random.default_rng(2))
    stepwise = DAL(sub_batches=10).select(pool, 100, np.random.default_rng(2))
    assert (once < 100).sum() > (stepwise < 100).sum() + 10


def test_the_unit_of_the_features_does_not_matter() -> None:
    """Multiplying all features by a power of two leaves the picks as they are: features are standardized."""
    small = DAL(sub_batches=2).select(two_clusters(), 20, np.random.default_rng(3))
    large = DAL(sub_batches=2).select(two_clusters(scale=1024.0), 20, np.random.default_rng(3))
    assert small.tolist() == large.tolist()


def test_torch_s_global_generator_is_neither_read_nor_moved() -> None:
    """The passed generator is the only source of randomness."""
    before = torch.get_rng_state()
    first = DAL(sub_batches=2).select(two_clusters(), 10, np.random.default_rng(4))
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    again = DAL(sub_batches=2).select(two_clusters(), 10, np.random.default_rng(4))
    assert first.tolist() == again.tolist()
