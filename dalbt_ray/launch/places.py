"""Where the trials of a plan would run, and how many of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from dalbt_ray.cluster.authentication import enable_token_authentication
from dalbt_ray.cluster.discovery import this_machine
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Packing, pack
from dalbt_ray.config import Trial

SOME_GPU = "a GPU"
"""One whose name this machine cannot tell."""


@dataclass(frozen=True)
class Places:
    """What there is to run on.

    Attributes:
        where: in words.
        at_once: trials at once.
        gpu: the GPU that trials would have, as torch calls it; empty where they would run on CPUs.
    """

    where: str
    at_once: int
    gpu: str = ""

    def __str__(self) -> str:
        return self.where


def places(trials: Sequence[Trial], options: ClusterOptions, *, in_process: bool) -> Places:
    """A Ray that others started is joined for a moment and asked for its nodes.

    Raises:
        InputError: a trial that can never fit there, or no Ray at the address.
    """
    if in_process:
        device = "the GPU" if torch.cuda.is_available() else "one CPU core"
        return Places(f"one trial after the other in this process, on {device}", 1, _gpu_name())
    if not options.joins:
        packing = pack(trials, options, [this_machine()])
        return Places(str(packing), packing.at_once, _gpu_of(packing))
    enable_token_authentication(options.address)  # before Ray is imported, which is now
    from dalbt_ray.cluster.connection import connected, live_nodes

    with connected(options):
        nodes = live_nodes()
    named = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    packing = pack(trials, options, nodes)
    where = f"{packing}, on {named} of the Ray at {options.address}"
    return Places(where, packing.at_once, _gpu_of(packing))


def _gpu_of(packing: Packing) -> str:
    return (_gpu_name() or SOME_GPU) if any(share.gpus for share in packing.shares) else ""


def _gpu_name() -> str:
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
