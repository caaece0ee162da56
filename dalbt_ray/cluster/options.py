"""What a user may say about where and how trials run."""

from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite

from dalbt_ray.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Where trials run and what each of them holds.

    Attributes:
        address: None starts a Ray of our own on this machine and ends it afterwards; "auto" joins the one that
            `ray start` began here; "host:port" joins that head.
        workers_per_trial: processes that train one trial together (DDP); 1 trains in the trial's own process.
        cpus_per_trial: CPUs of each worker; None takes one, less where a GPU is shared by more trials than CPUs.
        gpus_per_trial: GPUs of each worker, or the fraction of one; None chooses by network and nodes.
        trial_timeout_s: seconds after which a trial is ended and recorded as failed; None waits.
        max_failures: how often a trial is started again after a failure before the failure is recorded.
        max_concurrent: trials at once, at most; None takes what fits.
        dashboard: start Ray's dashboard with a Ray of our own, on loopback only; needs `dalbt-ray[dashboard]`.
        own_cpus, own_gpus: size of a Ray of our own; None takes what the machine has.
        object_store_bytes: shared memory of a Ray of our own; None lets Ray choose.
        stall_after_s: seconds without a running trial, while there is room and no process of the sweep starts, after
            which it gives up; processes may start for a quarter of an hour.
        wait_at_most_s: the same while others hold the room.
    """

    address: str | None = None
    workers_per_trial: int = 1
    cpus_per_trial: float | None = None
    gpus_per_trial: float | None = None
    trial_timeout_s: float | None = None
    max_failures: int = 1
    max_concurrent: int | None = None
    dashboard: bool = False
    own_cpus: int | None = None
    own_gpus: int | None = None
    object_store_bytes: int | None = None
    stall_after_s: float = 60.0
    wait_at_most_s: float = 3600.0

    def __post_init__(self) -> None:
        _at_least("workers_per_trial", self.workers_per_trial, 1)
        _at_least("max_failures", self.max_failures, 0)
        if self.max_concurrent is not None:
            _at_least("max_concurrent", self.max_concurrent, 1)
        for name in ("cpus_per_trial", "trial_timeout_s", "stall_after_s", "wait_at_most_s"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise InputError(name, value, "must be a number above 0")
        if self.dashboard:
            _refuse_dashboard(joins=self.joins)
        gpus = self.gpus_per_trial
        if gpus is None:
            return
        if not (isfinite(gpus) and gpus >= 0) or (gpus > 1 and gpus != int(gpus)):
            remedy = "use a fraction up to 1, such as 0.25, or a whole number"
            raise InputError("gpus_per_trial", gpus, "is no share of GPUs", remedy=remedy)
        if self.workers_per_trial > 1 and 0 < gpus < 1:
            # Measured with Ray 2.60: two half-GPU workers of one trial land on the same GPU.
            remedy = "use 1, or one worker per trial"
            raise InputError("gpus_per_trial", gpus, "cannot be split among workers", remedy=remedy)

    @property
    def joins(self) -> bool:
        """Whether the sweep runs on a Ray that others started."""
        return self.address is not None


def _refuse_dashboard(*, joins: bool) -> None:
    """Unless it can be started."""
    if joins:
        remedy = "start that Ray with --include-dashboard=true, or give --address local"
        raise InputError("dashboard", True, "cannot be started on a Ray that others started", remedy=remedy)
    if find_spec("aiohttp_cors") is None:  # of all that it needs, what nothing else has
        remedy = "pip install 'dalbt-ray[dashboard]'"
        raise InputError("dashboard", True, "needs packages that are not installed", remedy=remedy)


def _at_least(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(name, value, f"must be a whole number of at least {least}")
