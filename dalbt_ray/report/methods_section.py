"""The paragraph on methods, and where the numbers come from, out of the trials' manifests."""

import json
from math import isnan
from typing import Any

from dalbt_ray.report.page import Block, Items, Preformatted, Section, Text
from dalbt_ray.report.study import Json, Study, names_of_trials
from dalbt_ray.report.summaries import horizons
from dalbt_ray.report.wording import counted


def methods_section(study: Study) -> Section:
    """What a paper's method section needs: trials, seeds, statistics, versions, hashes."""
    rounds = study.rounds
    seeds = sorted(int(seed) for seed in rounds["seed"].unique())
    cells = rounds.groupby(["setting", "method"])["seed"].nunique()
    n = f"{cells.min()}" if cells.min() == cells.max() else f"{cells.min()} to {cells.max()}"
    trials = rounds["trial_id"].nunique()
    blocks: list[Block] = [
        Text(
            f"{counted(trials, 'active-learning trial')} in {counted(rounds['setting'].nunique(), 'setting')} with "
            f"{counted(rounds['method'].nunique(), 'method')}; seeds per cell: {n} (out of {_ranges(seeds)}). A seed "
            "fixes the initial labeled set, the validation set and the splits, the same for every method, so methods "
            "are compared pairwise on seeds. Accuracy is measured on the test set after the training of each round; "
            "the test set chooses nothing. Where nothing else is said, intervals are 95 % t intervals over seeds, "
            "those of differences and savings paired on seeds, and tests are paired t-tests with Holm's correction. "
            "AUBC is the area under accuracy over labels paid for, by the trapezoid rule on the true label counts, "
            "divided by their range. A trial that stalled or exhausted its pool keeps its last accuracy to the end of "
            "the axis."
        ),
        Text(horizon_sentence(study)),
    ]
    if study.manifests:
        blocks.append(Items(_facts(list(study.manifests.values()))))
        common, varied = _common([manifest.get("config", {}) for manifest in study.manifests.values()])
        blocks.append(
            Preformatted("Configuration that all trials share", json.dumps(common, indent=1, sort_keys=True))
        )
        blocks.append(
            Text(f"Configuration that varies between trials: {', '.join(sorted(varied)) or 'nothing'}.", True)
        )
        blocks.append(
            Text(
                "To repeat a trial from its manifest and compare it bit for bit: dalbt rerun DIR ID, with an id below."
            )
        )
        trial_names = names_of_trials(study.trials)
        ids = "\n".join(f"{name}  {trial_names.get(name, '')}" for name in sorted(study.manifests))
        blocks.append(Preformatted(f"Trial ids ({len(study.manifests)})", ids))
    return Section("methods", "Methods", blocks)


def horizon_sentence(study: Study) -> str:
    """Up to how many labels each setting is compared, and whose curves go on beyond that."""
    rounds = study.rounds
    told = []
    for setting, horizon in horizons(rounds).items():
        here = rounds[rounds["setting"] == setting]
        if isnan(horizon):
            told.append(f"{setting!s}: nothing yet, no trial has finished")
            continue
        beyond = ", some curves go on" if here["n_bought"].max() > horizon else ""
        initial = here.loc[here["round"] == 0, "n_labeled"].mean()
        told.append(f"{setting!s}: {horizon + initial:,.0f} labels{beyond}")
    return f"Compared up to the last label count that all finished trials of a setting reached: {'; '.join(told)}."


def _facts(manifests: list[Json]) -> list[str]:
    packages: dict[str, set[str]] = {}
    for manifest in manifests:
        for name, version in manifest.get("environment", {}).get("packages", {}).items():
            packages.setdefault(name, set()).add(str(version))
    versions = ", ".join(f"{name} {'/'.join(sorted(found))}" for name, found in sorted(packages.items()))
    data = {
        (_data_name(manifest), str(manifest.get("data_hash")))
        for manifest in manifests
        if manifest.get("data_hash") is not None
    }
    dirty = any(manifest.get("code", {}).get("dirty") for manifest in manifests)
    facts = {
        "Versions": versions,
        "Python": _values(manifests, "environment", "python"),
        "Devices": _values(manifests, "environment", "device"),
        "Workers per trial": _values(manifests, "workers"),
        "Git commit": _values(manifests, "code", "commit") + (" with uncommitted changes" if dirty else ""),
        "Algorithm version": _values(manifests, "algorithm_version"),
        "Data (hash)": "; ".join(f"{name}: {digest}" for name, digest in sorted(data)),
    }
    return [f"{name}: {text}" for name, text in facts.items() if text.strip()]


def _data_name(manifest: Json) -> str:
    config = manifest.get("config", {})
    return " + ".join(str(config[name]) for name in ("dataset", "ood") if config.get(name))


def _values(manifests: list[Json], *path: str) -> str:
    found = set()
    for manifest in manifests:
        value: Any = manifest
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            found.add(str(value))
    return ", ".join(sorted(found))


def _common(configs: list[Json]) -> tuple[Json, set[str]]:
    """The flattened entries that are equal everywhere, and the names of the others."""
    flat = [_flatten(config) for config in configs]
    names = {name for config in flat for name in config}
    common = {
        name: flat[0][name] for name in names if all(name in c and c[name] == flat[0].get(name) for c in flat)
    }
    return common, names - set(common)


def _flatten(value: Json, prefix: str = "") -> Json:
    flat: Json = {}
    for name, child in value.items():
        if isinstance(child, dict):
            flat |= _flatten(child, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = child
    return flat


def _ranges(seeds: list[int]) -> str:
    """`0-4, 7` for 0, 1, 2, 3, 4, 7."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
