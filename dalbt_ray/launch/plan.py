"""What a sweep would do: which trials are done, which are to do, and what they will cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.data.pool_rows import PoolRows
from dalbt_ray.data.split_file import read_labels
from dalbt_ray.results import PublishedTrial, Results


@dataclass(frozen=True)
class Planned:
    """One trial of a plan.

    Attributes:
        trial: what is asked for.
        trial_id: its identity.
        rounds_done: rounds that are published.
        ended: whether no further round is possible (stalled, pool exhausted, diverged).
        diverged: whether its loss was no number any more, so that it has no result.
    """

    trial: Trial
    trial_id: str
    rounds_done: int = 0
    ended: bool = False
    diverged: bool = False

    @property
    def done(self) -> bool:
        """Whether there is nothing left to train."""
        return self.ended or self.rounds_done > self.trial.rounds

    @property
    def rounds_to_do(self) -> int:
        """Rounds to train."""
        return 0 if self.done else self.trial.rounds + 1 - self.rounds_done


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
        """The trials that lack rounds."""
        return [each.trial for each in self.planned if not each.done]

    @property
    def longer(self) -> list[Planned]:
        """Finished trials that are asked for more rounds."""
        return [each for each in self.planned if each.rounds_done and not each.done]

    @property
    def diverged(self) -> int:
        """How many of the trials have diverged."""
        return sum(each.diverged for each in self.planned)

    def renewed(self, published: Mapping[str, PublishedTrial]) -> "Plan":
        """The same trials, with what is done by now."""
        return replace(
            self, planned=tuple(_planned(each.trial, each.trial_id, published) for each in self.planned)
        )


@dataclass(frozen=True)
class Cost:
    """Seconds of one worker for all trials that are to do, and where the figure comes from."""

    seconds: float
    basis: str


def make_plan(
    trials: Sequence[Trial], published: Mapping[str, PublishedTrial], data_root: Path | None
) -> Plan:
    """Give every trial its id and tell the finished ones.

    Of trials that differ in their number of rounds only, the longest counts.

    Raises:
        InputError: a data set that is missing or damaged, or splits that do not fit it.
    """
    hashes = check_data(trials, data_root)
    longest: dict[str, Trial] = {}
    for trial in trials:
        trial_id = trial.trial_id(hashes[trial.dataset, trial.ood])
        if trial_id not in longest or longest[trial_id].rounds < trial.rounds:
            longest[trial_id] = trial
    planned = tuple(_planned(trial, trial_id, published) for trial_id, trial in longest.items())
    return Plan(planned, len(trials) - len(planned))


def _planned(trial: Trial, trial_id: str, published: Mapping[str, PublishedTrial]) -> Planned:
    done = published.get(trial_id)
    if done is None:
        return Planned(trial, trial_id)
    return Planned(
        trial, trial_id, rounds_done=done.rounds, ended=done.ended, diverged=done.status == "diverged"
    )


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
        every = np.append(labels, np.full(ood_total, -1))
        PoolRows.draw(every, len(labels), found.class_names, splits, seed=0)
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
    for each in plan.planned:
        if each.done:
            continue
        trial = each.trial
        key = (trial.dataset, trial.foreign, trial.strategy.name, trial.objective.name, str(trial.budget))
        nominal = nominal_seconds(trial)
        if key in measured:
            seconds += measured[key] * each.rounds_to_do
            known += 1
        elif nominal is not None:
            seconds += nominal * each.rounds_to_do / (trial.rounds + 1)
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
    """Seconds of a trial on one CPU core, by what encoder and auxiliary say; None if the encoder says nothing.

    A pool of unknown size counts as 60,000 images.
    """
    cost, recipe, splits, total = trial.encoder.cost, trial.training, trial.splits, 0.0
    if cost is None:
        return None
    needs, makeup, solver = trial.strategy.needs, trial.makeup, trial.encoder.solver
    own = trial.strategy.auxiliary
    auxiliaries = {each for each in (makeup.auxiliary, own) if each is not None}
    measured = splits.validation_size + 10_000
    pool = splits.ood_count + (splits.pool_size or 60_000) if needs.scores else 0
    for index in range(trial.rounds + 1):
        labeled = splits.initial_size + index * trial.budget
        unlabeled = max(0, pool - index * trial.budget)
        steps = max(recipe.epochs * ceil(recipe.epoch_of(labeled) / recipe.batch_size), recipe.min_steps)
        for auxiliary in auxiliaries:
            steps = auxiliary.classifier_steps(steps, unlabeled=unlabeled, batch_size=recipe.batch_size)
            total += auxiliary.nominal_seconds(labeled=labeled, unlabeled=unlabeled, steps=steps)
        if solver is None:
            total += makeup.members * steps * trial.objective.cost * cost.step
        else:
            total += solver.nominal_seconds(labeled)
        total += (labeled + measured + (makeup.members + needs.dropout_samples) * pool) * cost.image
    return total
