"""The simulated annotator of one trial: it alone knows the hidden labels and which images are out-of-distribution."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.data.splits import draw_splits
from dalbt_ray.seeding import generator
from dalbt_ray.trial.trial_images import TrialImages


@dataclass(frozen=True)
class Oracle:
    """Row i of every array is image i of the trial's pool: in-distribution images first, then OOD ones.

    Attributes:
        images: the pool's n images.
        labels: int64[n], the true class; -1 for OOD images.
        is_ood: bool[n].
        sample_ids: int64[n], the image's id in its data set.
        sources: the names of the data set and of the OOD set.
        files: the image's file name in the user's folder, by row; None where no image has one.
        initial: int64[i], pool rows of the initial set.
        validation_images: the v validation images, which are not in the pool.
        validation_labels: int64[v].
    """

    images: TrialImages
    labels: NDArray[np.int64]
    is_ood: NDArray[np.bool_]
    sample_ids: NDArray[np.int64]
    sources: tuple[str, str]
    files: tuple[str, ...] | None
    initial: NDArray[np.int64]
    validation_images: TrialImages
    validation_labels: NDArray[np.int64]

    @classmethod
    def prepare(cls, trial: Trial, image_set: ImageSet) -> "Oracle":
        """Draw the trial's splits. They depend on the seed alone, so all strategies of a seed share them."""
        count = image_set.in_distribution_count
        labels = image_set.labels[:count]
        splits = draw_splits(
            labels,
            len(image_set.labels) - count,
            trial.splits,
            generator(trial.seed, 0, "splits"),
            image_set.sample_ids[:count],
        )
        places = np.sort(np.concatenate([splits.initial, splits.unlabeled, splits.ood + count]))
        return cls(
            images=TrialImages(image_set.images, places),
            labels=image_set.labels[places].astype(np.int64),
            is_ood=places >= count,
            sample_ids=image_set.sample_ids[places],
            sources=(trial.dataset, trial.ood),
            files=None if image_set.files is None else tuple(image_set.files[place] for place in places),
            initial=np.searchsorted(places, splits.initial).astype(np.int64),
            validation_images=TrialImages(image_set.images, splits.validation),
            validation_labels=labels[splits.validation].astype(np.int64),
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
            "file": (self.files[row] or None) if self.files else None,
        }
