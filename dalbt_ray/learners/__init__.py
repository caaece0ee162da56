"""What is trained and predicts, apart from what it minimizes and from who selects: one file each, one visible union.

To add one, write its file and add its class to `LEARNERS`. A class of your own (a frozen dataclass that subclasses
`Learner`) works in a sweep without being listed.
"""

from dalbt_ray.learners.adversarial import Adversarial
from dalbt_ray.learners.as_needed import AsNeeded
from dalbt_ray.learners.ensemble import Ensemble
from dalbt_ray.learners.learner import Learner, Makeup
from dalbt_ray.learners.normalized_latent import NormalizedLatent
from dalbt_ray.learners.plain import Plain
from dalbt_ray.learners.variational import Variational
from dalbt_ray.learners.with_dropout import WithDropout

__all__ = ["LEARNERS", "Learner", "Makeup"]

LEARNERS: dict[str, type[Learner]] = {
    learner.name: learner
    for learner in (
        AsNeeded,
        Plain,
        NormalizedLatent,
        WithDropout,
        Ensemble,
        Variational,
        Adversarial,
    )
}
"""Every learner by the name that `--set learner=` takes."""
