"""What a Ray of our own consists of."""

from pathlib import Path

import psutil

from dalbt_ray.cluster.options import ClusterOptions
from tests.integration.sweeps import STARTS_RAY

pytestmark = STARTS_RAY


def test_it_starts_no_process_that_nobody_uses() -> None:
    """No autoscaler, log monitor or API server; Ray is as it was afterwards, and works meanwhile."""
    from dalbt_ray.cluster.connection import connected

    with connected(ClusterOptions(own_cpus=1)):
        import ray

        assert ray.get(ray.remote(lambda: 6 * 7).remote()) == 42
        family = psutil.Process().children(recursive=True)
        scripts = {Path(word).name for each in family for word in each.cmdline() if word.endswith(".py")}
        assert {"gcs_server", "raylet"} <= {each.name() for each in family}
        assert not scripts & {"monitor.py", "log_monitor.py", "dashboard.py"}
        from ray._private.node import Node
        from ray._private.parameter import RayParams
    assert isinstance(RayParams, type)
    assert Node.start_api_server.__module__ == "ray._private.node"
