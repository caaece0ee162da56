"""Make the test's cluster file out of the repository's: only what names hosts and their size changes.

Usage: cluster_file.py CLUSTER_YAML OUTPUT PRIVATE_KEY
"""

import sys
from pathlib import Path

import yaml

HEAD, WORKER = "127.0.0.1", "127.0.0.2"

source, output, key = map(Path, sys.argv[1:])
cluster = yaml.safe_load(source.read_text())
cluster["provider"] |= {"head_ip": HEAD, "worker_ips": [WORKER]}
cluster["auth"] = {"ssh_user": "root", "ssh_private_key": str(key)}
for role, address in (("head", HEAD), ("worker", WORKER)):
    # Both hosts share one network namespace, so neither can find out its own address. A worker that lost its head
    # goes after 5 s instead of a minute.
    start = (
        f"RAY_gcs_rpc_server_reconnect_timeout_s=5 ray start --node-ip-address={address}"
        " --num-cpus=1 --object-store-memory=200000000"
    )
    field = f"{role}_start_ray_commands"
    cluster[field] = [command.replace("ray start", start) for command in cluster[field]]
output.write_text(yaml.safe_dump(cluster))
