"""A process that Ray ends because its node runs out of memory is a lost worker, not the end of the sweep."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import OutOfMemoryError, RayActorError


@contextmanager
def memory_kills_as_lost_workers() -> Iterator[None]:
    """Inside, Tune starts such a trial again, as often as any other whose worker died.

    Of actors Tune knows two kinds of failures, a dead one and an exception of its code. Ray tells of a process that it
    ended while it began by a third kind, which Tune takes for a fault of its own: it raises, and all trials end.
    """
    failed = RayActorManager._actor_task_failed

    def told(manager: RayActorManager, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, OutOfMemoryError):
            exception = RayActorError(error_msg="the node was out of memory, so Ray ended the process")
        failed(manager, tracked_actor_task, exception)

    RayActorManager._actor_task_failed = told
    try:
        yield
    finally:
        RayActorManager._actor_task_failed = failed
