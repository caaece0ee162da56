"""What a trial holds, how many trials fit on the nodes that are alive, and refusal of what never can. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.config import Trial
from dalbt_ray.errors import InputError


@dataclass(frozen=True)
class Node:
    """What one node of the cluster offers in all, busy or not; its id is empty where there is no Ray yet."""

    name: str
    cpus: float
    gpus: float
    node_id: str = ""


@dataclass(frozen=True)
class Share:
    """What one trial holds: `workers` times (`cpus`, `gpus`), each worker on one node."""

    cpus: float
    gpus: float
    workers: int = 1

    def __str__(self) -> str:
        each = f"{self.cpus:g} CPU" + (f" and {self.gpus:g} GPU" if self.gpus else "")
        return f"on {each}" if self.workers == 1 else f"on {self.workers} workers of {each}"


@dataclass(frozen=True)
class Packing:
    """How a sweep's trials fit on a cluster.

    Attributes:
        shares: the kinds of trial there are, each with the number that fits at once.
        at_once: trials to run at once, at most.
    """

    shares: dict[Share, int]
    at_once: int

    def __str__(self) -> str:
        if len(self.shares) == 1:
            (share,) = self.shares
            return f"up to {self.at_once} at once, each {share}"
        kinds = ", ".join(f"{count} {share} each" for share, count in self.shares.items())
        return f"up to {self.at_once} at once ({kinds})"


def share_of(trial: Trial, options: ClusterOptions, nodes: Sequence[Node]) -> Share:
    """What `trial` holds: as the options say, else by its network and the nodes.

    A GPU is used where any node has one. A trial takes a whole CPU, unless CPUs are scarcer than the slots on the
    GPUs: then they are split evenly, so that no GPU idles for lack of a CPU.
    """
    workers = options.workers_per_trial
    gpus = options.gpus_per_trial
    if gpus is None:
        has_gpu = any(node.gpus for node in nodes)
        gpus = trial.encoder.gpu_share if has_gpu else 0.0
        if workers > 1 and gpus:
            gpus = 1.0
    cpus = options.cpus_per_trial
    if cpus is None:
        per_slot = [
            node.cpus / max(1, _slots(gpus, node.gpus)) for node in nodes if gpus and node.gpus >= gpus
        ]
        # Ray counts resources in steps of 0.0001.
        cpus = max(0.01, min([1.0, *(floor(share * 100) / 100 for share in per_slot)]))
    return Share(cpus=cpus, gpus=gpus, workers=workers)


def fitting(share: Share, nodes: Iterable[Node]) -> int:
    """Trials of one kind that the nodes hold at once; the workers of a trial may be spread over nodes."""
    slots = 0
    for node in nodes:
        limits = [
            _slots(wanted, there)
            for wanted, there in ((share.cpus, node.cpus), (share.gpus, node.gpus))
            if wanted
        ]
        slots += min(limits)
    return slots // share.workers


def pack(trials: Iterable[Trial], options: ClusterOptions, nodes: Sequence[Node]) -> Packing:
    """How the trials fit on the nodes that are alive.

    Raises:
        InputError: a trial that can never run there, with what would fit.
    """
    kinds = dict.fromkeys(share_of(trial, options, nodes) for trial in trials)
    shares = {share: fitting(share, nodes) for share in kinds}
    for share, count in shares.items():
        if count == 0:
            raise _refusal(share, nodes)
    return Packing(shares=shares, at_once=at_once(kinds, options, nodes))


def at_once(shares: Iterable[Share], options: ClusterOptions, nodes: Sequence[Node]) -> int:
    """Trials to run at the same time on the nodes that are alive by now; 1 if none fits any more."""
    most = max([1, *(fitting(share, nodes) for share in shares)])
    return min(most, options.max_concurrent or most)


def _slots(wanted: float, there: float) -> int:
    # 0.1 + 0.2 > 0.3 must not cost a slot.
    return floor(there / wanted + 1e-9)


def _refusal(share: Share, nodes: Sequence[Node]) -> InputError:
    if not nodes:
        return InputError(
            "address", "", "leads to a cluster without a live node", remedy="check `ray status`"
        )
    cpus, gpus = max(node.cpus for node in nodes), max(node.gpus for node in nodes)
    offer = f"the largest of {len(nodes)} node(s) has {cpus:g} CPUs and {gpus:g} GPUs"
    if share.gpus > gpus:
        remedy = f"{offer}: use --gpus-per-trial {gpus:g}" + ("" if gpus else " to run on CPUs")
        return InputError("gpus_per_trial", share.gpus, "fits on no node that is alive", remedy=remedy)
    if share.cpus > cpus:
        remedy = f"{offer}: use --cpus-per-trial {cpus:g} or less"
        return InputError("cpus_per_trial", share.cpus, "fits on no node that is alive", remedy=remedy)
    one = fitting(Share(share.cpus, share.gpus), nodes)
    if one == 0:
        remedy = f"{offer}, but no single node has both: ask for less of one"
        return InputError(
            "cpus_per_trial", share.cpus, f"with {share.gpus:g} GPUs fits on no node", remedy=remedy
        )
    remedy = f"{one} such worker(s) fit on all nodes together: use --workers-per-trial {one} or less"
    return InputError("workers_per_trial", share.workers, f"of {share.cpus:g} CPU do not fit", remedy=remedy)
