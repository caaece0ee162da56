"""What every strategy promises, whatever its method: one test per promise, every member of the union in each."""

from dataclasses import dataclass, fields, replace
from functools import partial
from typing import ClassVar, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies import STRATEGIES, Method, Ranked, get_strategy
from dalbt_ray.strategies.bait import Bait
from dalbt_ray.strategies.cluster_margin import ClusterMargin
from dalbt_ray.strategies.dalbt import Dalbt, Policy
from dalbt_ray.strategies.dropquery import DropQuery
from dalbt_ray.strategies.eaoa import Eaoa
from dalbt_ray.strategies.eoal import Eoal
from dalbt_ray.strategies.k_plus_one import KPlusOne
from dalbt_ray.strategies.max_herding import MaxHerding
from dalbt_ray.strategies.method import Look
from dalbt_ray.strategies.prob_cover import ProbCover
from dalbt_ray.strategies.typiclust import TypiClust
from dalbt_ray.strategies.uncertainty_herding import UncertaintyHerding
from tests.contract.pools import TROUBLES, pools, rows_of, smooth_pool

# Options that make a method's own training short; what it promises does not depend on them.
SHORT: dict[str, dict[str, object]] = {"dal": {"sub_batches": 2, "max_epochs": 1, "hidden": 4}}

METHODS: list[Method] = [get_strategy(name, **SHORT.get(name, {})) for name in STRATEGIES]
# Samples smaller than the pools here: the same promises with the options that bound what a query costs.
METHODS += [
    TypiClust(sample=1, clusters=2, smallest=1),
    ProbCover(sample=1, radius=0.5),
    MaxHerding(sample=1),
    UncertaintyHerding(sample=1, bandwidth=0.5),
    DropQuery(sample=1),
    ClusterMargin(sample=2, cluster_size=2, oversampling=1.0),
    Bait(sample=1, joint_size=2, dimensions=2),
]
METHODS += [
    Eoal(sample=1, clusters=2),
    Eaoa(neighbors=2, step=0.0),
    KPlusOne(first_query="rule", outliers="cut"),
]
METHODS += [Dalbt(policy=policy) for policy in get_args(Policy)[1:]]
METHODS += [Dalbt(distance="cosine"), Dalbt(distance="mahalanobis"), Dalbt(tails="plain")]

every_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: repr(method)[:60])
many_pools = settings(max_examples=20, deadline=None, derandomize=True)
budgets = st.integers(1, 20)


def select(method: Method, pool: PoolView, budget: int, seed: int = 0) -> NDArray[np.int64]:
    """A query with a generator of its own."""
    return method.select(pool, budget, np.random.default_rng(seed))


def assert_valid(picks: NDArray[np.int64], pool: PoolView, budget: int) -> None:
    """Exactly min(budget, unlabeled) distinct unlabeled rows, as int64."""
    assert picks.dtype == np.int64
    assert picks.shape == (min(budget, len(pool.unlabeled_rows)),)
    assert len(np.unique(picks)) == len(picks)
    assert not pool.labeled[picks].any()


@every_method
@many_pools
@given(pool=pools(), budget=budgets)
def test_buys_exactly_the_budget_in_distinct_unlabeled_rows(
    method: Method, pool: PoolView, budget: int
) -> None:
    """Ties, duplicates and budgets beyond the pool change neither the number nor the validity of the rows."""
    assert_valid(select(method, pool, budget), pool, budget)


@every_method
@many_pools
@given(pool=pools(), budget=budgets, seed=st.integers(0, 3))
def test_same_generator_same_purchase(method: Method, pool: PoolView, budget: int, seed: int) -> None:
    """All randomness comes from the generator that is passed in."""
    np.testing.assert_array_equal(select(method, pool, budget, seed), select(method, pool, budget, seed))


@every_method
@many_pools
@given(pool=pools(), budget=budgets)
def test_leaves_its_input_alone(method: Method, pool: PoolView, budget: int) -> None:
    """Works on read-only arrays (the pool is shared between processes), hence cannot change them."""
    for field in fields(pool):
        values = getattr(pool, field.name)
        if values is not None:
            values.setflags(write=False)
    assert_valid(select(method, pool, budget), pool, budget)
    method.score(pool)
    method.note(pool)


@every_method
@many_pools
@given(pool=pools(), extra=st.integers(0, 2))
def test_a_budget_of_everything_buys_everything(method: Method, pool: PoolView, extra: int) -> None:
    """With budget = all, and beyond, the query is the set of all unlabeled rows."""
    everything = pool.unlabeled_rows
    np.testing.assert_array_equal(np.sort(select(method, pool, len(everything) + extra)), everything)


@every_method
@many_pools
@given(pool=pools(), budget=budgets)
def test_returned_images_come_last(method: Method, pool: PoolView, budget: int) -> None:
    """An image that was acquired and returned is offered only after every other one."""
    demoted = np.zeros(len(pool.labeled), bool) if pool.demoted is None else pool.demoted
    picks = select(method, pool, budget)
    fresh = np.count_nonzero(~demoted[pool.unlabeled_rows])
    assert not demoted[picks[:fresh]].any()


@every_method
@many_pools
@given(pool=pools())
def test_scores_are_one_number_per_image(method: Method, pool: PoolView) -> None:
    """`ranking` and `score` are float64[n] or None, a ranking is never NaN, and a note is a single line."""
    ranking, score = method.ranking(pool), method.score(pool)
    for values in (ranking, score):
        assert values is None or (values.dtype == np.float64 and values.shape == pool.labeled.shape)
    assert ranking is None or not np.isnan(ranking).any()
    assert "\n" not in method.note(pool)


@every_method
def test_a_query_is_what_its_parts_say(method: Method) -> None:
    """One look answers what `pick`, `ranking`, `score`, `outlier_score` and `note` answer, returned images last."""
    pool, turn = smooth_pool(seed=4), np.arange(60) % 4
    foreign = ~pool.labeled & (turn == 0)
    pool = replace(pool, outliers=foreign, removed=foreign, demoted=~pool.labeled & (turn == 1))
    budget = len(pool.unlabeled_rows) - 5
    rows, look = method.query(pool, budget, np.random.default_rng(0))
    assert rows.tolist() == select(method, pool, budget).tolist()
    parts = Look(partial(method.pick, pool))
    assert rows.tolist() == parts.select(pool, budget, np.random.default_rng(0)).tolist()
    for record in ("ranking", "score", "outlier_score", "note"):
        np.testing.assert_array_equal(getattr(look, record), getattr(method, record)(pool))


@every_method
@pytest.mark.parametrize("trouble", TROUBLES)
def test_survives_what_real_rounds_run_into(method: Method, trouble: str) -> None:
    """Valid queries of 1, some and all rows without a warning (pytest makes warnings errors)."""
    pool = TROUBLES[trouble](smooth_pool(seed=1))
    for budget in (1, 7, len(pool.labeled)):
        assert_valid(select(method, pool, budget), pool, budget)
    method.score(pool)
    assert "\n" not in method.note(pool)


@every_method
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "field", ["probabilities", "features", "mc_probabilities", "member_probabilities", "auxiliary"]
)
def test_refuses_what_is_not_finite(method: Method, field: str, value: float) -> None:
    """One bad number anywhere: an error that names the strategy, the array and the first bad row."""
    pool = smooth_pool(seed=2)
    broken = getattr(pool, field).copy()
    broken.reshape(len(broken), -1)[[17, 23], -1] = value
    with pytest.raises(ValueError, match=f"'{method.name}': {field} of row 17 is not finite"):
        select(method, replace(pool, **{field: broken}), 5)


@pytest.mark.parametrize("method", [method for method in METHODS if isinstance(method, Ranked)], ids=repr)
@pytest.mark.parametrize("seed", range(3))
def test_renumbering_the_pool_renumbers_the_ranking(method: Ranked, seed: int) -> None:
    """A score depends on the image, not on its place in the pool (data without ties)."""
    pool = smooth_pool(seed)
    order = np.random.default_rng(seed).permutation(len(pool.labeled))
    renumbered = method.ranking(rows_of(pool, order))
    np.testing.assert_allclose(renumbered, method.ranking(pool)[order], rtol=1e-9, atol=1e-12)


@every_method
def test_refuses_a_budget_below_one(method: Method) -> None:
    """A budget of 0 is a mistake, not an empty query."""
    with pytest.raises(ValueError, match="budget: 0"):
        select(method, smooth_pool(seed=0), 0)


@every_method
def test_a_pool_without_unlabeled_images_sells_nothing(method: Method) -> None:
    """The last round finds everything labeled: an empty query, not an error."""
    pool = smooth_pool(seed=0)
    done = replace(pool, labeled=np.ones_like(pool.labeled), labels=pool.predicted)
    assert_valid(select(method, done, 5), done, 5)


@pytest.mark.parametrize("method", [method for method in METHODS if method.cold_start], ids=repr)
@many_pools
@given(pool=pools(), budget=budgets, seed=st.integers(0, 3))
def test_a_cold_start_needs_features_only(method: Method, pool: PoolView, budget: int, seed: int) -> None:
    """With nothing labeled: a valid query, and whatever an untrained network says makes no difference to it."""
    cold = replace(pool, labeled=np.zeros_like(pool.labeled), labels=np.full_like(pool.labels, -1))
    uniform = np.full_like(pool.probabilities, 1 / pool.probabilities.shape[1])
    untrained = replace(
        cold,
        probabilities=uniform,
        mc_probabilities=None,
        member_probabilities=None,
        auxiliary=None,
        validation_probabilities=None,
        validation_labels=None,
    )
    picks = select(method, cold, budget, seed)
    assert_valid(picks, cold, budget)
    np.testing.assert_array_equal(picks, select(method, untrained, budget, seed))


def test_no_strategy_can_see_a_hidden_label() -> None:
    """The view itself refuses labels of unlabeled rows, so permuting them cannot matter to any strategy."""
    pool = smooth_pool(seed=0)
    labels = pool.labels.copy()
    labels[pool.unlabeled_rows[0]] = 1
    with pytest.raises(ValueError, match="hidden labels"):
        replace(pool, labels=labels)


@dataclass(frozen=True, kw_only=True)
class FirstFeature(Ranked):
    """A strategy of a user's own: the largest (or smallest) first feature."""

    name: ClassVar[str] = "first_feature"
    sign: float = 1.0

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """The signed feature."""
        return self.sign * pool.features[:, 0].astype(np.float64)


@many_pools
@given(pool=pools(), budget=budgets)
def test_a_class_of_ones_own_keeps_the_promises_unregistered(pool: PoolView, budget: int) -> None:
    """A frozen dataclass that subclasses `Ranked` needs no registration."""
    picks = select(FirstFeature(sign=-1.0), pool, budget)
    assert_valid(picks, pool, budget)
    assert picks.tolist() == select(FirstFeature(sign=-1.0), pool, budget).tolist()


class Counting(FirstFeature):
    """One that counts how often it is asked for its ranking."""

    asked: ClassVar[list[PoolView]] = []

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """The first feature."""
        self.asked.append(pool)
        return super().ranking(pool)


class LowestFirst(FirstFeature):
    """One that picks and records in ways of its own."""

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """The highest last."""
        return super().pick(pool, candidates, budget, rng)[::-1]

    def score(self, pool: PoolView) -> NDArray[np.float64]:
        """Twice the ranking."""
        return 2 * self.ranking(pool)


def test_a_ranking_is_made_once_a_query() -> None:
    """For the images never offered, for those that came back and for the records alike."""
    pool = smooth_pool(seed=3)
    pool = replace(pool, demoted=~pool.labeled & (np.arange(60) % 2 == 0))
    Counting().query(pool, len(pool.unlabeled_rows), np.random.default_rng(0))
    assert len(Counting.asked) == 1


def test_a_pick_and_a_score_of_ones_own_are_asked() -> None:
    """A `Ranked` that overrides them is taken at its word, by `select` as by `query`."""
    pool = smooth_pool(seed=3)
    rows, look = LowestFirst().query(pool, 9, np.random.default_rng(0))
    assert rows.tolist() == select(LowestFirst(), pool, 9).tolist()
    assert rows.tolist() == select(FirstFeature(), pool, 9)[::-1].tolist()
    np.testing.assert_array_equal(look.score, 2 * FirstFeature().ranking(pool))


@pytest.mark.parametrize("name", ["select", "query"])
def test_a_class_cannot_override_what_would_not_be_asked(name: str) -> None:
    """A query asks `look`, and that `pick`: a `select` of one's own would be passed over in silence."""
    with pytest.raises(TypeError, match=f"Mine.{name} would not be asked: write `pick`"):
        type("Mine", (Ranked,), {"name": "mine", name: lambda *_: None})
