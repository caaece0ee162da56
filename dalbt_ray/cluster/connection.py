"""The Ray that a sweep runs on: one of our own, ended with the sweep, or one that others started."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import ray

import dalbt_ray
from dalbt_ray.cluster.address import on_loopback_alone, refuse_wrong_address
from dalbt_ray.cluster.authentication import (
    dashboard_options,
    enable_token_authentication,
    warn_if_open,
)
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Node
from dalbt_ray.cluster.private_folder import private_folder
from dalbt_ray.cluster.started_ahead import system_config
from dalbt_ray.errors import InputError
from dalbt_ray.trial.failures import Stalled, in_one_line

_CHATTY = ("ray", "ray.data")
"""Loggers to which Ray gives handlers that write to standard error."""


@dataclass(frozen=True)
class Connection:
    """A Ray that can be used.

    Attributes:
        folder: on this machine, for Ray's logs and whatever Tune and Train write; nothing there is a result.
        dashboard: "host:port" of the dashboard of a Ray of our own, or "".
    """

    folder: Path
    dashboard: str = ""


@contextmanager
def connected(options: ClusterOptions, *, trials: int = 0) -> Iterator[Connection]:
    """A Ray to use inside the `with` block; our own one is shut down after it, whatever happens.

    If there are `trials` to run, a Ray of our own prepares processes for them at once.

    Its folder lies in the system's temporary folder: the path of a Unix socket has to be ASCII and shorter than
    about 100 bytes, which a results folder cannot promise.

    Raises:
        InputError: no Ray at the address.
        Stalled: Ray does not start here.
    """
    enable_token_authentication(options.address)
    with private_folder() as folder:
        already_connected = ray.is_initialized()
        try:
            log = folder / "driver.log"
            with _chatter_in(log):
                dashboard = "" if already_connected else _connect(options, folder, trials)
                with _chatter_in(log):  # once more, since connecting takes handlers away
                    yield Connection(folder, dashboard)
        finally:
            if not already_connected:
                ray.shutdown()


def live_nodes() -> list[Node]:
    """What the nodes that are alive offer in all; Ray must be connected."""
    return [
        Node(
            name=node["NodeName"],
            cpus=float(node["Resources"].get("CPU", 0)),
            gpus=float(node["Resources"].get("GPU", 0)),
            node_id=str(node["NodeID"]),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def ray_addresses() -> dict[str, str]:
    """`host:port` of the processes without which nothing goes on, by name; Ray must be connected."""
    context = ray.get_runtime_context()
    here = next(node for node in ray.nodes() if node["NodeID"] == context.get_node_id())
    raylet = f"{here['NodeManagerAddress']}:{here['NodeManagerPort']}"
    return {"Ray's head": context.gcs_address, "Ray's raylet": raylet}


def end_own_processes() -> None:
    """Kill what a Ray of our own has started; nothing of one that others started. It does not ask the head."""
    node = ray._private.worker._global_node
    if node is not None and node.is_head():
        node.kill_all_processes(check_alive=False, allow_graceful=False)


def _connect(options: ClusterOptions, folder: Path, trials: int) -> str:
    """Where the dashboard is that was started, "host:port" or ""."""
    dashboard = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray announces changes of coming versions to its users' users
        joined = _join(options) if options.joins else None
        if joined is None:
            dashboard = _start(options, folder, trials)
    # Messages of the raylet, "a worker died" above all, are printed by a thread of the driver that has no other
    # switch. What they say comes with the trial's failure.
    ray._private.worker._worker_logs_enabled = False
    if joined is not None:
        warn_if_open(joined)
    return dashboard


@contextmanager
def _chatter_in(file: Path) -> Iterator[None]:
    """Ray's messages in this process go to a file instead of standard error."""
    handler = logging.FileHandler(file, encoding="utf-8", delay=True)
    handler.setLevel(logging.INFO)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before = {name: logging.getLogger(name).handlers[:] for name in _CHATTY}
    for name in _CHATTY:
        logging.getLogger(name).handlers[:] = [handler]
    try:
        yield
    finally:
        for name, handlers in before.items():
            logging.getLogger(name).handlers[:] = handlers
        handler.close()


def _start(options: ClusterOptions, folder: Path, trials: int) -> str:
    try:
        with _on_loopback(), _few_processes(dashboard=options.dashboard):
            context = ray.init(
                address="local",
                num_cpus=options.own_cpus,
                num_gpus=options.own_gpus,
                object_store_memory=options.object_store_bytes,
                log_to_driver=False,
                configure_logging=False,
                _system_config=system_config(options.own_cpus, trials) if trials else {},
                _temp_dir=str(folder / "r"),  # which Ray opens to everybody; `folder` stays closed
                **dashboard_options(options.dashboard),
            )
    except Exception as error:
        # Ray gives each of its processes half a minute, and raises bare exceptions.
        if type(error) is not Exception and not isinstance(error, RuntimeError | TimeoutError):
            raise
        raise Stalled(
            f"Ray did not start on this machine, which may be too busy ({in_one_line(error)})"
        ) from error
    return str(context.dashboard_url or "")


@contextmanager
def _on_loopback() -> Iterator[None]:
    """A Ray that is started inside listens on loopback alone: nothing of it has to be reached from another machine.

    One that is joined inside may be such a Ray.

    It is what Ray does on a Mac, by this constant. `_node_ip_address="127.0.0.1"` is replaced by an outer address, and
    then every process listens on all interfaces.
    """
    constants = ray._private.ray_constants
    before, constants.ENABLE_RAY_CLUSTER = constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _few_processes(*, dashboard: bool) -> Iterator[None]:
    """A Ray that is started inside has no autoscaler, nobody who reads its logs, and no API server without a dashboard.

    They are Python processes of half a CPU second and 85 MiB each that start while the first trials do, and `ray.init`
    waits for the last one. Ray has parameters for the first two, which `ray.init` does not pass on.
    """
    parameter, node = ray._private.parameter, ray._private.node.Node
    before = parameter.RayParams, node.start_api_server
    parameter.RayParams = partial(parameter.RayParams, no_monitor=True, include_log_monitor=False)
    if not dashboard:
        node.start_api_server = lambda *_arguments, **_options: None
    try:
        yield
    finally:
        parameter.RayParams, node.start_api_server = before


def _join(options: ClusterOptions) -> str:
    assert options.address is not None
    refuse_wrong_address(options.address)
    package = str(Path(dalbt_ray.__file__).parent)
    try:
        with _on_loopback() if on_loopback_alone(options.address) else nullcontext():
            context = ray.init(
                address=options.address,
                # Workers may be on machines that never saw this code, or that saw an older one.
                runtime_env={"py_modules": [package], "excludes": ["__pycache__"]},
                log_to_driver=False,
                configure_logging=False,
            )
    except (ConnectionError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        remedy = "start one with `ray start --head`, or leave the address out to use this machine alone"
        raise InputError("address", options.address, f"leads to no Ray ({reason})", remedy=remedy) from error
    return str(context.address_info["gcs_address"])
