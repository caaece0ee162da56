"""Who is labeled, returned and gone; and what a view refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalbt_ray.pool import PoolState, PoolView


def test_view_refuses_a_hidden_label() -> None:
    """A label on an unlabeled row would leak to the strategy."""
    with pytest.raises(ValueError, match="hidden labels"):
        PoolView(np.array([True, False]), np.array([1, 0]), np.ones((2, 2)) / 2, np.ones((2, 3)))


def test_view_refuses_rows_that_do_not_match() -> None:
    """One row per image in every array."""
    with pytest.raises(ValueError, match="features: 3 rows"):
        PoolView(np.array([True, False]), np.array([1, -1]), np.ones((2, 2)) / 2, np.ones((3, 3)))


@given(st.data())
def test_purchases_keep_the_pool_a_partition(data: st.DataObject) -> None:
    """An acquired label stays; OOD images never become labeled; nothing is both returned and gone."""
    n = data.draw(st.integers(2, 30))
    is_ood = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    is_ood[0] = False
    discard = data.draw(st.booleans())
    state = PoolState.start(n, np.array([0]))
    for _ in range(5):
        offered = np.flatnonzero(~state.labeled & ~state.removed)
        if not len(offered):
            break
        rows = np.array(data.draw(st.lists(st.sampled_from(list(offered)), min_size=1, unique=True)))
        after = state.acquire(rows, is_ood, discard=discard)
        assert (after.labeled | ~state.labeled).all()
        assert not (after.labeled & is_ood).any()
        assert not (after.labeled & (after.demoted | after.removed)).any()
        assert after.labeled[rows[~is_ood[rows]]].all()
        state = after


def test_returned_images_are_fresh_again_once_all_were_offered() -> None:
    """When only returned images are left, they lose their mark, so that order is decided again."""
    state = PoolState.start(3, np.array([0]))
    is_ood = np.array([False, True, True])
    state = state.acquire(np.array([1]), is_ood, discard=False)
    assert state.demoted.tolist() == [False, True, False]
    state = state.acquire(np.array([2]), is_ood, discard=False)
    assert not state.demoted.any()
