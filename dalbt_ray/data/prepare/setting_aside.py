"""Which images become the test split of a folder that has none: a share of each class, by content and seed."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.prepare.gathering import FoundSet
from dalbt_ray.data.prepare.inspection import Inspections
from dalbt_ray.errors import InputError

Members = dict[str, NDArray[np.int64]]
"""By split of the new set, the rows that belong to it; of the found `train` split for a test split set aside."""


def set_aside(
    found: FoundSet, inspections: Inspections, test_share: float, seed: int
) -> tuple[Members, list[str]]:
    """The rows of each split, and a note if a test split was made.

    Without a test split, `test_share` of each class becomes one: its images with the lowest hash of seed and content.
    So it depends on the images alone, not on their names or order, and equal images stay on one side.

    Raises:
        InputError: no class has two different images, so that no test image can be set aside.
    """
    whole = {split: np.arange(len(gathered.labels)) for split, gathered in found.splits.items()}
    if "test" in whole or "train" not in whole:
        return whole, []
    labels, digests = found.splits["train"].labels, inspections["train"].digests
    by_class: dict[int, set[bytes]] = {}
    for label, digest in zip(labels, digests, strict=True):
        by_class.setdefault(label, set()).add(digest)
    chosen: set[bytes] = set()
    for unique in by_class.values():
        # At least one of each class, and never all of it.
        count = min(max(round(test_share * len(unique)), 1), len(unique) - 1)
        chosen.update(sorted(unique, key=lambda digest: _order(digest, seed))[:count])
    is_test = np.array([digest in chosen for digest in digests])
    if not is_test.any():
        raise InputError(
            "folder",
            f"{len(labels)} images",
            "are too few to set a test split aside",
            remedy="give at least two images of a class, or a test split of your own",
        )
    note = f"no test split: {test_share:.0%} of each class set aside, chosen by content hash with seed {seed}"
    return {**whole, "train": np.flatnonzero(~is_test), "test": np.flatnonzero(is_test)}, [note]


def _order(digest: bytes, seed: int) -> bytes:
    return blake2b(f"{seed}:".encode() + digest, digest_size=16).digest()
