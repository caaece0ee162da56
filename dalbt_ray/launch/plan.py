"""What a sweep would do: which trials are done, which are to do, and what they will cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.data.split_file import read_labels
from dalbt_ray.data.splits import draw_splits
from dalbt_ray.results import Results
from dalbt_ray.seeding import generator


@dataclass(frozen=True)
class Planned:
    """One trial of a plan."""

    trial: Trial
    trial_id: str
    done: bool


@dataclass(frozen=True)
class Plan:
    """All trials of a sweep.

    Attributes:
        planned: in the order in which they will run.
        duplicates: trials that were named twice and dropped.
    """

    planned: tuple[Planned, ...]
    duplicates: int

    @property
    def to_do(self) -> list[Trial]:
        """The trials without results."""
        return [each.trial for each in self.planned if not each.done]

    def renewed(self, committed: set[str]) -> "Plan":
        """The same trials, with what is done by now."""
        planned = (replace(each, done=each.trial_id in committed) for each in self.planned)
        return replace(self, planned=tuple(planned))


@dataclass(frozen=True)
class Cost:
    """Seconds of one worker for all trials that are to do, and where the figure comes from."""

    seconds: float
    basis: str


def make_plan(trials: Sequence[Trial], committed: set[str], data_root: Path | None) -> Plan:
    """Give every trial its id and tell the finished ones.

    Raises:
        InputError: a data set that is missing or damaged, or splits that do not fit it.
    """
    hashes = check_data(trials, data_root)
    planned: dict[str, Planned] = {}
    for trial in trials:
        trial_id = trial.trial_id(hashes[trial.dataset, trial.ood])
        planned.setdefault(trial_id, Planned(trial, trial_id, trial_id in committed))
    return Plan(tuple(planned.values()), len(trials) - len(planned))


def check_data(trials: Iterable[Trial], data_root: Path | None) -> dict[tuple[str, str], str]:
    """The hash of every (data set, OOD set) that `trials` need, after drawing each kind of split once.

    Raises:
        InputError: see `make_plan`.
    """
    files: dict[tuple[str, str], ImageSetFiles] = {}
    for dataset, ood, splits in dict.fromkeys((trial.dataset, trial.ood, trial.splits) for trial in trials):
        if (dataset, ood) not in files:
            files[dataset, ood] = ImageSetFiles.find(dataset, ood, data_root)
        found = files[dataset, ood]
        labels = read_labels(found.train, classes=len(found.class_names))[1]
        ood_total = len(read_labels(found.ood)[1]) if found.ood else 0
        draw_splits(labels, ood_total, splits, generator(0, 0, "splits"))
    return {key: found.data_hash for key, found in files.items()}


def estimate(plan: Plan, finished: Results | None) -> Cost:
    """What the trials that are to do will cost one worker.

    Args:
        plan: the plan.
        finished: the finished trials of this results folder, if there are any.
    """
    measured: dict[Any, float] = {}
    if finished is not None:
        joined = finished.rounds.merge(finished.timings, on=["trial_id", "round"])
        keys = ["dataset", "ood", "strategy", "objective", "budget"]
        measured = joined.groupby([joined[key].astype(str) for key in keys])["total_seconds"].mean().to_dict()
    seconds, known, unknown = 0.0, 0, 0
    for trial in plan.to_do:
        key = (trial.dataset, trial.ood, trial.strategy.name, trial.objective.name, str(trial.budget))
        nominal = nominal_seconds(trial)
        if key in measured:
            seconds += measured[key] * (trial.rounds + 1)
            known += 1
        elif nominal is not None:
            seconds += nominal
        else:
            unknown += 1
    if known == len(plan.to_do):
        basis = "measured on finished trials in this folder" if known else "nothing to do"
    else:
        share = f"{known} of {len(plan.to_do)} trials from measurements here, the rest from " if known else ""
        basis = f"{share}step times of the benchmark on one CPU core; a GPU is faster; finish one trial to measure"
    if unknown:
        basis += f"; without {unknown} trials whose encoder nobody has timed"
    return Cost(seconds, basis)


def nominal_seconds(trial: Trial) -> float | None:
    """Seconds of a trial on one CPU core by what its encoder says of itself; None if it says nothing.

    A pool of unknown size counts as 60,000 images.
    """
    cost, recipe, splits, total = trial.encoder.cost, trial.training, trial.splits, 0.0
    if cost is None:
        return None
    needs = trial.strategy.needs
    measured = splits.validation_size + 10_000
    pool = splits.ood_count + (splits.pool_size or 60_000) if needs.scores else 0
    for index in range(trial.rounds + 1):
        labeled = splits.initial_size + index * trial.budget
        steps = max(recipe.epochs * ceil(labeled / recipe.batch_size), recipe.min_steps)
        total += needs.members * steps * trial.objective.cost * cost.step
        total += (labeled + measured + (needs.members + needs.dropout_samples) * pool) * cost.image
    return total
