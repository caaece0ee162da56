"""Keeping the best of a stream."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dalbt_ray.trial.ranking import Best, merge_top

# Few distinct rankings, so that ties are common.
images = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 4)), unique_by=lambda i: i[:2], max_size=40
)


def best_of(rows: list[tuple[int, int, int]]) -> Best:
    """Images given as (file, id, ranking)."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Best(table[:, 0], table[:, 1], table[:, 2].astype(np.float64))


@given(
    rows=images,
    keep=st.integers(1, 50),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    seed=st.integers(0, 9),
)
def test_merging_parts_in_any_order_is_sorting_the_whole(
    rows: list[tuple[int, int, int]], keep: int, cuts: list[int], seed: int
) -> None:
    """However the stream is cut and in whatever order its parts arrive: the first `keep` of one stable sort."""
    bounds = [0, *sorted(cuts), len(rows)]
    parts = [rows[start:end] for start, end in pairwise(bounds)]
    np.random.default_rng(seed).shuffle(parts)  # type: ignore[arg-type]
    merged = Best.nothing()
    for part in parts:
        merged = merge_top(merged, merge_top(Best.nothing(), best_of(part), keep), keep)
    wanted = sorted(rows, key=lambda row: (-row[2], row[0], row[1]))[:keep]
    assert list(zip(merged.file, merged.sample_id, merged.ranking, strict=True)) == wanted
