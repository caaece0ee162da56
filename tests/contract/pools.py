"""Pools for the contract suite: small, and rich in ties, duplicates, one-hot softmaxes and odd class counts."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView

PASSES = 3  # dropout passes, and members of an ensemble


def softmax_like(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[np.float32]]:
    """Distributions over the last axis with few distinct values, exact zeros and exact ones among them."""
    counts = hnp.arrays(np.int64, shape, elements=st.integers(0, 3))
    return counts.map(_normalized)


def _normalized(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    filled = np.where(counts.sum(axis=-1, keepdims=True) == 0, 1, counts)
    return (filled / filled.sum(axis=-1, keepdims=True)).astype(np.float32)


@st.composite
def pools(draw: st.DrawFn, *, max_rows: int = 16, demoted: bool = True) -> PoolView:
    """A pool with at least one unlabeled row and everything that any strategy may ask for."""
    n, classes, width = draw(st.integers(1, max_rows)), draw(st.integers(2, 4)), draw(st.integers(1, 3))
    v = draw(st.integers(0, 4))
    coarse = st.integers(-2, 2).map(float)
    labeled = draw(hnp.arrays(np.bool_, n))
    labeled[draw(st.integers(0, n - 1))] = False
    true_labels = draw(hnp.arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    returned = draw(hnp.arrays(np.bool_, n)) & ~labeled
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, true_labels, -1),
        probabilities=draw(softmax_like((n, classes))),
        features=draw(hnp.arrays(np.float32, (n, width), elements=coarse)),
        mc_probabilities=draw(softmax_like((n, PASSES, classes))),
        member_probabilities=draw(softmax_like((n, PASSES, classes))),
        auxiliary=draw(hnp.arrays(np.float64, n, elements=coarse)),
        validation_features=draw(hnp.arrays(np.float32, (v, width), elements=coarse)),
        validation_probabilities=draw(softmax_like((v, classes))),
        validation_labels=draw(hnp.arrays(np.int64, v, elements=st.integers(0, classes - 1))),
        demoted=returned if demoted and draw(st.booleans()) else None,
        **_open_set(draw, labeled | returned),
    )


def _open_set(draw: st.DrawFn, taken: NDArray[np.bool_]) -> dict[str, NDArray[np.generic]]:
    """What a pool with `ood_policy="learn"` has besides: bought OOD images, their class, and when each was bought."""
    n = len(taken)
    if taken.all() or not draw(st.booleans()):
        return {}
    left = ~taken
    left[int(np.flatnonzero(left)[0])] = False  # one image stays to be acquired
    outliers = draw(hnp.arrays(np.bool_, n)) & left
    bought = draw(hnp.arrays(np.int64, n, elements=st.integers(-1, 2)))
    return {
        "outliers": outliers,
        "removed": outliers,
        "outlier_probability": draw(hnp.arrays(np.int64, n, elements=st.integers(0, 2))) / 2,
        "bought": np.where(taken | outliers, np.where(outliers, np.abs(bought), bought), -1),
    }


def smooth_pool(seed: int, n: int = 60, classes: int = 3, width: int = 4) -> PoolView:
    """A pool without ties: overlapping Gaussian classes, a third labeled, a softmax that is mostly right."""
    rng = np.random.default_rng(seed)
    centers = 2.0 * rng.normal(size=(classes, width))
    labels, held_out = rng.integers(classes, size=n), rng.integers(classes, size=n)
    features, validation = (centers[y] + rng.normal(size=(n, width)) for y in (labels, held_out))
    labeled = rng.permutation(n) < n // 3

    def softmax(points: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
        logits = -0.5 * ((points[:, None] - centers) ** 2).sum(axis=2) + noise * rng.normal(size=(n, classes))
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, labels, -1),
        probabilities=softmax(features, 0.0),
        features=features,
        mc_probabilities=np.stack([softmax(features, 1.0) for _ in range(PASSES)], axis=1),
        member_probabilities=np.stack([softmax(features, 1.0) for _ in range(PASSES)], axis=1),
        auxiliary=rng.normal(size=n),
        validation_features=validation,
        validation_probabilities=softmax(validation, 0.0),
        validation_labels=held_out,
    )


def _relabeled(pool: PoolView, labels: NDArray[np.int64]) -> PoolView:
    return replace(pool, labeled=labels >= 0, labels=labels)


def _one_class_labeled(pool: PoolView) -> PoolView:
    return _relabeled(pool, np.where(pool.labels == 0, 0, -1))


def _class_never_predicted(pool: PoolView) -> PoolView:
    probabilities = pool.probabilities.copy()
    probabilities[:, 1] = 0.0
    return replace(pool, probabilities=probabilities / probabilities.sum(axis=1, keepdims=True))


def _always_wrong(pool: PoolView) -> PoolView:
    classes = pool.probabilities.shape[1]
    return _relabeled(pool, np.where(pool.labeled, (pool.predicted + 1) % classes, -1))


def _equal(pool: PoolView, *names: str) -> PoolView:
    return replace(pool, **{name: np.full_like(getattr(pool, name), 1.0) for name in names})


def _equal_probabilities(pool: PoolView) -> PoolView:
    pool = _equal(pool, "probabilities", "mc_probabilities", "member_probabilities")
    share = np.float64(1.0 / pool.probabilities.shape[1])
    names = ("probabilities", "mc_probabilities", "member_probabilities")
    return replace(pool, **{name: getattr(pool, name) * share for name in names})


def _certain(pool: PoolView) -> PoolView:
    names = ("probabilities", "mc_probabilities", "member_probabilities")
    one_hot = np.eye(pool.probabilities.shape[1])
    return replace(pool, **{name: one_hot[getattr(pool, name).argmax(axis=-1)] for name in names})


def rows_of(pool: PoolView, rows: NDArray[np.int64]) -> PoolView:
    """The pool with its images reordered, dropped or repeated; validation stays."""
    names = [field.name for field in fields(pool) if not field.name.startswith("validation")]
    return replace(
        pool, **{name: getattr(pool, name)[rows] for name in names if getattr(pool, name) is not None}
    )


# What real rounds run into, by the name that a failing test shows.
TROUBLES: dict[str, Callable[[PoolView], PoolView]] = {
    "nothing labeled": lambda pool: _relabeled(pool, np.full(len(pool.labeled), -1)),
    "one class labeled": _one_class_labeled,
    "a class is never predicted": _class_never_predicted,
    "every labeled image is misclassified": _always_wrong,
    "all probabilities equal": _equal_probabilities,
    "every softmax is one-hot": _certain,
    "all features equal": lambda pool: _equal(pool, "features"),
    "all features equal and large": lambda pool: replace(pool, features=np.full_like(pool.features, 1e6 / 3)),
    "tiny features": lambda pool: replace(pool, features=pool.features * 1e-30),
    "everything equal": lambda pool: _equal(_equal_probabilities(pool), "features", "auxiliary"),
    "every image four times": lambda pool: rows_of(pool, np.arange(len(pool.labeled)) // 4 * 4),
    "no validation set": lambda pool: replace(
        pool, validation_features=None, validation_probabilities=None, validation_labels=None
    ),
    "float32": lambda pool: replace(
        pool,
        **{
            name: getattr(pool, name).astype(np.float32)
            for name in ("probabilities", "features", "mc_probabilities", "member_probabilities")
        },
    ),
}
