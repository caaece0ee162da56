"""What a user decides about the set that is made of their folder."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from dalbt_ray.data.decoding import LARGEST, SMALLEST
from dalbt_ray.options.ranges import Inside, Whole
from dalbt_ray.options.value import Value


@dataclass(frozen=True, kw_only=True)
class FolderOptions(Value):
    """How a folder becomes a set.

    Attributes:
        size: pixels a side of every image; None keeps the size that all have, or takes 32 if sizes differ.
        test_share: of each class, what is set aside as the test split if the folder has none.
        test_seed: which images those are.
        skip_bad: leave out images that cannot be used, instead of refusing the folder.
        licence: recorded with the set.
    """

    size: Annotated[int, Ge(SMALLEST), Le(LARGEST)] | None = None
    test_share: Inside = 0.2
    test_seed: Whole = 0
    skip_bad: bool = False
    licence: str = ""
