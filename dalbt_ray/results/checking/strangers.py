"""Files where none of their kind belongs, and the single files of the folder: `sweep.json`, the failures."""

from collections.abc import Iterator

from dalbt_ray.results import trial_errors as failures
from dalbt_ray.results.checking.finding import UNUSABLE, Finding, finding
from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.published import MANIFESTS
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage.expected import FOLDER as INDEX
from dalbt_ray.results.storage.folder import SWEEP
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import unseal


def check_strangers(storage: Storage, present: dict[Table, list[str]], known: set[str]) -> Iterator[Finding]:
    """Files that break anyone who reads a whole table folder, and tables whose trial was never published."""
    for table in TABLES:
        for name in present[table]:
            stem = name.removesuffix(".parquet")
            if not name.endswith(".parquet") or not is_trial_id(stem):
                yield Finding(f"{table}/{name}", "does not belong into a table folder", kind="stranger")
            elif stem not in known:
                yield Finding(f"{table}/{name}", "belongs to no published trial", stem, "stranger")
    for folder in (MANIFESTS, failures.FOLDER, INDEX):
        for name in storage.entries(folder):
            if not name.endswith(".json") or not is_trial_id(name.removesuffix(".json")):
                yield Finding(f"{folder}/{name}", "does not belong here", kind="stranger")


def check_single_files(storage: Storage) -> Iterator[Finding]:
    """Problems of `sweep.json`, which is always there, and of the failures."""
    kinds = {SWEEP: "results"}
    kinds |= {f"{failures.FOLDER}/{name}": "error" for name in storage.entries(failures.FOLDER)}
    for name, kind in kinds.items():
        try:
            unseal(kind, storage.read(name))
        except FileNotFoundError:
            if name == SWEEP:
                yield Finding(name, "is missing: the sweep's own command writes it again", kind="missing")
        except UNUSABLE as error:
            yield finding(name, error)
