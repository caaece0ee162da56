"""A cluster of two nodes, one of which is killed in the middle of a sweep."""

from pathlib import Path
from threading import Thread

import ray
from ray.cluster_utils import Cluster

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.local import run_in_process
from dalbt_ray.progress import Progress
from dalbt_ray.results import ResultsStore
from tests.integration.sweeps import STARTS_RAY, committed_rounds, hashes, run_on_ray, small_trials
from tests.integration.waiting import wait_for

pytestmark = STARTS_RAY


def test_trials_of_a_lost_node_finish_elsewhere_with_the_same_bits(tmp_path: Path) -> None:
    """Two nodes of one CPU each; the one without the driver dies after its first round."""
    trials = small_trials(seeds=1, rounds=3)
    alone = tmp_path / "alone"
    ResultsStore(alone).create_or_open({"sweep": "test"})
    with Progress(len(trials), 8) as progress:
        run_in_process(trials, str(alone), None, progress)

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    other = cluster.add_node(num_cpus=1)
    together = tmp_path / "together"

    def lose_the_other_node() -> None:
        wait_for(lambda: committed_rounds(together) >= 1, seconds=200)
        cluster.remove_node(other, allow_graceful=False)

    killer = Thread(target=lose_the_other_node)
    try:
        ray.init(address=cluster.address, log_to_driver=False)
        killer.start()
        outcome = run_on_ray(trials, together, ClusterOptions(address=cluster.address))
        killer.join()
        assert (outcome.done, outcome.failed) == (2, 0)
        wait_for(lambda: sum(node["Alive"] for node in ray.nodes()) == 1, seconds=60)
        assert hashes(together) == hashes(alone)
    finally:
        ray.shutdown()
        cluster.shutdown()
