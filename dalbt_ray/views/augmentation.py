"""What an augmentation is: a frozen value that changes the images that the classifier trains on, a little."""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from dalbt_ray.options.value import Named
from dalbt_ray.views.pair_of_views import Share


class Augmentation(Named):
    """Base of all augmentations. A subclass is a frozen dataclass whose fields are its options.

    It acts on the images of the supervised forward, whatever the objective and the learner, and on the unlabeled images
    that networks of a strategy's own meet beside them: otherwise those could tell the two apart by it. Views are made
    of the images as they are; so are predictions.

    Attributes:
        changes_images: whether it does anything, so that an encoder of fixed features can refuse it.
    """

    path: ClassVar[str] = "augmentation"
    changes_images: ClassVar[bool] = True

    @abstractmethod
    def make(self, images: Tensor, generator: torch.Generator, share: Share) -> Tensor:
        """Each image with a draw of its own, float[b, c, h, w] in [0, 1].

        Every worker draws for the whole global batch from a generator in the same state and applies what belongs to its
        own rows, so that an image meets the same draw whatever the number of workers.

        Args:
            images: float[b, c, h, w] in [0, 1], on the device; this worker's share of the batch.
            generator: source of all draws.
            share: which share that is.
        """
