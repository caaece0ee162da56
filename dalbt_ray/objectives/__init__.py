"""The training objectives: one file each, one visible union of them all.

To add one, write its file and add its class to `OBJECTIVES`. A class of your own (a frozen dataclass that subclasses
`Objective`) works in a sweep without being listed.
"""

from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.objective import Objective
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.objectives.vicreg import Vicreg

__all__ = ["OBJECTIVES", "Objective"]

OBJECTIVES: dict[str, type[Objective]] = {
    objective.name: objective
    for objective in (
        Joint,
        Supervised,
        Vicreg,
    )
}
"""Every objective by the name that `--set objective=` takes."""
