"""Which images of an image set a trial uses for what, and what each of them is: drawn from its seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.class_split import ClassSplit
from dalbt_ray.data.splits import Splits, SplitSettings, draw_splits
from dalbt_ray.seeding import generator


@dataclass(frozen=True)
class PoolRows:
    """The rows of one trial; all of them, OOD ones too, count in the image set.

    Attributes:
        classes: what is to be learned.
        labels: int64[n], of every image of the image set, numbered as `classes` does; -1 where it is OOD.
        splits: who serves which purpose; `ood` are rows of the image set too.
    """

    classes: ClassSplit
    labels: NDArray[np.int64]
    splits: Splits

    @classmethod
    def draw(
        cls,
        labels: NDArray[np.integer],
        own_count: int,
        class_names: Sequence[str],
        settings: SplitSettings,
        seed: int,
        ids: NDArray[np.int64] | None = None,
    ) -> "PoolRows":
        """Draw a trial's classes, then its splits; by the seed alone, so all strategies of a seed share them.

        Args:
            labels: int[n], of the data set's training images, then -1 for every image of the OOD set.
            own_count: how many of them are the data set's.
            class_names: of the data set.
            settings: the sizes.
            seed: of the trial.
            ids: int64[own_count], see `draw_splits`.

        Raises:
            InputError: see `ClassSplit.draw` and `draw_splits`.
        """
        classes = ClassSplit.draw(settings, class_names, generator(seed, 0, "known_classes"))
        known = classes.own_labels(labels)
        if classes.leaves_some_out:
            ood = np.flatnonzero(known[:own_count][: settings.train_limit] < 0)
        else:
            ood = np.arange(own_count, len(known))
        splits = draw_splits(known[:own_count], len(ood), settings, generator(seed, 0, "splits"), ids)
        return cls(classes, known, replace(splits, ood=ood[splits.ood]))
