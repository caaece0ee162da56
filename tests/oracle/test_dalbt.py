"""Weibull sampling: against scipy one image at a time, every policy against its definition, and its fallbacks."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import rankdata, weibull_min

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dalbt import Dalbt, Policy
from tests.contract.pools import smooth_pool

CLASSES = 3
PLAIN = Dalbt(tails="plain")


def distance(a: NDArray[np.floating], b: NDArray[np.floating], kind: str) -> float:
    """Between two latents, by the textbook."""
    if kind == "euclidean":
        return float(np.sqrt(((a - b) ** 2).sum()))
    return float(1 - (a @ b) / np.sqrt((a @ a) * (b @ b)))


def slow_outlier_law(
    pool: PoolView, kind: str = "euclidean"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """CDF and log survival of every image, float64[n] each: algorithm 1 image by image with scipy's fit."""
    means, laws = {}, {}
    for label in range(CLASSES):
        mine = [i for i in np.flatnonzero(pool.labels == label) if pool.predicted[i] == label]
        means[label] = np.mean([pool.features[i] for i in mine], axis=0)
        shape, _, scale = weibull_min.fit(
            [distance(pool.features[i], means[label], kind) for i in mine], floc=0
        )
        laws[label] = weibull_min(shape, scale=scale)
    far = [distance(z, means[k], kind) for z, k in zip(pool.features, pool.predicted, strict=True)]
    cdf = [laws[k].cdf(d) for d, k in zip(far, pool.predicted, strict=True)]
    survival = [laws[k].logsf(d) for d, k in zip(far, pool.predicted, strict=True)]
    return np.array(cdf), np.array(survival)


def order(pool: PoolView, method: Dalbt) -> list[int]:
    """All unlabeled rows as acquired, best first."""
    return method.select(pool, len(pool.labeled), np.random.default_rng(0)).tolist()


def by(pool: PoolView, wanted: NDArray[np.float64]) -> list[int]:
    """Unlabeled rows by descending `wanted`, float64[n]."""
    return sorted(pool.unlabeled_rows.tolist(), key=lambda row: -wanted[row])


@pytest.mark.parametrize("kind", ["euclidean", "cosine"])
def test_scores_equal_scipys_cdf_image_by_image(kind: str) -> None:
    """To 1e-3, which is what scipy's search reaches."""
    pool = smooth_pool(seed=3, n=150)
    expected, _ = slow_outlier_law(pool, kind)
    np.testing.assert_allclose(Dalbt(distance=kind, tails="plain").score(pool), expected, atol=1e-3)  # type: ignore[arg-type]


def test_most_and_least_outlying_are_the_order_of_the_survival_function() -> None:
    """The paper's text, and its reverse."""
    pool = smooth_pool(seed=4, n=150)
    _, survival = slow_outlier_law(pool)
    assert order(pool, Dalbt(tails="plain")) == by(pool, -survival)
    assert order(pool, Dalbt(policy="least_outlying", tails="plain")) == by(pool, survival)


def test_far_images_are_ranked_where_the_cdf_is_exactly_one() -> None:
    """Farther is more outlying within a class, although every CDF is 1.0 and pool order says otherwise."""
    pool = smooth_pool(seed=5, n=90)
    far = pool.unlabeled_rows[pool.predicted[pool.unlabeled_rows] == 0]
    features = pool.features.copy()
    features[far] += 1e3 * np.linspace(1, 2, len(far))[:, None]
    pool = replace(pool, features=features)
    assert (Dalbt().score(pool)[far] == 1.0).all()
    assert [row for row in order(pool, Dalbt()) if row in far] == far[::-1].tolist()


def test_outlier_margin_is_the_product() -> None:
    """Outlier probability times one minus the margin, image by image."""
    pool = smooth_pool(seed=6, n=150)
    cdf = Dalbt().score(pool)
    best = np.sort(pool.probabilities, axis=1)
    assert order(pool, Dalbt(policy="outlier_margin")) == by(pool, cdf * (1 - best[:, -1] + best[:, -2]))


@pytest.mark.parametrize("share", [0.5, 0.77, 0.85, 0.95])
@pytest.mark.parametrize("policy", ["inlier_band", "inlier_uncertain"])
def test_inlier_policies_drop_what_the_validation_images_call_outlying(policy: Policy, share: float) -> None:
    """The threshold keeps at least `share` of the correct validation images; then the two orders one by one."""
    pool = smooth_pool(seed=7, n=200)
    held_out = replace(
        pool,
        labeled=np.concatenate([pool.labeled, np.zeros(200, bool)]),
        labels=np.concatenate([pool.labels, np.full(200, -1)]),
        probabilities=np.concatenate([pool.probabilities, pool.validation_probabilities]),
        features=np.concatenate([pool.features, pool.validation_features]),
        mc_probabilities=None,
        member_probabilities=None,
        auxiliary=None,
    )
    scores = Dalbt().score(held_out)
    validation = np.sort(scores[200:][held_out.predicted[200:] == pool.validation_labels])
    threshold = next(score for score in validation if (validation <= score).mean() >= share)
    inlier = scores[:200] <= threshold
    wanted = scores[:200] if policy == "inlier_band" else -pool.probabilities.max(axis=1)
    expected = by(pool, np.where(inlier, 10.0 + wanted, -scores[:200]))
    assert order(pool, Dalbt(policy=policy, inlier_share=share)) == expected
    assert 0 < inlier[pool.unlabeled_rows].sum() < len(pool.unlabeled_rows)


def test_without_validation_images_the_fit_sets_the_threshold() -> None:
    """What lies beyond the fits' own 95 % quantile comes last, and the note says where the threshold is from."""
    pool = replace(smooth_pool(seed=8, n=200), validation_labels=None)
    method = Dalbt(policy="inlier_band")
    within = method.score(pool)[order(pool, method)] <= 0.95
    assert within.any()
    assert not within.all()
    assert (np.diff(within.astype(int)) <= 0).all()
    assert "threshold taken from the fits" in method.note(pool)
    assert method.note(smooth_pool(seed=8, n=200)) == ""


def few_of_class_two(kept: int) -> PoolView:
    """A pool in which class 2 has `kept` correctly classified labeled images and the others many."""
    pool = smooth_pool(seed=9, n=150)
    correct = np.flatnonzero((pool.labels == 2) & (pool.predicted == 2))
    labels = pool.labels.copy()
    labels[correct[kept:]] = -1
    return replace(pool, labeled=labels >= 0, labels=labels)


@pytest.mark.parametrize("kept", [1, 2])
def test_a_class_with_two_images_or_less_takes_the_pooled_law(kept: int) -> None:
    """Distances of all classes in units of each class's mean distance, one scipy fit, scaled back."""
    pool = few_of_class_two(kept)
    groups, means = [], []
    for label in range(CLASSES):
        mine = pool.features[(pool.labels == label) & (pool.predicted == label)]
        means.append(mine.mean(axis=0))
        groups.append(np.linalg.norm(mine - means[-1], axis=1))
    units = [group.mean() for group in groups]
    units[2] = units[2] if kept == 2 else np.mean(units[:2])
    scaled = np.concatenate([group / unit for group, unit in zip(groups, units, strict=True)])
    shape, _, scale = weibull_min.fit(scaled[scaled > 0], floc=0)
    taken_for_two = np.flatnonzero(pool.predicted == 2)
    expected = weibull_min(shape, scale=scale * units[2]).cdf(
        np.linalg.norm(pool.features[taken_for_two] - means[2], axis=1)
    )
    np.testing.assert_allclose(PLAIN.score(pool)[taken_for_two], expected, atol=1e-3)
    assert PLAIN.note(pool) == "dalbt: pooled Weibull fit for classes 2"


def test_a_predicted_class_without_a_mean_is_measured_from_the_nearest() -> None:
    """Least outlying over the modelled classes under the pooled law, in units of their mean distances."""
    pool = few_of_class_two(0)
    scaled, far = [], []
    orphans = np.flatnonzero(pool.predicted == 2)
    for label in range(2):
        mine = pool.features[(pool.labels == label) & (pool.predicted == label)]
        own = np.linalg.norm(mine - mine.mean(axis=0), axis=1)
        scaled.append(own / own.mean())
        far.append(np.linalg.norm(pool.features[orphans] - mine.mean(axis=0), axis=1) / own.mean())
    shape, _, scale = weibull_min.fit(np.concatenate(scaled), floc=0)
    expected = weibull_min(shape, scale=scale).cdf(np.min(far, axis=0))
    np.testing.assert_allclose(PLAIN.score(pool)[orphans], expected, atol=1e-3)
    assert PLAIN.note(pool).endswith("no correct labeled image of predicted classes 2, nearest class taken")


@pytest.mark.parametrize("policy", get_args(Policy))
def test_without_any_law_the_purchase_is_random_and_says_so(policy: Policy) -> None:
    """Two labeled images in all: no distances to fit; every image is acquired first by some seed."""
    pool = smooth_pool(seed=10, n=20)
    labels = np.full(20, -1)
    labels[:2] = pool.predicted[:2]
    pool = replace(pool, labeled=labels >= 0, labels=labels)
    method = Dalbt(policy=policy)
    firsts = {int(method.select(pool, 1, np.random.default_rng(seed))[0]) for seed in range(300)}
    assert firsts == set(range(2, 20))
    assert np.isnan(method.score(pool)).all()
    assert "acquired at random" in method.note(pool)


@pytest.mark.parametrize("kind", ["euclidean", "cosine"])
def test_rounding_does_not_pass_for_spread(kind: str) -> None:
    """Equal latents lie 1e-16 from their float mean: many of them tell as much of their class as one does."""
    pool = smooth_pool(seed=9, n=150)
    same = np.flatnonzero(pool.labeled & (pool.predicted == 2) & (pool.labels == 2))
    features = pool.features.copy()
    features[same] = [0.1, 0.3, 0.7, 1e3 / 3]
    labels = pool.labels.copy()
    labels[same[1:]] = -1
    method = Dalbt(distance=kind)  # type: ignore[arg-type]
    many = replace(pool, features=features)
    one = replace(many, labels=labels, labeled=labels >= 0)
    np.testing.assert_allclose(method.score(many), method.score(one), rtol=1e-9)


def test_wrongly_classified_labeled_images_do_not_take_part() -> None:
    """Moving them changes no other image's score."""
    pool = smooth_pool(seed=12, n=150)
    wrong = np.flatnonzero(pool.labeled & (pool.labels != pool.predicted))
    features = pool.features.copy()
    features[wrong] *= 100
    others = np.setdiff1d(np.arange(150), wrong)
    moved = Dalbt().score(replace(pool, features=features))
    assert len(wrong)
    np.testing.assert_array_equal(moved[others], Dalbt().score(pool)[others])


@pytest.mark.parametrize("kind", ["euclidean", "cosine"])
def test_the_unit_of_the_latent_does_not_matter(kind: str) -> None:
    """All latents times 1,000: the same outlier probabilities (libMR's shift by 1 lacks this)."""
    pool = smooth_pool(seed=13, n=150)
    scaled = replace(pool, features=1000 * pool.features)
    method = Dalbt(distance=kind)  # type: ignore[arg-type]
    np.testing.assert_allclose(method.score(scaled), method.score(pool), rtol=1e-9)


def test_foreign_images_are_told_from_own_ones() -> None:
    """A cluster away from all classes: the score separates it from the in-distribution images (AUROC over 0.95)."""
    pool = smooth_pool(seed=14, n=300)
    ood = pool.unlabeled_rows[::4]
    features = pool.features.copy()
    features[ood] += 12.0
    score = Dalbt().score(replace(pool, features=features))
    own = np.setdiff1d(pool.unlabeled_rows, ood)
    ranks = rankdata(np.concatenate([score[ood], score[own]]))[: len(ood)]
    auroc = (ranks.sum() - len(ood) * (len(ood) + 1) / 2) / (len(ood) * len(own))
    assert auroc > 0.95


@pytest.mark.parametrize("policy", get_args(Policy))
def test_a_query_is_select_ranking_score_and_note_at_once(policy: Policy) -> None:
    """What one fit answers equals what four fits answer, with returned images last in both."""
    pool = few_of_class_two(1)
    pool = replace(pool, demoted=~pool.labeled & (np.arange(150) % 3 == 0))
    method = Dalbt(policy=policy)
    rows, asked = method.query(pool, 90, np.random.default_rng(0))
    assert rows.tolist() == method.select(pool, 90, np.random.default_rng(0)).tolist()
    assert asked.note == method.note(pool)
    np.testing.assert_array_equal(asked.ranking, method.ranking(pool))
    np.testing.assert_array_equal(asked.score, method.score(pool))
