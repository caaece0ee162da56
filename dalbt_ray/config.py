"""A trial: one configuration and one seed, as a frozen value. Defaults are the paper's (section 4.1), MNIST.

Build it in Python, derive variants with `dataclasses.replace`, never mutate. Every field can be set and swept on the
command line of a sweep file too (`--set training.epochs=5`); docs/options.md lists them all.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from json import dumps
from typing import Any, ClassVar, Literal, TypeAlias

from dalbt_ray.data.embedding.embedding import Embedding
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError, printable
from dalbt_ray.learners import LEARNERS, Learner, Makeup
from dalbt_ray.learners.as_needed import AsNeeded
from dalbt_ray.metrics import METRICS, Metric
from dalbt_ray.models import ENCODERS, Encoder
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.objectives import OBJECTIVES, Objective
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.options.canonical import Classes, as_json, essence, from_json
from dalbt_ray.options.ranges import AtLeastTwo, Count, NotNegative, Seed, Whole
from dalbt_ray.options.value import Named, Value, is_users
from dalbt_ray.pretraining import PRETRAININGS, Pretraining
from dalbt_ray.pretraining.not_pretrained import NotPretrained
from dalbt_ray.results import trial_id
from dalbt_ray.strategies import STRATEGIES, Method
from dalbt_ray.strategies.dalbt import Dalbt
from dalbt_ray.strategies.on_features import refuse_what_features_lack
from dalbt_ray.views import AUGMENTATIONS, VIEWS, Augmentation, Views
from dalbt_ray.views.byol import ByolViews
from dalbt_ray.views.unaugmented import Unaugmented

ImageKey: TypeAlias = tuple[str, str, Embedding | None]

ALGORITHM_VERSION = 1
"""Part of every trial's identity: raise it when the same configuration computes something else."""


@dataclass(frozen=True, kw_only=True)
class Training(Value):
    """How a network is trained in one round.

    Attributes:
        batch_size: images of a step, at most; an epoch is split into equal batches (100 images: 50 + 50). [paper, 4.1]
        learning_rate: Adam's; constant unless `schedule` says otherwise. [paper, 4.1]
        weight_decay: Adam's L2 term. [paper, 4.1]
        epochs: passes over the labeled set in a round; the paper takes 150, and 20 on MNIST. [paper, 4.1]
        epoch_images: images of an epoch, every labeled one equally often, shuffled together; None is each of them once.
            So many epochs are then so many steps, whatever is labeled.
        min_steps: a round trains at least so many steps. 20 epochs over 100 labels are 40 steps, which leaves LeNet
            undertrained; 0 keeps the paper's recipe.
        schedule: "constant" (the paper names none) or "one_cycle" with a peak of 3 x learning_rate.
        init: weights of a round are "fresh" (default) or continue from the round before, "warm".
        model_selection: the "last" step's weights, or those of the epoch with the "best_validation" accuracy.
        patience: with "best_validation", end after so many epochs in a row that were no better; 0 trains all epochs.
        precision: "bfloat16" runs forwards under autocast; losses stay in float32.
        outlier_class: train on one class more, "none of ours", whose images are the OOD ones that were bought; needs
            `ood_policy="learn"`, and begins once there is one. Measured is the best of the known classes. A strategy
            that needs the class brings it along.
    """

    path: ClassVar[str] = "training"
    batch_size: AtLeastTwo = 64
    learning_rate: NotNegative = 1e-3
    weight_decay: NotNegative = 1e-5
    epochs: Count = 20
    epoch_images: Count | None = None
    min_steps: Whole = 0
    schedule: Literal["constant", "one_cycle"] = "constant"
    init: Literal["fresh", "warm"] = "fresh"
    model_selection: Literal["last", "best_validation"] = "last"
    patience: Whole = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    outlier_class: bool = False

    def check(self) -> None:
        """Refuse patience with nothing to wait for."""
        if self.patience and self.model_selection == "last":
            raise InputError(
                "training.patience",
                self.patience,
                "means nothing with model_selection=last",
                remedy="take model_selection=best_validation",
            )

    def epoch_of(self, labeled: int) -> int:
        """Images of an epoch over so many labeled ones: never fewer than all of them."""
        return max(labeled, self.epoch_images or 0)


@dataclass(frozen=True, kw_only=True)
class Trial(Value):
    """One whole active-learning run.

    Attributes:
        dataset: the data set that is to be learned; its test split measures.
        ood: an out-of-distribution (OOD) data set whose images join the unlabeled pool; empty for none. [paper, 4.1]
        ood_policy: acquired OOD images "return" to the pool, are "discard"ed, or leave it and teach ("learn"): a
            strategy sees them, and training where it has an `outlier_class`. [paper, 4.1: return]
        strategy: how images are chosen.
        learner: what is trained and predicts; by default whatever the strategy needs.
        objective: what training minimizes.
        budget: images acquired in a round. [paper, 4.1]
        rounds: queries; the network is trained rounds + 1 times. Not part of a trial's identity: asked for more, a
            finished trial continues.
        seed: root of every random draw.
        splits: which images serve which purpose.
        encoder: the network below the latent.
        network: what stands on the encoder.
        pretraining: what the encoder learns from the pool before it is shown a label.
        training: how a network is trained.
        augmentation: how the images of the supervised forward are changed, for every arm alike. [paper: not at all]
        views: how the two views of an image are made, where the objective wants them.
        metrics: what is measured of test predictions beside what always is.
    """

    dataset: str = "mnist"
    ood: str = ""
    ood_policy: Literal["return", "discard", "learn"] = "return"
    strategy: Method = field(default_factory=Dalbt)
    learner: Learner = field(default_factory=AsNeeded)
    objective: Objective = field(default_factory=Joint)
    budget: Count = 100
    rounds: Whole = 10
    seed: Seed = 0
    splits: SplitSettings = field(default_factory=SplitSettings)
    encoder: Encoder = field(default_factory=LeNet)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    pretraining: Pretraining = field(default_factory=NotPretrained)
    training: Training = field(default_factory=Training)
    augmentation: Augmentation = field(default_factory=Unaugmented)
    views: Views = field(default_factory=ByolViews)
    metrics: tuple[Metric, ...] = ()

    def check(self) -> None:
        """Refuse an OOD set without a count, what encoder or learner cannot serve, and two metrics of one column."""
        if self.ood and self.ood == self.dataset:
            raise InputError("ood", self.ood, "is the data set itself", remedy="name another set")
        wants_ood = bool(self.splits.ood_count or self.splits.ood_share)
        if not self.splits.splits_classes and bool(self.ood) != wants_ood:
            raise InputError(
                "splits.ood_count",
                self.splits.ood_count,
                f"does not fit ood={self.ood!r}",
                remedy="name an OOD set and how many of its images join the pool (or splits.ood_share), or neither",
            )
        self._check_open_set()
        if not self.splits.validation_size:
            remedy = "every round is measured on validation images too: hold out at least 1"
            raise InputError("splits.validation_size", 0, "leaves no validation image", remedy=remedy)
        refuse_what_features_lack(
            self.strategy, self.objective, self.encoder, self.network, self.augmentation
        )
        self.learner.check_fits(self.network, self.strategy, self.encoder)
        self.pretraining.check_fits(self.objective, self.encoder, plain=self.makeup.is_plain)
        columns = [metric.column for metric in self.measured]
        for column in columns:
            if columns.count(column) > 1:
                raise InputError("metrics", column, "is measured twice", remedy="rename one of them")

    def _check_open_set(self) -> None:
        """Refuse two sources of OOD images, and learning from them where they teach nothing."""
        if self.ood and self.splits.splits_classes:
            raise InputError(
                "ood",
                self.ood,
                "joins a pool that has OOD classes already",
                remedy="split the classes or name a set",
            )
        if self.learns_outliers and self.training.init == "warm":
            problem = "cannot continue a network that gains an outlier class"
            raise InputError("training.init", "warm", problem, remedy="take fresh, or do without that class")
        if not self.foreign or self.ood_policy == "learn":
            return
        learners: tuple[tuple[str, object, bool], ...] = (
            ("strategy", self.strategy.name, self.strategy.needs.outliers),
            ("training.outlier_class", True, self.training.outlier_class),
        )
        for path, value, learns in learners:
            if learns:
                problem = f"learns from OOD images, and ood_policy={self.ood_policy!r} shows it none"
                raise InputError(path, value, problem, remedy="--set ood_policy=learn")

    @property
    def foreign(self) -> str:
        """What is out-of-distribution in the pool: the OOD set, `other classes` of the data set, or nothing."""
        return "other classes" if self.splits.splits_classes else self.ood

    @property
    def learns_outliers(self) -> bool:
        """Whether the classifier gets a class "none of ours" once an OOD image has been bought."""
        return self.training.outlier_class or self.strategy.needs.outlier_class

    @property
    def measured(self) -> tuple[Metric, ...]:
        """Every metric of this trial."""
        return METRICS + self.metrics

    @property
    def image_key(self) -> ImageKey:
        """Data set, OOD set and how images become features: trials that share it share their images."""
        return self.dataset, self.ood, self.encoder.embedding

    @property
    def makeup(self) -> Makeup:
        """What a round trains on the encoder: the learner's answer."""
        return self.learner.makeup(self.network, self.strategy)

    def trial_id(self, data_hash: str) -> str:
        """16 hex digits that name the trial: what it says, its data and the version of the algorithm."""
        said = essence(self)
        said.pop("rounds", None)
        return trial_id(said, data_hash, ALGORITHM_VERSION)

    @property
    def network_id(self) -> str:
        """8 hex digits: trials of one seed that share it have the same round 0, whatever their strategy."""
        makeup = self.makeup
        # The outlier class is none of round 0, where no OOD image has been bought.
        training = essence(self.training)
        training.pop("outlier_class", None)
        trained = {
            "encoder": essence(self.encoder),
            "network": essence(makeup.network),
            "training": training,
            "views": essence(self.views),
            "splits": essence(self.splits),
            "objective": essence(self.objective),
            "variational": makeup.variational,
            # An auxiliary loss changes the network too, so it is part of what is trained.
            "auxiliary": essence(makeup.auxiliary) if makeup.auxiliary is not None else None,
        }
        if self.pretraining.happens:
            trained["pretraining"] = essence(self.pretraining)
        if makeup.averages:
            trained["members"] = makeup.members
        if self.augmentation.changes_images:
            trained["augmentation"] = essence(self.augmentation)
        return sha256(dumps(trained, sort_keys=True, allow_nan=False).encode()).hexdigest()[:8]

    @property
    def label(self) -> str:
        """A short name: what a progress line shows."""
        options = ",".join(f"{name}={value}" for name, value in self.strategy.changed_options())
        strategy = f"{self.strategy.name}[{options}]" if options else self.strategy.name
        ood = f"+{self.foreign}" if self.foreign else ""
        learner = "" if self.learner == AsNeeded() else f", {self.learner.name}"
        how = f"({self.objective.name}{learner})"
        return printable(f"{self.dataset}{ood} b={self.budget} {strategy} {how} seed {self.seed}")

    def as_json(self) -> dict[str, Any]:
        """Every field, defaults included, as plain JSON values: what a manifest keeps, and `trial_from_json` reads."""
        return as_json(self)


def known_classes(trials: Iterable[Trial] = ()) -> Classes:
    """What names stand for: the package's unions, and the classes that `trials` are made of.

    Raises:
        InputError: two classes of one name in the same sweep, or a class with the name of one of this package's: nobody
            could tell their trials apart.
    """
    axes: dict[type[Value], dict[str, type[Named]]] = {
        Method: dict(STRATEGIES),
        Learner: dict(LEARNERS),
        Objective: dict(OBJECTIVES),
        Encoder: dict(ENCODERS),
        Augmentation: dict(AUGMENTATIONS),
        Pretraining: dict(PRETRAININGS),
        Views: dict(VIEWS),
        Metric: {metric.name: type(metric) for metric in METRICS},
    }
    used = {(base, name): cls for base, names in axes.items() for name, cls in names.items()}
    for trial in trials:
        chosen: list[tuple[type[Value], Named]] = [(Metric, metric) for metric in trial.metrics]
        chosen += [(base, getattr(trial, base.path)) for base in axes if base is not Metric]
        for base, each in chosen:
            first = used.setdefault((base, each.name), type(each))
            if first is not type(each):
                taken = "is the name of two classes" if is_users(first) else "is the name of a built-in class"
                raise InputError(base.path, each.name, taken, remedy="give your class another `name`")
            axes[base][each.name] = type(each)
    return axes


def trial_from_json(content: dict[str, Any], classes: Classes | None = None) -> Trial:
    """The trial that `Trial.as_json` described.

    Raises:
        InputError: a class or field that this version does not know, or a value that a field does not take.
    """
    return from_json(Trial, content, known_classes() if classes is None else classes)
