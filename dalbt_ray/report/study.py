"""Everything the report reads of one results folder, prepared: which trials compare, and what each is called."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from dalbt_ray.report.baselines import Pair, baseline_of, pairs
from dalbt_ray.report.cells import BASE, KIND, Method, Setting, find_cells
from dalbt_ray.report.measures import Measure, measures
from dalbt_ray.results import Results, ResultsStore, load_manifests, load_results
from dalbt_ray.results.storage.folder import read_sweep

Json = dict[str, Any]
RUNNING = "running"


class Tables(Protocol):
    """What `load_results` returns."""

    @property
    def rounds(self) -> pd.DataFrame:
        """One row a round."""

    @property
    def selections(self) -> pd.DataFrame:
        """One row an acquired image."""

    @property
    def timings(self) -> pd.DataFrame:
        """One row a round."""

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial: its configuration, flattened."""


@dataclass(frozen=True)
class Study:
    """A results folder in memory.

    Attributes:
        name: the folder's name.
        rounds: the rounds of finished and running trials, with three more columns: `setting` and `method`, the keys of
            every comparison, and `finished`.
        selections: their queries.
        timings: their clocks.
        trials: one row per trial: its configuration, `status`, `rounds_done`, `setting`, `method`.
        configs: the configuration that makes a method, by setting and method, with the `network_id` it trains.
        settings, methods: what the names stand for.
        manifests: the manifest of every finished trial, by trial id.
        failures: the last error of every trial that failed and has not finished since, by trial id: `type`,
            `message`, `hint`, `trace`.
        planned: trials that the folder and the last command had together; 0 where nothing says so.
    """

    name: str
    rounds: pd.DataFrame
    selections: pd.DataFrame
    timings: pd.DataFrame
    trials: pd.DataFrame
    configs: pd.DataFrame
    settings: dict[str, Setting]
    methods: dict[str, Method]
    manifests: Mapping[str, Json] = field(default_factory=dict)
    failures: Mapping[str, Json] = field(default_factory=dict)
    planned: int = 0

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Every known measure by column."""
        return measures(self.manifests.values())

    @cached_property
    def controls(self) -> frozenset[str]:
        """The methods that are none: yardsticks that were shown hidden answers, by what finished trials say."""
        marked = [name for name, manifest in self.manifests.items() if manifest.get("control")]
        return frozenset(self.trials.loc[self.trials.index.isin(marked), "method"])

    @property
    def without_controls(self) -> "Study":
        """The study for comparisons: a control takes no part in a verdict, a ranking or a correction."""
        return self.part(self.rounds[~self.rounds["method"].isin(self.controls)]) if self.controls else self

    @property
    def running(self) -> list[str]:
        """Trials with committed rounds that are neither finished nor failed."""
        going = self.trials.index[self.trials["status"] == RUNNING]
        return sorted(set(going) - set(self.failures))

    @property
    def finished(self) -> list[str]:
        """Trials that ended, for better or worse, and are published."""
        return sorted(self.trials.index[self.trials["status"] != RUNNING])

    @property
    def total(self) -> int:
        """Trials in all: as planned, or as many as are known where more of them are."""
        return max(self.planned, len(set(self.trials.index) | set(self.failures)))

    def part(self, rounds: pd.DataFrame) -> "Study":
        """The same study with some of its rounds."""
        return replace(self, rounds=rounds)

    def pairs(self, setting: str) -> list[Pair]:
        """Who meets which random in a setting, among the methods that have rounds in it."""
        return self._pairs[setting]

    @cached_property
    def _pairs(self) -> dict[str, list[Pair]]:
        return {setting: pairs(configs) for setting, configs in self._configs.items()}

    def baseline(self, setting: str, method: str) -> str | None:
        """The random that a method meets first; itself for a random."""
        return self._baselines[setting, method]

    @cached_property
    def _baselines(self) -> dict[tuple[str, str], str | None]:
        return {
            (setting, str(method)): baseline_of(str(method), configs)
            for setting, configs in self._configs.items()
            for method in configs.index
        }

    def configs_of(self, setting: str) -> pd.DataFrame:
        """The configurations of a setting's methods that have rounds, by name."""
        return self._configs[setting]

    @cached_property
    def _configs(self) -> dict[str, pd.DataFrame]:
        present = self.rounds[["setting", "method"]].drop_duplicates().sort_values(["setting", "method"])
        here = self.configs.loc[list(present.itertuples(index=False, name=None))]
        return {
            str(setting): group.droplevel("setting")
            for setting, group in here.groupby(level="setting", sort=False)
        }


def prepare(
    tables: Tables,
    name: str = "results",
    *,
    manifests: Mapping[str, Json] | None = None,
    failures: Mapping[str, Json] | None = None,
    planned: int = 0,
) -> Study:
    """What `load_results` returned, ready to be compared.

    Rounds are sorted by data set, OOD set, budget, method, seed and round.
    """
    rounds, trials = tables.rounds, tables.trials
    if trials.empty:  # no trial has a configuration: all of them failed before their first round
        trials = pd.DataFrame(columns=[*BASE, *KIND, "seed", "status"], index=pd.Index([], dtype=object))
    cells = find_cells(trials)
    trials = trials.join(cells.trials)
    rounds = rounds.join(cells.trials, on="trial_id")
    rounds["finished"] = rounds["trial_id"].map(trials["status"]) != RUNNING
    keys = ["dataset", "ood", "budget", "setting", "method", "seed", "trial_id", "round"]
    rounds = rounds.sort_values(keys, ignore_index=True)
    networks = rounds.drop_duplicates(["setting", "method"]).set_index(["setting", "method"])["network_id"]
    return Study(
        name=name,
        rounds=rounds,
        selections=tables.selections,
        timings=tables.timings,
        trials=trials,
        configs=cells.configs.join(networks),
        settings=cells.settings,
        methods=cells.methods,
        manifests=manifests or {},
        failures=failures or {},
        planned=planned,
    )


def _cut(tables: Results, asked: Mapping[str, int]) -> Results:
    """The tables without the rounds that nobody asked for."""
    if not asked:
        return tables

    def kept(frame: pd.DataFrame) -> pd.DataFrame:
        last = frame["trial_id"].map(asked).astype("float64")
        return frame[last.isna() | (frame["round"] <= last)].reset_index(drop=True)

    return replace(
        tables, rounds=kept(tables.rounds), selections=kept(tables.selections), timings=kept(tables.timings)
    )


def names_of_trials(trials: pd.DataFrame) -> dict[str, str]:
    """`mnist, b=100: random (supervised) seed 0` for every trial of a study, by id."""
    columns = (trials[name] for name in ("setting", "method", "seed"))
    named = zip(trials.index, *columns, strict=True)
    return {str(trial_id): f"{setting}: {method} seed {seed}" for trial_id, setting, method, seed in named}


def results_name(results: Path | str) -> str:
    """What a folder or URI is called: its last part, also of `.` and `..`."""
    text = str(results)
    whole = text if "://" in text else os.path.abspath(text)  # noqa: PTH100 - resolves `..` and no links
    return whole.rstrip("/").rsplit("/", 1)[-1] or "results"


def read_study(results: Path | str, asked: Mapping[str, int] | None = None) -> Study:
    """Read a finished or running sweep, from a folder or a URI such as `s3://bucket/sweep`.

    Args:
        results: the folder or URI.
        asked: queries that a sweep asks of a trial, by trial id: what goes beyond is not shown. Trials that are not
            named are shown whole.

    Raises:
        InputError: not a results folder, or damaged.
    """
    # Manifests first: a trial that finishes meanwhile is then told by its rounds alone.
    manifests = load_manifests(results)
    tables = _cut(load_results(results, include_running=True), asked or {})
    store = ResultsStore(results)
    sweep = read_sweep(store.storage) or {}
    return prepare(
        tables,
        results_name(results),
        manifests=manifests,
        failures=store.errors(),
        planned=int(sweep.get("trials", 0)),
    )
