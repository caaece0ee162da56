"""What an encoder learns from the pool before it is shown a label: one file each, one visible union.

To add one, write its file and add its class to `PRETRAININGS`. A class of your own (a frozen dataclass that subclasses
`Pretraining`) works in a sweep without being listed.
"""

from dalbt_ray.pretraining.not_pretrained import NotPretrained
from dalbt_ray.pretraining.pretraining import Pretraining
from dalbt_ray.pretraining.twins_on_pool import TwinsOnPool

__all__ = ["PRETRAININGS", "Pretraining"]

PRETRAININGS: dict[str, type[Pretraining]] = {
    pretraining.name: pretraining
    for pretraining in (
        NotPretrained,
        TwinsOnPool,
    )
}
"""Every pretraining by the name that `--set pretraining=` takes."""
