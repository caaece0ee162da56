"""What another user of the machine can do to a sweep: nothing. Needs root, to become that user."""

import os
import subprocess
import sys

import psutil
import pytest

from dalbt_ray.cluster.options import ClusterOptions
from tests.integration.sweeps import STARTS_RAY

pytestmark = [*STARTS_RAY, pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")]

ATTACK = """
import os, socket, sys
from ray._raylet import GcsClient  # before the change of user, who may not be able to read the packages
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
address, folder, *sockets = sys.argv[1:]

def refused(what, error):
    try:
        what()
    except Exception as failure:
        assert error in f"{type(failure).__name__} {failure}", failure
    else:
        sys.exit("it went through")

def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)

for place in (folder, folder + "/r"):
    refused(lambda: os.listdir(place), "PermissionError")
    refused(lambda: open(place + "/planted", "w"), "PermissionError")
for path in sockets:
    refused(lambda: connect(path), "PermissionError")
refused(lambda: GcsClient(address=address), "AuthenticationError")
"""


def test_another_user_can_neither_list_write_nor_connect() -> None:
    """The folder with Ray's sockets is closed, every port is on loopback, and who has no token is not let in."""
    from dalbt_ray.cluster.connection import connected

    with connected(ClusterOptions(own_cpus=1)) as connection:
        import ray

        sockets = [str(path) for path in connection.folder.rglob("*") if path.is_socket()]
        assert sockets
        attack = subprocess.run(
            [
                sys.executable,
                "-c",
                ATTACK,
                ray.get_runtime_context().gcs_address,
                str(connection.folder),
                *sockets,
            ],
            env={name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
            | {"RAY_AUTH_MODE": "disabled"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert attack.returncode == 0, attack.stdout + attack.stderr
        family = [psutil.Process(), *psutil.Process().children(recursive=True)]
        listening = {
            each.laddr.ip
            for process in family
            for each in process.net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        }
        assert listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
