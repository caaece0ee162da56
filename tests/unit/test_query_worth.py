"""How good the head is, what more labels may bring, whether the rule beats random: against slow or known answers."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from dalbt_ray.models.frozen import Frozen
from dalbt_ray.query.accuracy_estimate import Estimate, clopper_pearson, estimates, together
from dalbt_ray.query.known_images import answered
from dalbt_ray.query.next_gain import expected_gain, kappa, stop_hint
from dalbt_ray.query.rehearsal import Labeled, corrected_interval, folds, rehearse
from dalbt_ray.query.rehearsal_plot import draw
from dalbt_ray.query.replies import NOT_OURS, Reply
from dalbt_ray.strategies import get_strategy
from tests.accuracy_loops import blobs, interval_covers


def test_the_interval_covers_the_truth() -> None:
    """In at least 90 of 100 loops."""
    assert sum(interval_covers(seed) for seed in range(100)) >= 90


def test_clopper_pearson_by_its_definition() -> None:
    """At each end the observation, or a more extreme one, has a chance of 2.5 %."""
    low, high = clopper_pearson(17, 20)
    assert binom.sf(16, 20, low) == pytest.approx(0.025)
    assert binom.cdf(17, 20, high) == pytest.approx(0.025)
    assert clopper_pearson(0, 0) == (0.0, 1.0)
    assert clopper_pearson(0, 5)[0] == 0.0
    assert clopper_pearson(5, 5)[1] == 1.0


def test_only_answered_random_images_count() -> None:
    """Foreign ones say nothing about accuracy, and what waits is said."""
    batch = {"number": 2, "labels": 30, "random": ["1", "2", "3", "4"],
             "predicted": {"1": "a", "2": "b", "3": "a", "4": "a", "5": "b"}}  # fmt: skip
    replies = [Reply("1", "a", ""), Reply("2", "a", ""), Reply("3", NOT_OURS, ""), Reply("5", "b", "")]
    found = estimates([{"number": 1, "labels": 0, "random": ["9"], "predicted": {}}, batch], replies)
    assert found == [Estimate((2,), 30, right=1, of=2, unanswered=1)]
    both = together([*found, Estimate((3,), 60, 8, 10, 0)])
    assert both == Estimate((2, 3), 60, right=9, of=12, unanswered=1)


def test_kappa_is_agreement_beyond_chance() -> None:
    """By the textbook's sum over the table of both; 1 where both always say the same class."""
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, 50)
    b = np.where(rng.random(50) < 0.7, a, rng.integers(0, 3, 50))
    chance = sum(np.mean(a == c) * np.mean(b == c) for c in range(3))
    assert kappa(a, b, 3) == pytest.approx((np.mean(a == b) - chance) / (1 - chance))
    assert kappa(np.zeros(9, np.int64), np.zeros(9, np.int64), 3) == 1.0


def test_stop_is_hinted_when_predictions_have_settled() -> None:
    """On average over three batches, and not before there are three."""
    assert "go on, 3 batches" in stop_hint([1.0, 1.0])
    assert "still change" in stop_hint([0.5, 0.98, 0.99, 0.99])
    assert "have settled" in stop_hint([0.5, 0.985, 0.99, 0.999])


def test_more_labels_may_add_less_where_many_are() -> None:
    """The same data with four times the labels; too few labels give no answer."""
    images, truth = blobs(np.random.default_rng(3), 600)
    gains = []
    for n in (20, 60, 300):
        replies = [Reply(images.ids[row], truth[row], "") for row in range(n)]
        found = answered(images, ("a", "b", "c"), replies, [])
        gains.append(expected_gain(images, found, 40, np.random.default_rng(0)))
    assert gains[0] is None
    assert gains[1] is not None
    assert gains[2] is not None
    assert gains[1].middle > gains[2].middle >= 0
    assert gains[1].low <= gains[1].middle <= gains[1].high


def labeled(n: int, classes: int = 3) -> Labeled:
    """Separate classes of very different sizes."""
    rng = np.random.default_rng(0)
    labels = rng.choice(classes, n, p=np.array([8, 1, 1][:classes]) / sum([8, 1, 1][:classes]))
    features = (4 * np.eye(classes, 4)[labels] + rng.normal(size=(n, 4))).astype(np.float32)
    return Labeled(features, labels.astype(np.int64), tuple("abc"[:classes]))


def test_folds_share_out_every_class() -> None:
    """Each label is tested once, no image is on both sides, and all training sets have one size."""
    given = labeled(103)
    sets = list(folds(given))
    tested = np.concatenate([fold.test_images.reshape(-1, 4) for fold in sets])
    assert len({row.tobytes() for row in tested}) == 100
    assert {fold.in_distribution_count for fold in sets} == {75}
    for fold in sets:
        train = {row.tobytes() for row in fold.images.take(np.arange(75)).reshape(-1, 4)}
        assert not train & {row.tobytes() for row in fold.test_images.reshape(-1, 4)}
        assert set(fold.test_labels) == {0, 1, 2}


def test_a_rehearsal_sees_that_herding_finds_rare_classes(tmp_path: Path) -> None:
    """Where two of three classes are rare and apart, covering beats random; with few labels it says so before."""
    assert "not enough to tell" in labeled(40).too_few
    given = labeled(160)
    assert given.too_few == ""
    done = rehearse(
        given, get_strategy("max_herding"), Frozen(), tmp_path / "results", lambda _: None, seeds=1
    )
    assert done.rule.shape == done.random.shape == (4, 5)
    assert done.interval[0] > 0
    draw(done, [tmp_path / "rehearsal.png"])
    assert (tmp_path / "rehearsal.png").read_bytes().startswith(b"\x89PNG")
    assert "random on these labels" in str(done) or "not enough labels to tell" in str(done)


def test_the_corrected_interval_is_wider_by_the_shared_images() -> None:
    """Without a correction it is the t interval; with one the variance grows by test over training."""
    d = np.array([1.0, 3.0, 2.0, 6.0])
    mean, low, high = corrected_interval(d, 0.0)
    assert (mean, high - mean) == pytest.approx((3.0, 3.182446 * d.std(ddof=1) / 2))
    wide = corrected_interval(d, 1 / 3)
    assert (wide[2] - wide[1]) / (high - low) == pytest.approx(np.sqrt((1 / 4 + 1 / 3) / (1 / 4)))
