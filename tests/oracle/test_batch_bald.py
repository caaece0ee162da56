"""BatchBALD: brute force over label configurations, batchbald_redux, and the laws of mutual information."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from dalbt_ray.strategies.batch_bald import BatchBALD, Joint, greedy
from dalbt_ray.strategies.dbal import DBAL
from dalbt_ray.strategies.information import pass_entropies
from tests.oracle.joint_information import joint_mutual_information
from tests.oracle.pool_of_passes import pool_of


def random_passes(seed: int, n: int, t: int, c: int, concentration: float = 0.4) -> np.ndarray:
    """Softmax-like passes, float64[n, t, c]."""
    return np.random.default_rng(seed).dirichlet(np.full(c, concentration), size=(n, t))


def brute_force_greedy(passes: np.ndarray, budget: int) -> tuple[list[int], list[float]]:
    """Full greedy over `joint_mutual_information`: picks, and the information after each."""
    picked: list[int] = []
    totals: list[float] = []
    for _ in range(budget):
        rest = [i for i in range(len(passes)) if i not in picked]
        values = [joint_mutual_information(passes[[*picked, i]]) for i in rest]
        picked.append(rest[int(np.argmax(values))])
        totals.append(max(values))
    return picked, totals


@pytest.mark.parametrize("seed", range(5))
def test_exact_phase_equals_brute_force(seed: int) -> None:
    """Picks and total information of the lazy greedy equal the full greedy over all label configurations."""
    passes = random_passes(seed, n=9, t=6, c=3)
    picks, gains = greedy(passes, 4, configurations=10_000, rng=np.random.default_rng(0))
    expected_picks, expected_totals = brute_force_greedy(passes, 4)
    assert picks.tolist() == expected_picks
    np.testing.assert_allclose(np.cumsum(gains), expected_totals, atol=1e-5)


def test_first_pick_is_bald() -> None:
    """A budget of one acquires what BALD acquires."""
    pool = pool_of(random_passes(11, n=300, t=20, c=10))
    rng = np.random.default_rng
    assert BatchBALD().select(pool, 1, rng(0)).tolist() == DBAL().select(pool, 1, rng(0)).tolist()


def test_a_duplicate_is_not_bought_while_another_image_tells_more() -> None:
    """BALD acquires both copies of the best image; BatchBALD acquires the copy last."""
    # Masks 0..3: images 0 and 1 tell {0,1} from {2,3}, image 2 tells even from odd, less sharply.
    halves = np.array([[0.99, 0.01], [0.99, 0.01], [0.01, 0.99], [0.01, 0.99]])
    parity = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
    pool = pool_of(np.stack([halves, halves, parity]))
    assert set(DBAL().select(pool, 2, np.random.default_rng(0)).tolist()) == {0, 1}
    assert BatchBALD().select(pool, 2, np.random.default_rng(0))[1] == 2


def test_sampled_phase_is_close_to_brute_force() -> None:
    """With fewer configurations kept than there are, a gain is estimated within 0.02 nats."""
    passes = random_passes(5, n=7, t=10, c=4, concentration=1.0)
    rng = np.random.default_rng(0)
    joint = Joint.empty(10)
    for image in torch.from_numpy(passes[:6]).float():
        joint = joint.add(image, 1_000, rng)
    assert len(joint.weights) <= 1_000
    estimate = joint.gains(torch.from_numpy(passes[6:]).float(), torch.as_tensor(pass_entropies(passes[6:])))
    exact = joint_mutual_information(passes) - joint_mutual_information(passes[:6])
    assert abs(float(estimate) - exact) < 0.02


def test_information_never_exceeds_what_the_masks_can_tell() -> None:
    """Gains fall from pick to pick and add up to at most log t."""
    passes = random_passes(6, n=60, t=8, c=5)
    _, gains = greedy(passes, 8, configurations=200_000, rng=np.random.default_rng(0))
    assert all(later <= earlier + 1e-5 for earlier, later in pairwise(gains))
    assert sum(gains) <= np.log(8) + 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_sampled_gains_vanish_once_the_masks_are_told_apart(seed: int) -> None:
    """Far beyond the exact phase, 25 picks still add up to log t: what is gained is not sampling error."""
    passes = random_passes(seed, n=300, t=8, c=5, concentration=0.3)
    _, gains = greedy(passes, 25, configurations=2_000, rng=np.random.default_rng(seed))
    assert sum(gains) == pytest.approx(np.log(8), abs=0.03)
    assert gains[-1] < 1e-3


def test_one_hot_passes_have_no_nan() -> None:
    """Exact zeros in the softmax leave finite gains and a full query."""
    rng = np.random.default_rng(7)
    passes = np.eye(4)[rng.integers(4, size=(40, 5))]
    picks, gains = greedy(passes, 10, configurations=50, rng=rng)
    assert len(set(picks.tolist())) == 10
    assert np.isfinite(gains).all()


def test_picks_and_scores_of_batchbald_redux() -> None:
    """In its exact phase the authors' package picks the same images with the same joint scores."""
    redux = pytest.importorskip("batchbald_redux.batchbald")
    passes = random_passes(9, n=80, t=12, c=5)
    expected = redux.get_batchbald_batch(
        torch.log(torch.from_numpy(passes)), 5, num_samples=100_000, dtype=torch.double
    )
    picks, gains = greedy(passes, 5, configurations=100_000, rng=np.random.default_rng(0))
    assert picks.tolist() == expected.indices
    np.testing.assert_allclose(np.cumsum(gains), expected.scores, atol=1e-5)
