"""What every node of a cluster has to have in common with the driver before the first trial starts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TOLD = ("torch", "numpy", "pyarrow", "ray")
"""Packages whose versions decide bits, or whether nodes understand each other at all."""


@dataclass(frozen=True)
class NodeFacts:
    """What was found on one node.

    Attributes:
        code: hash of the package's sources.
        python: `3.11`.
        packages: versions of `TOLD`.
        results: what is wrong with the results folder there; empty for nothing.
        data: the data files that are not there, or of another size.
        gpus: GPUs that torch sees.
    """

    code: str
    python: str
    packages: Mapping[str, str]
    results: str = ""
    data: tuple[str, ...] = field(default=())
    gpus: int = 0


def problems(found: NodeFacts, driver: NodeFacts, *, gpus_offered: float, gpus_wanted: bool) -> list[str]:
    """Why a node cannot run trials of this sweep; empty if it can.

    Args:
        found: on the node.
        driver: in the driver's process.
        gpus_offered: GPUs that the node tells Ray it has.
        gpus_wanted: trials hold GPUs.
    """
    told = []
    if found.code != driver.code:
        told.append("it runs other code than the driver: bring the package up to date")
    if found.python != driver.python:
        told.append(f"it has Python {found.python}, and the driver {driver.python}")
    told += [
        f"it has {name} {found.packages.get(name)}, and the driver {version}"
        for name, version in driver.packages.items()
        if found.packages.get(name) != version
    ]
    if found.results:
        told.append(f"the results folder {found.results}: name one that every node shares, or a URI")
    if found.data:
        told.append(f"it lacks the driver's data file {found.data[0]}")
    if gpus_wanted and gpus_offered and not found.gpus:
        told.append("it offers a GPU that its torch does not see: install torch for CUDA there")
    return told


def elsewhere(nodes: tuple[str, ...]) -> dict[str, str]:
    """A label selector for every node but these, by their ids; empty for all nodes."""
    return {"ray.io/node-id": f"!in({','.join(nodes)})"} if nodes else {}
