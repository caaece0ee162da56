"""Ways to make two random views of every image, on whole batches: one file each, one visible union of them all."""

from dalbt_ray.views.byol import ByolViews
from dalbt_ray.views.digits import DigitViews
from dalbt_ray.views.pair_of_views import Views

__all__ = ["VIEWS", "Views"]

VIEWS: dict[str, type[Views]] = {
    views.name: views
    for views in (
        ByolViews,
        DigitViews,
    )
}
"""Every way by the name that `--set views=` takes."""
