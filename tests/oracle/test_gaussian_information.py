"""Large BatchBALD queries: against the full greedy over dense determinants, and on masks that chose nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.batch_bald import BatchBALD
from dalbt_ray.strategies.dbal import DBAL
from dalbt_ray.strategies.gaussian_information import factors, greedy_gaussian
from dalbt_ray.strategies.information import mutual_information
from tests.oracle.joint_information import (
    gaussian_information,
    joint_mutual_information,
    sampled_joint_information,
)
from tests.oracle.test_batch_bald import pool_of, random_passes


def random_network(seed: int, images: int, masks: int, repeats: int) -> NDArray[np.float64]:
    """Passes of a linear softmax network with normal weights on `images` inputs, `repeats` near-copies of each.

    Inputs differ in length, so that BALD scores do, and the best ones come in near-copies.
    """
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(images, 12)) * rng.uniform(0.2, 1.5, size=(images, 1))
    inputs = np.repeat(inputs, repeats, axis=0)
    inputs += 0.02 * rng.normal(size=inputs.shape)
    logits = np.einsum("nd,tdc->ntc", inputs, rng.normal(size=(masks, 12, 5)))
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    return weights / weights.sum(axis=2, keepdims=True)


@pytest.mark.parametrize("seed", range(4))
def test_picks_equal_the_full_greedy_over_dense_determinants(seed: int) -> None:
    """The lazy greedy with a t x t inverse picks what trying every image with a (b c) x (b c) determinant picks."""
    passes = random_passes(seed, n=25, t=30, c=4)
    picked: list[int] = []
    while len(picked) < 12:
        values = {i: gaussian_information(passes[[*picked, i]]) for i in range(25) if i not in picked}
        picked.append(max(values, key=lambda row: values[row]))
    ours = greedy_gaussian(passes, mutual_information(passes), np.arange(25), 12)
    assert ours.tolist() == picked


def test_one_image_alone_has_its_bald_score() -> None:
    """1/2 log det(I + F'F) is the mutual information, to float32; where all passes agree it is zero."""
    passes = random_passes(3, n=50, t=40, c=6)
    passes[7] = passes[7, :1]
    information = mutual_information(passes)
    matrices = factors(passes, information).astype(np.float64)
    alone = [0.5 * np.linalg.slogdet(np.eye(6) + each.T @ each)[1] for each in matrices]
    np.testing.assert_allclose(alone, information, rtol=1e-4, atol=1e-6)


def test_pairs_are_close_to_their_exact_information() -> None:
    """On a random network with weak inputs, where second order is enough: within 3 % of the enumeration."""
    passes = random_network(0, images=6, masks=4_000, repeats=1) ** 0.3
    passes /= passes.sum(axis=2, keepdims=True)
    for pair in ([0, 1], [2, 3], [4, 5]):
        assert gaussian_information(passes[pair]) == pytest.approx(
            joint_mutual_information(passes[pair]), rel=0.03
        )


def test_sampling_agrees_with_enumeration_and_saturates() -> None:
    """Two independent routes to the joint information, and the bound log t that a large batch reaches."""
    rng = np.random.default_rng(0)
    passes = random_passes(1, n=5, t=8, c=3)
    mean, error = sampled_joint_information(passes, 4_000, rng)
    assert abs(mean - joint_mutual_information(passes)) < 4 * error
    many, _ = sampled_joint_information(random_passes(2, n=200, t=8, c=3), 100, rng)
    assert many == pytest.approx(np.log(8), abs=1e-6)


@pytest.mark.parametrize("budget", [20, 60])
@pytest.mark.parametrize("seed", range(3))
def test_more_information_under_masks_that_chose_nothing(seed: int, budget: int) -> None:
    """By the dense determinant on fresh masks: above BALD, PowerBALD and random, by a tenth where copies abound."""
    passes = random_network(seed, images=120, masks=1_000, repeats=4)
    chosen_by, held_out = passes[:, :200], passes[:, 200:]
    pool, rng = pool_of(chosen_by), np.random.default_rng(seed)
    scores = DBAL().ranking(pool)
    rivals = {
        "bald": np.argsort(-scores)[:budget],
        "power_bald": np.argsort(-(np.log(np.maximum(scores, 1e-12)) + rng.gumbel(size=len(scores))))[
            :budget
        ],
        "random": rng.permutation(len(scores))[:budget],
    }
    ours = gaussian_information(held_out[BatchBALD().select(pool, budget, rng)])
    for name, picks in rivals.items():
        assert ours > 1.1 * gaussian_information(held_out[picks]), name


def test_one_more_than_the_joint_law_takes_still_starts_with_bald() -> None:
    """The first pick above `joint_size` is BALD's, rows are distinct, and ties do not follow the order of rows."""
    pool = pool_of(random_passes(8, n=60, t=20, c=3))
    picks = BatchBALD(joint_size=4).select(pool, 22, np.random.default_rng(0))
    assert picks[0] == DBAL().ranking(pool).argmax()
    assert len(set(picks.tolist())) == 22
    same = PoolView(
        labeled=np.zeros(40, bool),
        labels=np.full(40, -1),
        probabilities=np.full((40, 3), 1 / 3),
        features=np.zeros((40, 2)),
        mc_probabilities=np.full((40, 5, 3), 1 / 3),
    )
    firsts = {int(BatchBALD().select(same, 20, np.random.default_rng(seed))[0]) for seed in range(30)}
    assert len(firsts) > 10
