"""More than one node: images once on each, a node lost in the middle of a sweep, and one that joins there."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import ray
from numpy.typing import NDArray
from ray._private.node import Node
from ray._private.state import available_resources_per_node
from ray.cluster_utils import Cluster
from ray.experimental import get_object_locations
from ray.util import placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dalbt_ray.cluster.code_version import code_hash
from dalbt_ray.cluster.connection import live_nodes
from dalbt_ray.cluster.node_checks import nodes_to_avoid
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Share
from dalbt_ray.cluster.run import _reservation
from dalbt_ray.cluster.shared_images import DatasetImages, materialize_image_set
from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.errors import InputError
from dalbt_ray.launch.in_process import run_in_process
from dalbt_ray.launch.places import places
from dalbt_ray.launch.progress import Progress
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.outcome import SweepOutcome
from tests.integration.other_code import UPGRADED, Anywhere
from tests.integration.sweeps import (
    REPOSITORY,
    STARTS_RAY,
    committed_rounds,
    hashes,
    run_on_ray,
    small_trials,
)
from tests.integration.waiting import wait_for

pytestmark = STARTS_RAY


@contextmanager
def cluster_of(*cpus: int) -> Iterator[Cluster]:
    """A cluster with one node per number, the head first; this process has joined it."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": cpus[0], "include_dashboard": False})
    try:
        for count in cpus[1:]:
            cluster.add_node(num_cpus=count)
        found = {"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}}  # workers import this module
        ray.init(address=cluster.address, log_to_driver=False, runtime_env=found)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def mapped_from_memory(address: int) -> str:
    """The file that backs an address of this process."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        if first <= address < last:
            return line
    return ""


@ray.remote(num_cpus=0)
class Reader:
    """What a trial does with the images, in a process of its own."""

    def __init__(self, images: DatasetImages) -> None:
        self.images = images

    def read(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], list[bool], list[str]]:
        """Some images; of each block whether it can be written, and the memory that it lies in."""
        chosen = self.images.take(rows)
        views = self.images._views[1]
        return (
            chosen,
            [view.flags.writeable for view in views],
            [mapped_from_memory(view.ctypes.data) for view in views],
        )


def test_a_node_holds_the_images_once_however_many_read_them() -> None:
    """Two readers on each of two nodes: every block has one copy a node, and all read it where it lies."""
    with cluster_of(1, 1):
        image_set = materialize_image_set(ImageSetFiles.find("fashion_mini", "kmnist_mini", None))
        images, rows = image_set.images, np.arange(0, len(image_set.images), 7)
        assert isinstance(images, DatasetImages)
        nodes = [node["NodeID"] for node in ray.nodes()]
        readers = [
            Reader.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False)
            ).remote(images)
            for node in nodes * 2
        ]
        for pixels, writeable, memory in ray.get([reader.read.remote(rows) for reader in readers]):
            np.testing.assert_array_equal(pixels, images.take(rows))
            assert not any(writeable)
            assert all("plasma" in backing for backing in memory)
        for location in get_object_locations(images._blocks).values():
            assert sorted(location["node_ids"]) == sorted(nodes)


def drain(node: Node, address: str) -> None:
    """Say to Ray's head that a node will be taken away, as an autoscaler does whose spot instance is called back."""
    subprocess.run(
        [
            sys.executable, "-m", "ray.scripts.scripts", "drain-node", "--address", address,
            "--node-id", node.node_id, "--reason", "DRAIN_NODE_REASON_PREEMPTION",
            "--reason-message", "called back", "--deadline-remaining-seconds", "3",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize("drained", [False, True])
def test_trials_of_a_lost_node_finish_elsewhere_with_the_same_bits(tmp_path: Path, drained: bool) -> None:
    """Two nodes of one CPU each; the one without the driver dies after its first round, drained before or not."""
    trials = small_trials(seeds=1, rounds=3)
    alone = tmp_path / "alone"
    ResultsStore(alone).create_or_open({"sweep": "test"})
    with Progress(len(trials)) as progress:
        run_in_process(trials, str(alone), None, progress)

    together = tmp_path / "together"
    with cluster_of(1) as cluster:
        other = cluster.add_node(num_cpus=1)

        def lose_the_other_node() -> None:
            wait_for(lambda: committed_rounds(together) >= 1, seconds=200)
            if drained:
                drain(other, cluster.address)
            cluster.remove_node(other, allow_graceful=drained)

        killer = Thread(target=lose_the_other_node)
        killer.start()
        outcome = run_on_ray(trials, together, ClusterOptions(address=cluster.address))
        killer.join()
        assert (outcome.done, outcome.failed) == (2, 0)
        wait_for(lambda: sum(node["Alive"] for node in ray.nodes()) == 1, seconds=60)
        assert hashes(together) == hashes(alone)


def test_a_node_that_joins_late_gets_trials(tmp_path: Path) -> None:
    """One CPU for six trials; a second node joins after the first round and holds a trial before the sweep ends."""
    outcomes: list[SweepOutcome] = []
    trials = small_trials(seeds=3)
    with cluster_of(1) as cluster:
        options = ClusterOptions(address=cluster.address)
        planned = places(trials, options, in_process=False)
        assert planned.where.startswith("up to 1 at once, each on 1 CPU, on 1 node of the Ray at ")
        assert (planned.at_once, planned.gpu) == (1, "")

        def sweep() -> None:
            outcomes.append(run_on_ray(trials, tmp_path, options))

        # `Cluster.add_node` wants the main thread; called from another one it adds nothing, in silence.
        sweeping = Thread(target=sweep)
        sweeping.start()
        wait_for(lambda: committed_rounds(tmp_path) >= 1, seconds=200)
        late = cluster.add_node(num_cpus=1).node_id

        def busy() -> bool:
            assert sweeping.is_alive(), "the sweep ended without the late node"
            free = available_resources_per_node()
            return late in free and free[late].get("CPU", 0) == 0  # what is used up is not listed

        wait_for(busy, seconds=200)
        sweeping.join()
    assert [(outcome.done, outcome.failed) for outcome in outcomes] == [(6, 0)]


JOIN = """
import os, sys
from dalbt_ray.cluster.connection import connected, live_nodes
from dalbt_ray.cluster.options import ClusterOptions
with connected(ClusterOptions(address=sys.argv[1])):
    print(len(live_nodes()), os.environ["RAY_AUTH_MODE"])
"""


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", ["token", "disabled"])
def test_a_head_on_loopback_alone_is_joined(tmp_path: Path, mode: str) -> None:
    """Ray itself takes 127.0.0.1 for this machine's outer address, and waits for minutes for a head there."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment = clean | {"HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    with (
        tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.two_nodes", folder],
            cwd=REPOSITORY,
            env=environment | ({"RAY_AUTH_MODE": mode} if mode == "disabled" else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as cluster,
    ):
        assert cluster.stdout is not None
        address = cluster.stdout.readline().strip()
        assert address.startswith("127.0.0.1:")
        joined = subprocess.run(
            [sys.executable, "-c", JOIN, address],
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert joined.stdout == f"2 {mode}\n", joined.stderr


def test_a_node_that_is_set_aside_gets_nothing(tmp_path: Path) -> None:
    """Every node is looked at; a reservation then lands on the ones that are left."""
    store, data = ResultsStore(tmp_path), ImageSetFiles.find("fashion_mini", "", None)
    store.create_or_open({})
    with cluster_of(1, 1):
        nodes, files = live_nodes(), [data.train]
        assert nodes_to_avoid(nodes, str(tmp_path), files, code_hash(), gpus_wanted=False) == {}
        assert store.storage.entries("staging") == []
        with pytest.raises(InputError, match="of which none can run trials; it runs other code"):
            nodes_to_avoid(nodes, str(tmp_path), files, "another", gpus_wanted=False)
        for aside, left in (nodes, reversed(nodes)):
            group = _reservation(Share(1.0, 0.0), (aside.node_id,)).to_placement_group()
            assert group.wait(60)
            assert set(placement_group_table(group)["bundles_to_node_id"].values()) == {left.node_id}
            remove_placement_group(group)


@pytest.mark.timeout(600)
def test_a_node_that_goes_bad_in_the_middle_loses_no_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It gets other code after the first round: it is set aside, once, and what it was to run is run elsewhere."""
    trials = [replace(trial, strategy=Anywhere()) for trial in small_trials(seeds=4)[::2]]
    alone, together, upgraded = tmp_path / "alone", tmp_path / "together", tmp_path / "upgraded"
    ResultsStore(alone).create_or_open({"sweep": "test"})
    with Progress(len(trials)) as progress:
        run_in_process(trials, str(alone), None, progress)

    with cluster_of(1) as cluster:
        bad = cluster.add_node(num_cpus=1, env_vars={UPGRADED: str(upgraded)}).node_id

        def upgrade() -> None:
            wait_for(lambda: committed_rounds(together) >= 1, seconds=200)
            upgraded.touch()

        upgrading = Thread(target=upgrade)
        upgrading.start()
        outcome = run_on_ray(trials, together, ClusterOptions(address=cluster.address))
        upgrading.join()
    assert (outcome.done, outcome.failed) == (len(trials), 0)
    said = f"node {bad[:8]} is set aside: it runs other code than the driver; its trials run elsewhere"
    assert [line for line in capsys.readouterr().out.splitlines() if "set aside" in line] == [said]
    assert hashes(together) == hashes(alone)
