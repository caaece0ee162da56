"""The finished trials of several results folders in a new one: of machines that share no disk, seeds apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dalbt_ray.errors import InputError
from dalbt_ray.results.compaction import write_bundle
from dalbt_ray.results.load import open_results, read_published
from dalbt_ray.results.published import published_trial
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage.folder import read_sweep
from dalbt_ray.results.storage.location import open_storage
from dalbt_ray.results.storage.sealed import seal

Manifests = dict[str, dict[str, Any]]
Parts = dict[Table, list[pa.Table]]


@dataclass(frozen=True)
class Gathered:
    """What lies in the new folder.

    Attributes:
        trials: how many.
        shared: how many of them several folders had.
    """

    trials: int
    shared: int = 0

    def __str__(self) -> str:
        """For a terminal."""
        told = f"{self.trials} trial{'s' * (self.trials != 1)}"
        if self.shared:
            told += (
                f"; {self.shared} of several folders count once: with most rounds, else of the first named"
            )
        return told


def gather(roots: Sequence[str | Path], out: str | Path) -> Gathered:
    """Write a bundle of all finished trials of some results folders.

    A trial counts once: of several folders that have it, the one in which it has most rounds, the first named of those.

    Args:
        roots: results folders; sweeps may be writing to them.
        out: a new results folder, which gets `sweep.json` (the first folder's) and the bundle and nothing else.

    Raises:
        InputError: one is no results folder; a damaged file (named; `dalbt verify` fixes that); `out` is not empty;
            more than a bundle can hold.
    """
    target = open_storage(out)
    if target.entries(""):
        raise InputError("out", target.location, "is not empty", remedy="name a new folder")
    storages = [open_results(root) for root in roots]
    found = [read_published(storage) for storage in storages]
    manifests, parts = _together(found)
    sweeps = [read_sweep(storage) or {} for storage in storages]
    planned = max(len(manifests), *(int(sweep.get("trials", 0)) for sweep in sweeps))
    target.prepare()
    target.write("sweep.json", seal("results", sweeps[0] | {"trials": planned}))
    write_bundle(target, manifests, parts)
    target.delete_folder("staging")
    had = Counter(trial_id for each, _ in found for trial_id in each)
    return Gathered(len(manifests), sum(folders > 1 for folders in had.values()))


def _together(found: Sequence[tuple[Manifests, Parts]]) -> tuple[Manifests, Parts]:
    """One of each trial: the manifests by trial id, and the tables in parts."""
    owner: dict[str, int] = {}
    for place, (manifests, _) in enumerate(found):
        for trial_id, manifest in manifests.items():
            known = found[owner[trial_id]][0][trial_id] if trial_id in owner else None
            if known is None or published_trial(manifest).rounds > published_trial(known).rounds:
                owner[trial_id] = place
    parts: Parts = {table: [] for table in TABLES}
    for place, (manifests, tables) in enumerate(found):
        own = [trial_id for trial_id in manifests if owner[trial_id] == place]
        kept = pa.array(own, pa.string())
        for table in TABLES:
            for part in tables[table]:
                whole = len(own) == len(manifests)
                parts[table].append(
                    part if whole else part.filter(pc.is_in(part["trial_id"], value_set=kept))
                )
    return {trial_id: found[owner[trial_id]][0][trial_id] for trial_id in sorted(owner)}, parts
