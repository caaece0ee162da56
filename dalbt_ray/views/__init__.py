"""Ways to make two random views of every image, and ways to augment it, on whole batches: one file each, two unions."""

from dalbt_ray.views.augmentation import Augmentation
from dalbt_ray.views.byol import ByolViews
from dalbt_ray.views.digits import DigitViews
from dalbt_ray.views.pair_of_views import Views
from dalbt_ray.views.shift_and_flip import ShiftAndFlip
from dalbt_ray.views.unaugmented import Unaugmented

__all__ = ["AUGMENTATIONS", "VIEWS", "Augmentation", "Views"]

VIEWS: dict[str, type[Views]] = {
    views.name: views
    for views in (
        ByolViews,
        DigitViews,
    )
}
"""Every way by the name that `--set views=` takes."""

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    augmentation.name: augmentation
    for augmentation in (
        Unaugmented,
        ShiftAndFlip,
    )
}
"""Every augmentation by the name that `--set augmentation=` takes."""
