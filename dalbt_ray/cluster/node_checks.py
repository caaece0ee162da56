"""Look at every node of a cluster before the first trial, and set those aside on which trials would fail."""

import platform
import secrets
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dalbt_ray.cluster.code_version import code_hash
from dalbt_ray.cluster.node_facts import TOLD, NodeFacts, problems
from dalbt_ray.cluster.preflight import Node
from dalbt_ray.errors import InputError
from dalbt_ray.results import ResultsStore

PATIENCE_S = 180.0
"""Seconds that a node has to answer; a first process on it unpacks the package and imports torch."""


def nodes_to_avoid(
    nodes: Sequence[Node], store_root: str, data: Sequence[Path], code: str, *, gpus_wanted: bool
) -> dict[str, str]:
    """Which of the nodes cannot run trials, by their ids, and why. A single node is the driver's own and not asked.

    Args:
        nodes: that are alive.
        store_root: the results folder, which is there already.
        data: the files that images are read from.
        code: the driver's code hash.
        gpus_wanted: trials hold GPUs.

    Raises:
        InputError: every node is one of them.
    """
    if len(nodes) < 2:
        return {}
    storage, word = ResultsStore(store_root).storage, secrets.token_hex(8)
    # A folder of the same name on the node's own disk does not hold this file.
    mark = f"staging/{word}-nodes"
    storage.write(mark, word.encode())
    try:
        sizes = {str(path): path.stat().st_size for path in data}
        asked = {
            _look.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.node_id, soft=False)
            ).remote(store_root, mark, word, sizes): node
            for node in nodes
        }
        answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=PATIENCE_S)
        driver = _facts(code, "", (), 0)
        avoided = {}
        for answer, node in asked.items():
            told = [f"it did not answer within {PATIENCE_S:g} s"]
            if answer in answered:
                try:
                    found = ray.get(answer)
                    told = problems(found, driver, gpus_offered=node.gpus, gpus_wanted=gpus_wanted)
                except ray.exceptions.RayError as error:
                    told = [f"it cannot run our code ({str(error).strip().splitlines()[-1][:200]})"]
            if told:
                avoided[node.node_id] = "; ".join(told)
    finally:
        storage.delete(mark)
    if len(avoided) == len(nodes):
        problem = f"leads to {len(nodes)} nodes of which none can run trials"
        raise InputError("address", nodes[0].name, problem, remedy=next(iter(avoided.values())))
    return avoided


@ray.remote(num_cpus=0, max_retries=0)  # type: ignore[untyped-decorator]
def _look(store_root: str, mark: str, word: str, sizes: dict[str, int]) -> NodeFacts:
    """On a node: what is there."""
    missing = tuple(
        name for name, size in sizes.items() if not Path(name).is_file() or Path(name).stat().st_size != size
    )
    return _facts(code_hash(), _results_problem(store_root, mark, word), missing, torch.cuda.device_count())


def _results_problem(store_root: str, mark: str, word: str) -> str:
    storage = ResultsStore(store_root).storage
    try:
        if storage.read(mark) != word.encode():
            return "is another one there"
        own = f"{mark}-{secrets.token_hex(4)}"
        storage.write(own, b"")
        storage.delete(own)
    except FileNotFoundError:
        return "of the driver is not there"
    except Exception as error:  # whatever a mount, a bucket or its client has to say
        return f"cannot be used there ({error})"
    return ""


def _facts(code: str, results: str, data: tuple[str, ...], gpus: int) -> NodeFacts:
    return NodeFacts(
        code=code,
        python=".".join(platform.python_version_tuple()[:2]),
        packages={name: _version(name) for name in TOLD},
        results=results,
        data=data,
        gpus=gpus,
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
