"""The acquisition strategies: one file per method, one closed union of them all.

To add a method, write its file and add its class to `Strategy`; the contract suite picks it up. A class of
your own (a frozen dataclass that subclasses `Method` or `Ranked`) works in a sweep without being listed.
"""

from dataclasses import fields
from typing import Any, TypeAlias, get_args

from dalbt_ray.errors import InputError
from dalbt_ray.strategies.badge import Badge
from dalbt_ray.strategies.bait import Bait
from dalbt_ray.strategies.batch_bald import BatchBALD
from dalbt_ray.strategies.cluster_margin import ClusterMargin
from dalbt_ray.strategies.core_set import CoreSet
from dalbt_ray.strategies.dal import DAL
from dalbt_ray.strategies.dal_osr import DalOsr
from dalbt_ray.strategies.dalbt import Dalbt
from dalbt_ray.strategies.dbal import DBAL
from dalbt_ray.strategies.dropquery import DropQuery
from dalbt_ray.strategies.e2oal import E2oal
from dalbt_ray.strategies.eaoa import Eaoa
from dalbt_ray.strategies.ensemble_varr import EnsembleVarR
from dalbt_ray.strategies.entropy import Entropy
from dalbt_ray.strategies.eoal import Eoal
from dalbt_ray.strategies.k_plus_one import KPlusOne
from dalbt_ray.strategies.least_confidence import LeastConfidence
from dalbt_ray.strategies.lfosa import Lfosa
from dalbt_ray.strategies.margin import Margin
from dalbt_ray.strategies.max_herding import MaxHerding
from dalbt_ray.strategies.mc_dropout import MCDropout
from dalbt_ray.strategies.method import Method, Needs, Ranked
from dalbt_ray.strategies.mqnet import MqNet
from dalbt_ray.strategies.oracle_purity import OraclePurity
from dalbt_ray.strategies.power_bald import PowerBALD
from dalbt_ray.strategies.power_margin import PowerMargin
from dalbt_ray.strategies.prob_cover import ProbCover
from dalbt_ray.strategies.random import Random
from dalbt_ray.strategies.typiclust import TypiClust
from dalbt_ray.strategies.uncertainty_herding import UncertaintyHerding
from dalbt_ray.strategies.vaal import VAAL
from dalbt_ray.strategies.waal import WAAL

__all__ = ["STRATEGIES", "Method", "Needs", "Ranked", "Strategy", "get_strategy"]

Strategy: TypeAlias = (
    Random
    | Dalbt
    | DalOsr
    | Entropy
    | Margin
    | LeastConfidence
    | CoreSet
    | Badge
    | MCDropout
    | DBAL
    | EnsembleVarR
    | BatchBALD
    | DAL
    | VAAL
    | WAAL
    | TypiClust
    | ProbCover
    | MaxHerding
    | UncertaintyHerding
    | DropQuery
    | ClusterMargin
    | Bait
    | PowerMargin
    | PowerBALD
    | KPlusOne
    | Lfosa
    | Eoal
    | Eaoa
    | E2oal
    | MqNet
    | OraclePurity
)  # fmt: skip  # one method a line

STRATEGIES: dict[str, type[Strategy]] = {method.name: method for method in get_args(Strategy)}
"""Every method by the name that `--strategies` takes, in the order of the union."""


def get_strategy(name: str, **options: Any) -> Strategy:
    """The strategy called `name`, with its options set.

    Raises:
        InputError: an unknown name, an option that the method does not have, or a value out of range.
    """
    method = STRATEGIES.get(name)
    if method is None:
        raise InputError("strategy", name, "is not a strategy", allowed=STRATEGIES)
    known = [field.name for field in fields(method)]
    for option in options:
        if option not in known:
            remedy = "" if known else f"strategy {name!r} has no options"
            raise InputError("option", option, f"is not an option of {name!r}", allowed=known, remedy=remedy)
    return method(**options)
