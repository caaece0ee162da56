"""Ranges of numbers, as types: what a field may hold is said once, where the field is declared."""

from typing import Annotated, TypeAlias

from annotated_types import Ge, Gt, Le, Lt

MOST = 2**31 - 1
"""The largest number of anything: tables and libraries count in 32 or 64 bits."""

Whole: TypeAlias = Annotated[int, Ge(0), Le(MOST)]
"""0, 1, 2, ..."""

Count: TypeAlias = Annotated[int, Ge(1), Le(MOST)]
"""1, 2, 3, ..."""

AtLeastTwo: TypeAlias = Annotated[int, Ge(2), Le(MOST)]
"""2, 3, 4, ..."""

Seed: TypeAlias = Annotated[int, Ge(0), Le(2**63 - 1)]
"""Any number that a table can hold."""

NotNegative: TypeAlias = Annotated[float, Ge(0)]
"""A number of at least 0."""

Positive: TypeAlias = Annotated[float, Gt(0)]
"""A number above 0."""

Probability: TypeAlias = Annotated[float, Ge(0), Le(1)]
"""0 to 1, both included."""

BelowOne: TypeAlias = Annotated[float, Ge(0), Lt(1)]
"""0 included, 1 not: a dropout probability."""

ShareOf: TypeAlias = Annotated[float, Gt(0), Le(1)]
"""More than nothing, at most all."""

Inside: TypeAlias = Annotated[float, Gt(0), Lt(1)]
"""Strictly between 0 and 1."""
