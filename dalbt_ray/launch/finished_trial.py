"""A finished trial as a value again, from its manifest, with the images that it was run on."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from dalbt_ray.config import Trial, known_classes, trial_from_json
from dalbt_ray.data.embedding.embedded_set import load_images
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.data.sources import user_cache
from dalbt_ray.errors import InputError
from dalbt_ray.options.canonical import Classes
from dalbt_ray.options.value import Named, is_users
from dalbt_ray.results import ResultsStore


@dataclass(frozen=True)
class FinishedTrial:
    """A trial, what its manifest says of it, and its images."""

    trial: Trial
    manifest: dict[str, Any]
    image_set: ImageSet


def finished_trial(
    results: str, trial_id: str, data_root: Path | None, sweep_file: str | None = None
) -> FinishedTrial:
    """Read a trial's manifest and load its images.

    Args:
        results: the results folder or URI.
        trial_id: 16 hex digits.
        data_root: the folder of image sets.
        sweep_file: the Python file that defines the user's own classes of the trial, if there are any.

    Raises:
        InputError: no such finished trial, data that are not those of the manifest, or a class that is not known.
    """
    manifest = ResultsStore(results).manifest(trial_id)
    trial = trial_from_json(manifest["config"], classes_of(sweep_file, manifest["config"]))
    image_set = load_images(*trial.image_key, data_root, user_cache(os.environ))
    if image_set.data_hash != manifest["data_hash"]:
        raise InputError(
            "data-root",
            str(data_root),
            f"holds other images of {trial.dataset} than the trial was run on",
            remedy=f"the trial's data hash is {manifest['data_hash']}",
        )
    return FinishedTrial(trial, manifest, image_set)


def classes_of(sweep_file: str | None, config: Mapping[str, Any]) -> Classes:
    """What names stand for, the classes of a sweep file included.

    Raises:
        InputError: the file is not there, or is no Python.
    """
    classes = {base: dict(names) for base, names in known_classes().items()}
    if sweep_file is None:
        for base, names in classes.items():
            part = config.get(base.path)
            if isinstance(part, dict) and part.get("name") not in names:
                remedy = "name the file that defines it: --sweep-file mine.py"
                raise InputError(base.path, part.get("name"), "is not one of this package", remedy=remedy)
        return classes
    path = Path(sweep_file)
    if not path.is_file():
        raise InputError("sweep-file", sweep_file, "is not a file")
    for found in vars(_imported(path.resolve())).values():
        if (
            isinstance(found, type)
            and issubclass(found, Named)
            and is_users(found)
            and hasattr(found, "name")
        ):
            for base, names in classes.items():
                if issubclass(found, base):
                    names[found.name] = found
    return classes


def _imported(path: Path) -> ModuleType:
    """The module of a sweep file, under a name that no other module has, with its folder to import from.

    It has to be known to Python while it runs and after: dataclasses look for it, and the source of classes is found by
    it.
    """
    name = f"sweep_file_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError("sweep-file", str(path), "is no Python file", remedy="its name ends with .py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec.loader.exec_module(module)
    return module
