"""What a query hands out, as a value: every form that people and tools get is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from dalbt_ray.query.batch_rows import BatchRow
from dalbt_ray.query.pool_places import Pool


@dataclass(frozen=True)
class Batch:
    """Images to label, and what is said of them all.

    Attributes:
        number: from 1 on.
        pool: where the images are.
        classes: of the pool.
        why: how the batch was chosen, one sentence.
        source: the study or paper that the rule rests on; empty where the user chose it.
        rows: its images.
        images: of the pool.
        note: see `Choice`.
    """

    number: int
    pool: Pool
    classes: tuple[str, ...]
    why: str
    source: str
    rows: Sequence[BatchRow]
    images: int
    note: str
