"""A trial: one configuration and one seed, as a frozen value. Defaults are the paper's (section 4.1), MNIST.

Build it in Python, derive variants with `dataclasses.replace`, never mutate.
"""

from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from json import dumps
from typing import Any, Literal, get_args

from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.results import trial_id
from dalbt_ray.strategies.dalbt import Dalbt
from dalbt_ray.strategies.method import Method
from dalbt_ray.views.batch_views import ViewSettings

ALGORITHM_VERSION = 1
"""Part of every trial's identity: raise it when the same configuration computes something else."""

Objective = Literal["joint", "supervised"]
OodPolicy = Literal["return", "discard"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network is trained in one round.

    Attributes:
        batch_size: images of a step, at most; an epoch is split into equal batches (100 images: 50 + 50).
        learning_rate: Adam's; constant unless `schedule` says otherwise.
        weight_decay: Adam's L2 term.
        epochs: passes over the labeled set in a round; the paper takes 150, and 20 on MNIST.
        min_steps: a round trains at least so many steps. 20 epochs over 100 labels are 40 steps, which leaves
            LeNet undertrained; 0 keeps the paper's recipe.
        schedule: "constant" (the paper names none) or "one_cycle" with a peak of 3 x learning_rate.
        init: weights of a round are "fresh" (default) or continue from the round before, "warm".
        model_selection: the "last" step's weights, or those of the epoch with the "best_validation" accuracy.
        self_supervised_weight: gamma of eq. 2, the paper's "barlow twins constant of 0.001".
        redundancy_weight: lambda of eq. 1; 0.0051 as in Zbontar et al. 2021, the paper gives none.
        self_supervised_data: images whose views enter the Barlow Twins term: the batch itself ("labeled",
            Algorithm 1) or as many drawn from labeled and unlabeled images alike.
        precision: "bfloat16" runs forwards under autocast; losses stay in float32.
    """

    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    epochs: int = 20
    min_steps: int = 0
    schedule: Literal["constant", "one_cycle"] = "constant"
    init: Literal["fresh", "warm"] = "fresh"
    model_selection: Literal["last", "best_validation"] = "last"
    self_supervised_weight: float = 1e-3
    redundancy_weight: float = 0.0051
    self_supervised_data: Literal["labeled", "labeled+unlabeled"] = "labeled"
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 2), ("epochs", 1), ("min_steps", 0)):
            if getattr(self, name) < least:
                raise InputError(f"training.{name}", getattr(self, name), f"must be at least {least}")
        for name in ("learning_rate", "weight_decay", "self_supervised_weight", "redundancy_weight"):
            object.__setattr__(self, name, float(getattr(self, name)))  # 1 and 1.0 are the same trial
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"training.{name}", getattr(self, name), "must be finite and not negative")
        for name in ("schedule", "init", "model_selection", "self_supervised_data", "precision"):
            allowed = get_args(Training.__annotations__[name])
            if getattr(self, name) not in allowed:
                raise InputError(f"training.{name}", getattr(self, name), "is unknown", allowed=allowed)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One whole active-learning run.

    Attributes:
        dataset: the data set that is to be learned; its test split measures.
        ood: an OOD data set whose images join the unlabeled pool; empty for none.
        ood_policy: OOD images that were acquired "return" to the pool (the paper) or are "discard"ed.
        strategy: how images are chosen.
        objective: "joint" (cross-entropy + Barlow Twins) or "supervised" (cross-entropy alone).
        budget: images acquired in a round.
        rounds: queries; the network is trained rounds + 1 times.
        seed: root of every random draw.
        splits, network, training, views: see their classes.
        variant: a word that tells trials apart in reports when only an option differs.
    """

    dataset: str = "mnist"
    ood: str = ""
    ood_policy: OodPolicy = "return"
    strategy: Method = field(default_factory=Dalbt)
    objective: Objective = "joint"
    budget: int = 100
    rounds: int = 10
    seed: int = 0
    splits: SplitSettings = field(default_factory=SplitSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    training: Training = field(default_factory=Training)
    views: ViewSettings = field(default_factory=ViewSettings)
    variant: str = ""

    def __post_init__(self) -> None:
        for name, kind in (("objective", Objective), ("ood_policy", OodPolicy)):
            if getattr(self, name) not in get_args(kind):
                raise InputError(name, getattr(self, name), "is unknown", allowed=get_args(kind))
        for name, least in (("budget", 1), ("rounds", 0), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(name, value, f"must be a whole number of at least {least}")
        if self.ood and self.ood == self.dataset:
            raise InputError("ood", self.ood, "is the data set itself", remedy="name another set")
        if bool(self.ood) != bool(self.splits.ood_count):
            raise InputError(
                "splits.ood_count",
                self.splits.ood_count,
                f"does not fit ood={self.ood!r}",
                remedy="name an OOD set and how many of its images join the pool, or neither",
            )

    @property
    def trained_network(self) -> NetworkSettings:
        """The network with what the strategy needs built into it."""
        needs = self.strategy.needs
        dropout = needs.dropout or self.network.dropout
        return replace(self.network, dropout=dropout, variational=needs.variational)

    def trial_id(self, data_hash: str) -> str:
        """16 hex digits that name the trial: its configuration, its data and the version of the algorithm."""
        return trial_id(self.canonical(), data_hash, ALGORITHM_VERSION)

    @property
    def network_id(self) -> str:
        """8 hex digits: trials of one seed that share it have the same round 0, whatever their strategy."""
        # An auxiliary loss changes the network too, so it is part of what is trained.
        auxiliary = self.strategy.auxiliary
        changes = asdict(auxiliary) if auxiliary is not None and auxiliary.joins_loss else None  # type: ignore[call-overload]
        parts = {
            name: asdict(value)
            for name, value in (
                ("network", self.trained_network),
                ("training", self.training),
                ("views", self.views),
                ("splits", self.splits),
            )
        }
        return _digest({**parts, "auxiliary": changes, "objective": self.objective})[:8]

    @property
    def label(self) -> str:
        """A short name for people: what a progress line shows."""
        ood = f"+{self.ood}" if self.ood else ""
        variant = f" {self.variant}" if self.variant else ""
        return (
            f"{self.dataset}{ood} b={self.budget} {self.strategy.name} ({self.objective}){variant} "
            f"seed {self.seed}"
        )

    def canonical(self) -> dict[str, Any]:
        """Every field, defaults included, as plain JSON values: what the trial's identity is computed from.

        `variant` is a name for people and stays out, except that it is recorded with the results.
        """
        values = asdict(self)
        values["strategy"] = {"name": self.strategy.name, **asdict(self.strategy)}  # type: ignore[call-overload]
        del values["variant"]
        return values


def _digest(value: dict[str, Any]) -> str:
    return sha256(dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()
