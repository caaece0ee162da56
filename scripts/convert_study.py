"""Convert a results folder of before the first release, as commit 722466f wrote it, to a bundle of today's form.

Used once, for the MNIST study:

    python scripts/convert_study.py docs/studies/mnist_results docs/studies/mnist

What was measured is copied unchanged. Configurations get their new form (`new_config`), ids and network ids follow from
it, the column `variant` goes (what it named is in the configuration), and two words of the manifests change. Trials of
that time did not keep the query of their last round: one that is asked for more rounds trains its last round again.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa

from dalbt_ray.errors import InputError
from dalbt_ray.results import trial_id, verify
from dalbt_ray.results.compaction import write_bundle
from dalbt_ray.results.load import open_results
from dalbt_ray.results.parquet_form import conform, encode
from dalbt_ray.results.published import read_manifest, read_table, single_ids, table_file
from dalbt_ray.results.schemas import SCHEMAS, TABLES, Table
from dalbt_ray.results.storage.folder import read_sweep
from dalbt_ray.results.storage.location import open_storage
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import seal
from dalbt_ray.strategies import Method

Json = dict[str, Any]

OBJECTIVE_OPTIONS = ("self_supervised_weight", "redundancy_weight", "self_supervised_data")
"""Options of the joint objective that were recorded under `training`, whatever the objective was."""

SINCE_THEN = {"dalbt": {"tails": "plain"}}
"""Options that came later, with what held before them."""

FIRST_VERSION = ("vaal", "waal", "batch_bald")
"""Strategies whose algorithm has changed since: their trials keep the id of version 1, which no sweep of today has."""

DATA_WORDS = {"foreign": "ood", "foreign_in_own": "ood_in_train"}


@dataclass(frozen=True)
class Identity:
    """What today's code says of a trial.

    Attributes:
        trial_id: its id.
        network_id: what its first round shares.
        label: its name for people.
        config: every field, defaults included.
    """

    trial_id: str
    network_id: str
    label: str
    config: Json


def new_config(old: Json) -> Json:
    """Today's form of a configuration: encoder and objective are values of their own."""
    network, training, strategy = dict(old["network"]), dict(old["training"]), dict(old["strategy"])
    encoder = {"name": network.pop("encoder"), "latent_dim": network.pop("latent_dim")}
    del network["variational"]  # the strategy says so
    strategy |= SINCE_THEN.get(strategy["name"], {})
    if strategy["name"] == "dal_osr":
        strategy["auxiliary"] = {**strategy["auxiliary"], "pool_epochs": 0.0}
    options = {name: training.pop(name) for name in OBJECTIVE_OPTIONS}
    objective = {"name": old["objective"]} | (options if old["objective"] == "joint" else {})
    return old | {
        "encoder": encoder,
        "network": network,
        "objective": objective,
        "training": training,
        "strategy": strategy,
        "views": {"name": "byol", **old["views"]},
        "metrics": [],
    }


def identify(config: Json, data_hash: str) -> Identity:
    """Build the trial of a configuration and ask it who it is.

    Raises:
        InputError: a field that today's code does not know.
    """
    from dalbt_ray.config import ALGORITHM_VERSION, known_classes, trial_from_json
    from dalbt_ray.options.canonical import essence

    strategy = config["strategy"]
    old = strategy["name"] in FIRST_VERSION
    today = {"version": known_classes()[Method][strategy["name"]].version} if old else {}
    trial = trial_from_json(config | {"strategy": strategy | today})
    said = essence(trial)
    del said["rounds"]
    if old:
        del said["strategy"]["version"]
    kept = trial.as_json() | ({"strategy": strategy} if old else {})
    return Identity(trial_id(said, data_hash, ALGORITHM_VERSION), trial.network_id, trial.label, kept)


def convert(
    source: Storage, target: Storage, identify: Callable[[Json, str], Identity] = identify
) -> dict[str, str]:
    """Write `sweep.json` and the bundle; the new id of each trial by its old one.

    Args:
        source: the old results folder; only read.
        target: a new folder.
        identify: identity from configuration and data hash.

    Raises:
        InputError: two trials become one, or `target` is not empty.
        DamagedError: a file is not what was written.
    """
    if target.entries(""):
        raise InputError("target", target.location, "is not empty", remedy="name a new folder")
    manifests: dict[str, Json] = {}
    parts: dict[Table, list[pa.Table]] = {table: [] for table in TABLES}
    ids: dict[str, str] = {}
    for old_id in sorted(single_ids(source)):
        old = read_manifest(source, old_id)
        who = identify(new_config(old["config"]), old["data_hash"])
        tables = {table: _renamed(table, read_table(source, old, table), who) for table in TABLES}
        if who.trial_id in manifests:
            raise InputError("trial", who.trial_id, f"is what two trials become, one of them {old_id}")
        manifests[who.trial_id] = _new_manifest(old, who, tables)
        ids[old_id] = who.trial_id
        for table in TABLES:
            parts[table].append(tables[table])
    target.prepare()
    target.write("sweep.json", seal("results", read_sweep(source) or {}))
    write_bundle(target, manifests, parts)
    target.delete_folder("staging")
    return ids


def _renamed(table: Table, found: pa.Table, who: Identity) -> pa.Table:
    """The rows under their new ids, without the column that went."""
    if "variant" in found.column_names:
        found = found.drop_columns("variant")
    for name, value in (("trial_id", who.trial_id), ("network_id", who.network_id)):
        if name in found.column_names:
            place = found.column_names.index(name)
            found = found.set_column(
                place, SCHEMAS[table].field(name), pa.array([value] * len(found), pa.string())
            )
    return conform(table, found)


def _new_manifest(old: Json, who: Identity, tables: dict[Table, pa.Table]) -> Json:
    kept = {name: value for name, value in old.items() if name not in ("variant", "files")}
    files = {}
    for table, rows in tables.items():
        data = encode(rows)
        files[table] = {
            "path": table_file(table, who.trial_id),
            "rows": rows.num_rows,
            "bytes": len(data),
            "sha256": sha256(data).hexdigest(),
        }
    return kept | {
        "trial_id": who.trial_id,
        "label": who.label,
        "config": who.config,
        "data": {DATA_WORDS.get(name, name): value for name, value in old["data"].items()},
        "converted_from": old["trial_id"],
        "files": files,
    }


def main() -> None:
    """Convert, then verify what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="OLD", help="results folder of before the first release; only read")
    parser.add_argument("target", metavar="NEW", help="a new folder")
    arguments = parser.parse_args()
    ids = convert(open_results(arguments.source), open_storage(arguments.target))
    print(f"{len(ids)} trials converted")
    print(verify(arguments.target))


if __name__ == "__main__":
    main()
