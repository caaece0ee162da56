"""The simulated annotator of one trial: it alone knows the hidden labels and which images are OOD."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.data.splits import draw_splits
from dalbt_ray.seeding import generator


@dataclass(frozen=True)
class Oracle:
    """Row i of every array is image i of the trial's pool: in-distribution images first, then OOD ones.

    Attributes:
        image_rows: int64[n], where the image lies in the image_set.
        labels: int64[n], the true class; -1 for OOD images.
        is_ood: bool[n].
        sample_ids: int64[n], the image's id in its data set.
        sources: the name of the data set of own and of OOD images.
        initial: int64[i], pool rows of the initial set.
        validation_rows: int64[v], image_set rows of the validation images, which are not in the pool.
        validation_labels: int64[v].
    """

    image_rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    is_ood: NDArray[np.bool_]
    sample_ids: NDArray[np.int64]
    sources: tuple[str, str]
    initial: NDArray[np.int64]
    validation_rows: NDArray[np.int64]
    validation_labels: NDArray[np.int64]

    @classmethod
    def prepare(cls, trial: Trial, image_set: ImageSet) -> "Oracle":
        """Draw the trial's splits. They depend on the seed alone, so all strategies of a seed share them."""
        own = image_set.labels[: image_set.in_distribution_count]
        splits = draw_splits(
            own,
            len(image_set.labels) - image_set.in_distribution_count,
            trial.splits,
            generator(trial.seed, 0, "splits"),
        )
        rows = np.sort(
            np.concatenate([splits.initial, splits.unlabeled, splits.ood + image_set.in_distribution_count])
        )
        return cls(
            image_rows=rows,
            labels=image_set.labels[rows].astype(np.int64),
            is_ood=rows >= image_set.in_distribution_count,
            sample_ids=image_set.sample_ids[rows],
            sources=(trial.dataset, trial.ood),
            initial=np.searchsorted(rows, splits.initial).astype(np.int64),
            validation_rows=splits.validation,
            validation_labels=own[splits.validation].astype(np.int64),
        )

    def answer(self, row: int) -> dict[str, Any]:
        """What the annotator says of one image: its class, or that it is OOD (label -1)."""
        ood = bool(self.is_ood[row])
        return {
            "row": int(row),
            "sample_id": int(self.sample_ids[row]),
            "source": self.sources[ood],
            "is_ood": ood,
            "label": int(self.labels[row]),
        }
