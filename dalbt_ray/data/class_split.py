"""Which classes of a data set are to be learned; images of the others are out-of-distribution."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError


@dataclass(frozen=True)
class ClassSplit:
    """The known classes of one trial, which number them anew from 0.

    Attributes:
        known: int64[K], ascending, as the data set numbers them.
        total: classes of the data set.
    """

    known: NDArray[np.int64]
    total: int

    @classmethod
    def draw(
        cls, settings: SplitSettings, class_names: Sequence[str], rng: np.random.Generator
    ) -> "ClassSplit":
        """The named classes, or as many as are asked for, drawn uniformly; all of them where nothing is asked.

        Args:
            settings: `known_classes`, `known_names`.
            class_names: of the data set, in label order.
            rng: the seed's `known_classes` generator.

        Raises:
            InputError: a name that the set does not have, one that is named twice, or no class left to be OOD.
        """
        total = len(class_names)
        if not settings.splits_classes:
            return cls(np.arange(total), total)
        wanted = settings.known_classes or len(settings.known_names)
        if wanted >= total:
            given: object = settings.known_classes or ", ".join(settings.known_names)
            field = "splits.known_classes" if settings.known_classes else "splits.known_names"
            problem = f"leaves no class of {total} to be out-of-distribution"
            raise InputError(field, given, problem, remedy=f"name or ask for at most {total - 1}")
        if settings.known_classes:
            return cls(np.sort(rng.choice(total, wanted, replace=False)).astype(np.int64), total)
        for name in settings.known_names:
            if name not in class_names:
                raise InputError("splits.known_names", name, "is no class of the set", allowed=class_names)
        return cls(
            np.sort([class_names.index(name) for name in settings.known_names]).astype(np.int64), total
        )

    @property
    def leaves_some_out(self) -> bool:
        """Whether a class is not known."""
        return len(self.known) < self.total

    def own_labels(self, labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """0..K-1 for the known classes and -1 for all others, int64[n] of int[n] with -1 for unknown."""
        number = np.full(self.total + 1, -1, np.int64)  # the last entry is what -1 finds
        number[self.known] = np.arange(len(self.known))
        found: NDArray[np.int64] = number[labels]
        return found
