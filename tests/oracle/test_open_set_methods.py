"""EOAL, EAOA and E2OAL against their rules written out image by image, and what their adaptation goes by."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist, jensenshannon
from scipy.special import expit, logsumexp, softmax
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.e2oal import E2oal, informativeness
from dalbt_ray.strategies.eaoa import Eaoa, ambiguity, energy, neighbor_counts
from dalbt_ray.strategies.eoal import Eoal, closed_entropy, known_probabilities
from dalbt_ray.strategies.group_turns import equal_shares
from dalbt_ray.strategies.mixture import membership
from dalbt_ray.strategies.outlier_head import Shown, outlier_logits
from dalbt_ray.strategies.past_queries import purities
from tests.oracle.test_k_plus_one import open_pool

CLASSES = 4


def standard(pool: PoolView) -> np.ndarray:
    """Features about their mean, in units of their root mean square."""
    features = pool.features - pool.features.mean(axis=0)
    return np.asarray(features / np.sqrt((features**2).sum(axis=1).mean()))


def separate(seed: int, n: int = 120) -> tuple[PoolView, np.ndarray]:
    """Four classes and two heaps of OOD images, far from each other; a third of all has been answered."""
    rng = np.random.default_rng(seed)
    heap = rng.permutation(n) % 6
    features = 10 * np.eye(6)[heap] + 0.5 * rng.normal(size=(n, 6))
    answered = rng.random(n) < 1 / 3
    labeled, outliers = answered & (heap < CLASSES), answered & (heap >= CLASSES)
    sure = np.where(heap[:, None] == np.arange(CLASSES), 8.0, 0.0)
    pool = PoolView(
        labeled=labeled, labels=np.where(labeled, heap, -1),
        probabilities=softmax(sure + rng.normal(size=sure.shape), axis=1),
        features=features, removed=outliers, outliers=outliers, bought=np.where(answered, 0, -1),
    )  # fmt: skip
    return pool, heap >= CLASSES


@pytest.mark.parametrize(
    "method", [Eoal(), Eaoa(target=0.9, step=0.0, start=1.0), E2oal(target=1.0)], ids=repr
)
@pytest.mark.parametrize("seed", range(3))
def test_separate_ood_heaps_are_avoided_and_recognized(method: Eoal | Eaoa | E2oal, seed: int) -> None:
    """Positive control: where OOD images lie apart and some were bought, nearly none more is; the detector knows."""
    pool, is_ood = separate(seed)
    picks = method.select(pool, 30, np.random.default_rng(0))
    assert is_ood[picks].mean() <= 0.1
    rows = pool.unlabeled_rows
    score = method.outlier_score(pool)
    assert score[rows][is_ood[rows]].min() > np.quantile(score[rows][~is_ood[rows]], 0.95)


def test_one_vs_all_heads_are_logistic_regressions() -> None:
    """Each is scikit-learn's, with the bias penalized as a weight on a constant."""
    pool = open_pool(0, n=60)
    features = np.column_stack([standard(pool), np.ones(60)])
    rows = np.flatnonzero(pool.labeled | pool.outliers)  # type: ignore[operator]
    known = known_probabilities(pool, Shown.of(pool), 0.1)
    for label in range(CLASSES):
        # Two logits w0 and w1 with penalty 0.1 / 2 each are one logit w1 - w0 with penalty 0.1 / 4.
        head = LogisticRegression(C=1 / 0.05, fit_intercept=False, tol=1e-10, max_iter=10_000)
        head.fit(features[rows], pool.labels[rows] == label)
        np.testing.assert_allclose(known[:, label], expit(features @ head.coef_[0]), atol=1e-5)


def test_eoals_entropies_image_by_image() -> None:
    """Bits of each head, averaged; nats of the softmax over negative distances, over the log of the clusters."""
    known = np.random.default_rng(0).random((30, CLASSES))
    expected = [np.mean([entropy([p, 1 - p], base=2) for p in row]) for row in known]
    np.testing.assert_allclose(closed_entropy(known), expected, rtol=1e-12)
    pool = open_pool(1)
    outliers = np.flatnonzero(pool.outliers)  # type: ignore[arg-type]
    features = standard(pool)
    # As many clusters as OOD images: every one of them is a center.
    found = Eoal(clusters=len(outliers))._distance_entropy(pool, Shown.of(pool), np.random.default_rng(0))
    for row in range(len(features)):
        p = softmax(-cdist(features[row : row + 1], features[outliers])[0])
        assert found[row] == pytest.approx(entropy(p) / np.log(len(outliers)), abs=1e-6)


def test_energies_and_ambiguity_by_their_formulas() -> None:
    """On logits: a count of a thousand stays finite, where the authors' code overflows."""
    rng = np.random.default_rng(2)
    known, outlier = rng.normal(size=(20, 3)), rng.normal(size=20)
    expected = [-logsumexp(row) + np.log1p(np.exp(value)) for row, value in zip(known, outlier, strict=True)]
    np.testing.assert_allclose(energy(known, outlier), expected, rtol=1e-12)
    assert energy(np.zeros((1, 1)), np.array([1e3]))[0] == 1e3
    logits = rng.normal(size=(20, CLASSES))
    wanted = [logsumexp(np.sort(row)[:-1]) - logsumexp(row) for row in logits]
    pool = replace(open_pool(0, n=20), probabilities=softmax(logits, axis=1))
    np.testing.assert_allclose(ambiguity(pool), wanted, rtol=1e-9)


def test_reverse_neighbors_are_counted_by_answer() -> None:
    """By loops over all pairs: who is among the five nearest of whom, every answer weighing the same in all."""
    pool = open_pool(4, n=50)
    features, rows = standard(pool), pool.unlabeled_rows
    answered = np.flatnonzero(pool.labeled | pool.outliers)  # type: ignore[operator]
    answers = [CLASSES if pool.outliers[row] else int(pool.labels[row]) for row in answered]  # type: ignore[index]
    sizes = Counter(answers)
    mean = np.mean(list(sizes.values()))
    expected = np.zeros((len(rows), CLASSES + 1))
    for row, answer in zip(answered, answers, strict=True):
        distances = [np.linalg.norm(features[row] - features[other]) for other in rows]
        for place in np.argsort(distances)[:5]:
            expected[place, answer] += mean / sizes[answer]
    np.testing.assert_allclose(neighbor_counts(pool, Shown.of(pool), rows, 5), expected, rtol=1e-9)


def test_eaoa_class_by_class() -> None:
    """Of each predicted class the images likeliest ours, of these the most ambiguous, in turns."""
    pool = open_pool(5, n=200)
    method, rows, budget = Eaoa(neighbors=10, start=2.0, step=0.0), pool.unlabeled_rows, 8
    logits = outlier_logits(pool, Shown.of(pool), 0.1)[rows]
    counts = neighbor_counts(pool, Shown.of(pool), rows, 10)
    ours = membership(-energy(logits[:, :-1], logits[:, -1])) * membership(
        -energy(counts[:, :-1], counts[:, -1])
    )
    allowed = set()
    for label in range(CLASSES):
        members = [i for i in range(len(rows)) if pool.predicted[rows[i]] == label]
        offered = sorted(members, key=lambda i: -ours[i])[:4]  # 2 x 8 / 4
        allowed |= {int(rows[i]) for i in sorted(offered, key=lambda i: -ambiguity(pool)[rows[i]])[:2]}
    assert set(method.select(pool, budget, np.random.default_rng(0)).tolist()) == allowed


def test_informativeness_is_a_product_of_two_divergences() -> None:
    """The Jensen-Shannon distances of scipy, squared."""
    p = np.random.default_rng(3).dirichlet(np.ones(CLASSES), 25)
    expected = [
        jensenshannon(row, np.full(CLASSES, 0.25)) ** 2
        * jensenshannon(row, np.eye(CLASSES)[row.argmax()]) ** 2
        for row in p
    ]
    np.testing.assert_allclose(informativeness(p), expected, rtol=1e-9)


def test_a_query_is_as_pure_as_aimed_at() -> None:
    """E2OAL takes the most informative of so many images that their mean chance of being ours is the target."""
    pool = open_pool(6, n=200)
    rows, rng = pool.unlabeled_rows, np.random.default_rng(0)
    method = E2oal(target=0.7, correction=0.0, clusters=1)  # one cluster: no draw decides
    purity = -method.outlier_score(pool)[rows]
    chance = membership(purity, 3)
    order = sorted(range(len(rows)), key=lambda i: -purity[i])
    count = max(k for k in range(1, len(rows) + 1) if np.mean(chance[order[:k]]) >= 0.7)
    picks = method.select(pool, 12, rng)
    assert set(picks) <= set(rows[order[: max(count, 12)]])
    best = max(informativeness(pool.probabilities[rows[order[: max(count, 12)]]]))
    assert informativeness(pool.probabilities[picks]).max() == best


def test_purities_are_those_of_the_queries_in_turn() -> None:
    """From what was bought: three queries, counted in Python; the initial set is no query."""
    rng = np.random.default_rng(0)
    bought = rng.integers(-1, 3, 60)
    ours = rng.random(60) < 0.5
    pool = PoolView(
        labeled=ours & (bought >= 0), labels=np.where(ours & (bought >= 0), 0, -1), bought=bought,
        probabilities=np.full((60, 2), 0.5), features=np.zeros((60, 1)),
    )  # fmt: skip
    expected = [np.mean([ours[i] for i in range(60) if bought[i] == query]) for query in range(3)]
    np.testing.assert_allclose(purities(pool), expected)
    factor, wanted = 5.0, 0.6
    for purity in expected:
        factor = max(1.0, factor + 10 * (purity - 0.6))
        wanted = min(max(wanted + 0.5 * (0.6 - purity), 0.0), 1.0)
    assert Eaoa().factor(pool) == pytest.approx(factor)
    assert E2oal().wanted(pool) == pytest.approx(wanted)


def test_groups_take_turns_until_they_are_used_up() -> None:
    """Group 7 has one image, so group 2 fills the query; within a turn the more wanted image is first."""
    wanted, groups = np.array([1.0, 5.0, 3.0, 4.0]), np.array([2, 2, 2, 7])
    assert equal_shares(wanted, groups, 4).tolist() == [1, 3, 2, 0]
    assert equal_shares(wanted, groups, 2).tolist() == [1, 3]
