"""A worker that Ray ends for lack of memory, as Tune is told of it."""

from types import SimpleNamespace

import pytest
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.air.execution._internal.tracked_actor import TrackedActor
from ray.air.execution._internal.tracked_actor_task import TrackedActorTask
from ray.exceptions import OutOfMemoryError, RayActorError

from dalbt_ray.cluster.memory_kills import memory_kills_as_lost_workers
from dalbt_ray.trial.failures import WorkerLost, hint_for, machine_failure


def told_of(exception: Exception) -> list[Exception]:
    """What Tune hears of an actor whose task ended so."""
    manager = RayActorManager(
        resource_manager=SimpleNamespace(free_resources=lambda acquired_resource: acquired_resource)
    )
    heard: list[Exception] = []
    actor = TrackedActor(actor_id=1, on_error=lambda _actor, error: heard.append(error))
    manager._live_actors_to_ray_actors_resources[actor] = None, None
    # By keyword, as the manager itself calls it.
    manager._actor_task_failed(tracked_actor_task=TrackedActorTask(tracked_actor=actor), exception=exception)
    return heard


def test_it_is_a_dead_actor_whose_failure_names_the_remedy() -> None:
    """Tune starts dead actors again; what the user reads says what to do."""
    with memory_kills_as_lost_workers():
        (error,) = told_of(OutOfMemoryError("1 worker(s) were killed due to the node running low on memory"))
    assert isinstance(error, RayActorError)
    assert "--max-concurrent" in hint_for(WorkerLost(str(error)))


def test_a_command_that_ends_by_it_says_so_in_one_line() -> None:
    """As it does where this process itself has no memory left."""
    assert machine_failure(OutOfMemoryError("1 worker(s) were killed")) == "memory is full"


def test_tune_alone_would_end() -> None:
    """The day that it does not, `memory_kills` can go."""
    with pytest.raises(RuntimeError, match="unexpected"):
        told_of(OutOfMemoryError("1 worker(s) were killed"))
