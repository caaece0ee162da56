"""The simulated annotator of one trial: it alone knows the hidden labels and which images are out-of-distribution."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.config import Trial
from dalbt_ray.data.class_split import ClassSplit
from dalbt_ray.data.image_set import ArrayImages, ImageSet
from dalbt_ray.data.pool_rows import PoolRows
from dalbt_ray.trial.trial_images import TrialImages


@dataclass(frozen=True)
class Oracle:
    """Row i of every array is image i of the trial's pool, in the order of the image set.

    Attributes:
        images: the pool's n images.
        classes: the classes that are to be learned; labels number these from 0.
        labels: int64[n], the true class; -1 for OOD images.
        is_ood: bool[n].
        sample_ids: int64[n], the image's id in its data set.
        sources: the names of the data sets that in-distribution and OOD images are from.
        files: the image's file name in the user's folder, by row; None where no image has one.
        initial: int64[i], pool rows of the initial set.
        validation_images: the v validation images, which are not in the pool.
        validation_labels: int64[v].
        test_images: the t test images of known classes.
        test_labels: int64[t].
    """

    images: TrialImages
    classes: ClassSplit
    labels: NDArray[np.int64]
    is_ood: NDArray[np.bool_]
    sample_ids: NDArray[np.int64]
    sources: tuple[str, str]
    files: tuple[str, ...] | None
    initial: NDArray[np.int64]
    validation_images: TrialImages
    validation_labels: NDArray[np.int64]
    test_images: TrialImages
    test_labels: NDArray[np.int64]

    @classmethod
    def prepare(cls, trial: Trial, image_set: ImageSet) -> "Oracle":
        """Draw the trial's splits. They depend on the seed alone, so all strategies of a seed share them."""
        drawn = PoolRows.draw(
            image_set.labels,
            image_set.in_distribution_count,
            image_set.class_names,
            trial.splits,
            trial.seed,
            ids=image_set.sample_ids[: image_set.in_distribution_count],
        )
        classes, labels, splits = drawn.classes, drawn.labels, drawn.splits
        places = np.sort(np.concatenate([splits.initial, splits.unlabeled, splits.ood]))
        test_labels = classes.own_labels(image_set.test_labels)
        test = np.flatnonzero(test_labels >= 0)
        return cls(
            images=TrialImages(image_set.images, places),
            classes=classes,
            labels=labels[places],
            is_ood=labels[places] < 0,
            sample_ids=image_set.sample_ids[places],
            sources=(trial.dataset, trial.ood or trial.dataset),
            files=None if image_set.files is None else tuple(image_set.files[place] for place in places),
            initial=np.searchsorted(places, splits.initial).astype(np.int64),
            validation_images=TrialImages(image_set.images, splits.validation),
            validation_labels=labels[splits.validation],
            test_images=TrialImages(ArrayImages(image_set.test_images), test),
            test_labels=test_labels[test],
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
