"""No augmentation: the classifier trains on the images as they are, as in the paper."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dalbt_ray.views.augmentation import Augmentation
from dalbt_ray.views.pair_of_views import Share


@dataclass(frozen=True, kw_only=True)
class Unaugmented(Augmentation):
    """Leaves every image as it is."""

    name: ClassVar[str] = "none"
    changes_images: ClassVar[bool] = False

    def make(self, images: Tensor, generator: torch.Generator, share: Share) -> Tensor:  # noqa: ARG002
        """The images, without a draw."""
        return images
