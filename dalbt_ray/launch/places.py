"""Where the trials of a plan would run, and how many of them at once."""

from collections.abc import Sequence

import torch

from dalbt_ray.cluster.authentication import enable_token_authentication
from dalbt_ray.cluster.discovery import this_machine
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import pack
from dalbt_ray.config import Trial


def places(trials: Sequence[Trial], options: ClusterOptions, *, in_process: bool) -> str:
    """In one line. A Ray that others started is joined for a moment and asked for its nodes.

    Raises:
        InputError: a trial that can never fit there, or no Ray at the address.
    """
    if in_process:
        device = "the GPU" if torch.cuda.is_available() else "one CPU core"
        return f"one trial after the other in this process, on {device}"
    if not options.joins:
        return str(pack(trials, options, [this_machine()]))
    enable_token_authentication(options.address)  # before Ray is imported, which is now
    from dalbt_ray.cluster.connection import connected, live_nodes

    with connected(options):
        nodes = live_nodes()
    named = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    return f"{pack(trials, options, nodes)} on {named} of the Ray at {options.address}"
