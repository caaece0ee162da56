"""What a sweep would do: which trials are done, which are to do, and what they will cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.data.pool_rows import PoolRows
from dalbt_ray.data.split_file import read_labels
from dalbt_ray.launch.time_left import Work
from dalbt_ray.results import PublishedTrial, Results
from dalbt_ray.trial.nominal import Gpu, round_seconds


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
    """What trials will cost one worker.

    Attributes:
        trials: how many.
        seconds: of all whose cost is known, one after the other.
        longest: of the longest of them.
        measured: trials whose rounds were measured in this folder.
        unknown: trials that nobody can estimate.
    """

    trials: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    measured: int = 0
    unknown: int = 0

    def wall(self, at_once: int) -> float:
        """Seconds on so many workers: shared evenly, and never below the longest trial."""
        return max(self.longest, self.seconds / at_once)

    def plus(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(
            self.trials + other.trials,
            self.seconds + other.seconds,
            max(self.longest, other.longest),
            self.measured + other.measured,
            self.unknown + other.unknown,
        )


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

    Where the seed draws the classes, and with them the sizes, once for every seed.

    Raises:
        InputError: see `make_plan`.
    """
    files: dict[tuple[str, str], ImageSetFiles] = {}
    images: dict[tuple[str, str], tuple[NDArray[np.integer], NDArray[np.int64]]] = {}
    kinds = (
        ((trial.dataset, trial.ood), trial.splits, trial.seed if trial.splits.known_classes else 0)
        for trial in trials
    )
    for names, splits, seed in dict.fromkeys(kinds):
        if names not in files:
            files[names] = found = ImageSetFiles.find(*names, data_root)
            ids, own = read_labels(found.train, classes=len(found.class_names))
            ood_total = len(read_labels(found.ood)[1]) if found.ood else 0
            images[names] = np.append(own, np.full(ood_total, -1)), ids
        labels, ids = images[names]
        PoolRows.draw(labels, len(ids), files[names].class_names, splits, seed, ids)
    return {key: found.data_hash for key, found in files.items()}


def setting_of(trial: Trial) -> str:
    """`cifar10+svhn b=1000`: the line of a plan that a trial counts to."""
    return f"{trial.dataset}{'+' + trial.foreign if trial.foreign else ''} b={trial.budget}"


def estimate(plan: Plan, finished: Results | None, gpu: Gpu | None = None) -> dict[str, Cost]:
    """What the trials that are to do will cost one worker, by setting.

    Args:
        plan: the plan.
        finished: the finished trials of this results folder, if there are any: their rounds on the same device say
            what those of their kind cost.
        gpu: what the table says of a GPU; a core of a CPU if None.
    """
    measured = _measured(finished, "cpu" if gpu is None else gpu.device)
    found: dict[str, Cost] = {}
    for each in plan.planned:
        if each.done:
            continue
        trial = each.trial
        key = (trial.dataset, trial.foreign, trial.strategy.name, trial.objective.name, str(trial.budget))
        seconds = measured[key] * each.rounds_to_do if key in measured else _nominal(each, gpu)
        one = Cost(1, seconds or 0.0, seconds or 0.0, int(key in measured), int(seconds is None))
        found[setting_of(trial)] = found.get(setting_of(trial), Cost()).plus(one)
    return found


def _measured(finished: Results | None, device: str) -> dict[Any, float]:
    """Mean seconds of a round on a device, by what a trial and a row of `rounds` both say."""
    if finished is None:
        return {}
    joined = finished.rounds.merge(finished.timings, on=["trial_id", "round"])
    joined = joined[joined["device"] == device]
    keys = ["dataset", "ood", "strategy", "objective", "budget"]
    means = joined.groupby([joined[key].astype(str) for key in keys])["total_seconds"].mean()
    return dict(means.to_dict())


def _nominal(planned: Planned, gpu: Gpu | None) -> float | None:
    rounds = round_seconds(planned.trial, gpu)
    return None if rounds is None else sum(rounds[planned.rounds_done :])


def work_of(plan: Plan, committed: Mapping[str, int]) -> dict[str, Work]:
    """What each trial that is to do will take, by id: the weights of the time left.

    Args:
        plan: the plan.
        committed: rounds of unfinished trials that are committed, by trial id.
    """
    found = {}
    for each in plan.planned:
        if not each.done:
            trial = each.trial
            rounds = round_seconds(trial) or (1.0,) * (trial.rounds + 1)
            kind = repr([getattr(trial, entry.name) for entry in fields(trial) if entry.name != "seed"])
            done = max(each.rounds_done, committed.get(each.trial_id, 0))
            found[each.trial_id] = Work(kind, rounds, done)
    return found
