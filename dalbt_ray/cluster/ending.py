"""End the process of a trial that hangs, on whatever node it is: it does not listen to anyone any more."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


@dataclass(frozen=True)
class WorkerProcess:
    """Where a trial runs: the id of its node, and the process there."""

    node: str
    pid: int

    @classmethod
    def this(cls) -> "WorkerProcess":
        """The process that asks."""
        return cls(ray.get_runtime_context().get_node_id(), os.getpid())

    @classmethod
    def of(cls, actor: Any) -> "WorkerProcess | None":
        """Where an actor runs, as Ray's head knows it; None while it has no process."""
        known = {} if actor is None else ray._private.state.actors(actor._actor_id.hex())
        return cls(known["Address"]["NodeID"], known["Pid"]) if known.get("Pid") else None

    def end(self) -> None:
        """Have it killed by a task on its node. Returns at once; Tune learns of it as of any death of a process."""
        pinned = NodeAffinitySchedulingStrategy(self.node, soft=False)
        _kill.options(scheduling_strategy=pinned).remote(self.pid)


@ray.remote(num_cpus=0, max_retries=3)  # type: ignore[untyped-decorator]
def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
