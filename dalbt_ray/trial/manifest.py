"""What made a trial: configuration, versions, code and machine, for its manifest."""

import platform
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from dalbt_ray.config import ALGORITHM_VERSION, known_classes, trial_from_json
from dalbt_ray.errors import InputError
from dalbt_ray.results import Record
from dalbt_ray.trial.conditions import conditions
from dalbt_ray.trial.machine import code, instructions, processor
from dalbt_ray.trial.networks import Run

_PACKAGES = ("dalbt-ray", "torch", "torchvision", "ray", "numpy", "scipy", "pyarrow", "pandas")


def manifest(run: Run, records: list[Record]) -> dict[str, Any]:
    """The manifest of a finished trial, without its files, which the store adds.

    No host names, users or paths: manifests are published with papers.
    """
    trial, image_set = run.trial, run.image_set
    return {
        "label": trial.label,
        "status": records[-1].row.status,
        "config": trial.as_json(),
        "control": trial.strategy.control,
        "algorithm_version": ALGORITHM_VERSION,
        "data_hash": image_set.data_hash,
        "data": {
            "images": len(image_set.images),
            "image_shape": list(image_set.images.shape),
            "pool": len(run.oracle.labels),
            "ood": int(run.oracle.is_ood.sum()),
            "validation": len(run.oracle.validation_labels),
            "test": len(run.oracle.test_labels),
            "class_names": list(image_set.class_names),
            "known_classes": [image_set.class_names[number] for number in run.oracle.classes.known],
            "conversion": image_set.conversion,
            "test_in_train": image_set.test_in_train,
            "ood_in_train": image_set.ood_in_train,
            "features_sha256": image_set.features_sha256,
        },
        "environment": environment(run.device),
        "conditions": conditions(records),
        "workers": run.world.size,
        "code": dict(code()),
        "own_code": dict(run.own_code),
        "metrics": {
            metric.column: {
                "title": metric.title,
                "unit": metric.unit,
                "per_class": metric.per_class,
                "per_pair": metric.per_pair,
            }
            for metric in trial.measured
        },
    }


def identify(manifest: Mapping[str, Any]) -> str:
    """The trial id that a manifest's configuration and data have; empty where this version cannot tell.

    That is so for classes of the user's, for algorithms of another version, and for a manifest from before an option
    whose default has changed since.
    """
    try:
        if manifest["own_code"] or manifest["algorithm_version"] != ALGORITHM_VERSION:
            return ""
        trial = trial_from_json(manifest["config"])
        found = trial.trial_id(manifest["data_hash"])
    except (InputError, KeyError, TypeError, ValueError):
        return ""
    if (
        found == manifest["trial_id"]
        or not _untold(manifest["config"], trial.as_json()) & _changed_defaults()
    ):
        return found
    return ""


def _untold(told: Any, full: Any) -> set[str]:
    """Names of the fields that `full` has and `told`, from before they joined, has not; at any depth."""
    if not isinstance(told, dict) or not isinstance(full, dict):
        return set()
    inner = (_untold(told[name], value) for name, value in full.items() if name in told)
    return set(full.keys() - told.keys()).union(*inner)


def _changed_defaults() -> set[str]:
    """Names of the fields whose default is not the one that they joined with."""
    classes = [each for names in known_classes().values() for each in names.values()]
    return {field.name for each in classes for field in fields(each) if "introduced" in field.metadata}  # type: ignore[arg-type]


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, device and CPU: results are bit-identical only where these are equal."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "cpu": processor(),
        "instructions": instructions(),
        "threads": torch.get_num_threads(),
    }


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
