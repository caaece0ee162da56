"""A Ray of two nodes on this machine, one CPU each, of which the second can be lost. For node_faults.py.

Usage: python -m tests.chaos.two_nodes FOLDER. Prints host:port of its head; a line on its standard input kills the
second node, the end of it both. Its ports are free ones, and FOLDER is its own.
"""

import sys

from dalbt_ray.cluster.authentication import enable_token_authentication


def main(folder: str) -> None:
    """Entry point."""
    enable_token_authentication(None)  # as the driver will, before Ray is imported
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "include_dashboard": False,
            "temp_dir": folder,
            "node_ip_address": "127.0.0.1",
        },
    )
    second = cluster.add_node(num_cpus=1, temp_dir=folder, node_ip_address="127.0.0.1")
    print(cluster.address, flush=True)
    if sys.stdin.readline():
        cluster.remove_node(second, allow_graceful=False)
        print("lost", flush=True)
        sys.stdin.readline()
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
