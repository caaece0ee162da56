"""Compare active-learning methods on Ray. What a sweep file needs is importable from here; docs/options.md explains it.

Names are resolved when they are asked for, so that a command that needs no network does not import one.
"""

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dalbt_ray.config import Training as Training
    from dalbt_ray.config import Trial as Trial
    from dalbt_ray.data.splits import SplitSettings as SplitSettings
    from dalbt_ray.data.splits import paper_splits as paper_splits
    from dalbt_ray.errors import InputError as InputError
    from dalbt_ray.launch.grid import compare as compare
    from dalbt_ray.launch.grid import own_objective as own_objective
    from dalbt_ray.launch.grid import with_seeds as with_seeds
    from dalbt_ray.launch.recipe import sound as sound
    from dalbt_ray.launch.sweep_command import sweep as sweep
    from dalbt_ray.learners.adversarial import Adversarial as Adversarial
    from dalbt_ray.learners.as_needed import AsNeeded as AsNeeded
    from dalbt_ray.learners.ensemble import Ensemble as Ensemble
    from dalbt_ray.learners.learner import Learner as Learner
    from dalbt_ray.learners.normalized_latent import NormalizedLatent as NormalizedLatent
    from dalbt_ray.learners.plain import Plain as Plain
    from dalbt_ray.learners.variational import Variational as Variational
    from dalbt_ray.learners.with_dropout import WithDropout as WithDropout
    from dalbt_ray.metrics.metric import Metric as Metric
    from dalbt_ray.models.dropout import ConsistentDropout as ConsistentDropout
    from dalbt_ray.models.encoder import Backbone as Backbone
    from dalbt_ray.models.encoder import Encoder as Encoder
    from dalbt_ray.models.frozen import Frozen as Frozen
    from dalbt_ray.models.lenet import LeNet as LeNet
    from dalbt_ray.models.network import NetworkSettings as NetworkSettings
    from dalbt_ray.models.resnet import ResNet18 as ResNet18
    from dalbt_ray.models.timm_model import Timm as Timm
    from dalbt_ray.models.vgg import VGG16 as VGG16
    from dalbt_ray.objectives.joint import Joint as Joint
    from dalbt_ray.objectives.objective import Objective as Objective
    from dalbt_ray.objectives.supervised import Supervised as Supervised
    from dalbt_ray.objectives.vicreg import Vicreg as Vicreg
    from dalbt_ray.pool import PoolView as PoolView
    from dalbt_ray.pretraining.not_pretrained import NotPretrained as NotPretrained
    from dalbt_ray.pretraining.pretraining import Pretraining as Pretraining
    from dalbt_ray.pretraining.twins_on_pool import TwinsOnPool as TwinsOnPool
    from dalbt_ray.results.load import load_results as load_results
    from dalbt_ray.strategies import get_strategy as get_strategy
    from dalbt_ray.strategies.method import Method as Method
    from dalbt_ray.strategies.method import Needs as Needs
    from dalbt_ray.strategies.method import Ranked as Ranked
    from dalbt_ray.views.augmentation import Augmentation as Augmentation
    from dalbt_ray.views.byol import ByolViews as ByolViews
    from dalbt_ray.views.digits import DigitViews as DigitViews
    from dalbt_ray.views.pair_of_views import Views as Views
    from dalbt_ray.views.shift_and_flip import ShiftAndFlip as ShiftAndFlip
    from dalbt_ray.views.unaugmented import Unaugmented as Unaugmented

_HOMES = {
    "config": ("Trial", "Training"),
    "data.splits": ("SplitSettings", "paper_splits"),
    "errors": ("InputError",),
    "launch.grid": ("compare", "own_objective", "with_seeds"),
    "launch.recipe": ("sound",),
    "launch.sweep_command": ("sweep",),
    "learners.adversarial": ("Adversarial",),
    "learners.as_needed": ("AsNeeded",),
    "learners.ensemble": ("Ensemble",),
    "learners.learner": ("Learner",),
    "learners.normalized_latent": ("NormalizedLatent",),
    "learners.plain": ("Plain",),
    "learners.variational": ("Variational",),
    "learners.with_dropout": ("WithDropout",),
    "metrics.metric": ("Metric",),
    "models.dropout": ("ConsistentDropout",),
    "models.encoder": ("Backbone", "Encoder"),
    "models.frozen": ("Frozen",),
    "models.lenet": ("LeNet",),
    "models.network": ("NetworkSettings",),
    "models.resnet": ("ResNet18",),
    "models.timm_model": ("Timm",),
    "models.vgg": ("VGG16",),
    "objectives.joint": ("Joint",),
    "objectives.objective": ("Objective",),
    "objectives.supervised": ("Supervised",),
    "objectives.vicreg": ("Vicreg",),
    "pool": ("PoolView",),
    "pretraining.not_pretrained": ("NotPretrained",),
    "pretraining.pretraining": ("Pretraining",),
    "pretraining.twins_on_pool": ("TwinsOnPool",),
    "results.load": ("load_results",),
    "strategies": ("get_strategy",),
    "strategies.method": ("Method", "Needs", "Ranked"),
    "views.augmentation": ("Augmentation",),
    "views.byol": ("ByolViews",),
    "views.digits": ("DigitViews",),
    "views.pair_of_views": ("Views",),
    "views.shift_and_flip": ("ShiftAndFlip",),
    "views.unaugmented": ("Unaugmented",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - one table says where each name lives


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _say_what_takes_seconds()
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


@cache
def _say_what_takes_seconds() -> None:
    """Tell who has typed a command at a terminal that it has begun: torch takes 2 to 10 seconds to import."""
    typed = hasattr(sys.modules["__main__"], "__file__") and sys.stderr.isatty()
    if typed and "torch" not in sys.modules:
        sys.stderr.write("importing torch\n")


def __dir__() -> list[str]:
    return __all__
