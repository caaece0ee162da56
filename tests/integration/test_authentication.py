"""Token authentication of the clusters that we start, and the word about those that we join.

Ray fixes its authentication mode at import, so each case runs in a process of its own, on loopback.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dalbt_ray.cluster.authentication import dashboard_options, is_loopback

OPEN_CLUSTER = Path(__file__).with_name("open_cluster.sh")


def run(code: str, *prefix: str, **environment: str) -> Any:
    """Run `code` in a fresh process without any Ray setting of ours; gives back its last line, as JSON."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    clean |= {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(
        [*prefix, sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        env=clean,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


ENABLE = """
import json, os, pathlib
from dalbt_ray.cluster.authentication import *
home = pathlib.Path.home()
enable_token_authentication({address!r})
file = home / ".ray" / "auth_token"
print(json.dumps({{
    "mode": os.environ.get("RAY_AUTH_MODE"),
    "environment": os.environ.get("RAY_AUTH_TOKEN"),
    "file": file.read_text() if file.exists() else None,
    "permissions": oct(file.stat().st_mode & 0o777) if file.exists() else None,
    "folder": sorted(path.name for path in file.parent.glob("*")),
}}))
"""


def test_writes_a_token_for_its_owner_only(tmp_path: Path) -> None:
    """A fresh home gets 256 bits in one file of mode 0600, and nothing is left next to it."""
    seen = run(ENABLE.format(address=None), HOME=str(tmp_path))
    assert (seen["mode"], seen["environment"], seen["permissions"]) == ("token", None, "0o600")
    assert len(bytes.fromhex(seen["file"])) == 32
    assert seen["folder"] == ["auth_token"]


def test_keeps_a_token_and_closes_its_file(tmp_path: Path) -> None:
    """A token that Ray wrote with mode 0644 stays the token and becomes private."""
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("ab" * 32)
    token.chmod(0o644)
    seen = run(ENABLE.format(address=None), HOME=str(tmp_path))
    assert (seen["mode"], seen["file"], seen["permissions"]) == ("token", "ab" * 32, "0o600")


def test_leaves_an_explicit_mode_alone(tmp_path: Path) -> None:
    """Who sets RAY_AUTH_MODE=disabled gets no token."""
    seen = run(ENABLE.format(address=None), HOME=str(tmp_path), RAY_AUTH_MODE="disabled")
    assert (seen["mode"], seen["file"]) == ("disabled", None)


def test_invents_no_token_for_a_cluster_of_others(tmp_path: Path) -> None:
    """Joining a given address without its token leaves Ray to tell how to get it."""
    seen = run(ENABLE.format(address="192.0.2.1:6379"), HOME=str(tmp_path))
    assert (seen["mode"], seen["environment"], seen["file"]) == (None, None, None)


def test_dashboard_is_off_unless_asked() -> None:
    """By default there is none, and one that was asked for listens on loopback."""
    assert dashboard_options(wanted=False) == {"include_dashboard": False}
    assert dashboard_options(wanted=True) == {"include_dashboard": True, "dashboard_host": "127.0.0.1"}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:6379", True),
        ("127.8.0.1:6379", True),
        ("localhost:6379", True),
        ("[::1]:6379", True),
        ("10.0.0.5:6379", False),
        ("head.example:6379", False),
    ],
)
def test_loopback(address: str, expected: bool) -> None:
    """Only the loopback interface counts as private; a name could be anything."""
    assert is_loopback(address) is expected


CLUSTER = """
import json, os, sys
{imported_before}
from dalbt_ray.cluster.authentication import *
enable_token_authentication(None)
import ray
context = ray.init(num_cpus=1, log_to_driver=False, **dashboard_options(wanted=False))
address = context.address_info["gcs_address"]
worked = ray.get(ray.remote(lambda: 6 * 7).remote())
print(json.dumps({{
    "worked": worked,
    "open": answers_without_token(address),
    "dashboard": context.dashboard_url,
    "environment": "RAY_AUTH_TOKEN" in os.environ,
}}))
"""


@pytest.mark.ray
@pytest.mark.parametrize("imported_before", ["", "import ray"])
def test_a_cluster_of_ours_refuses_strangers(tmp_path: Path, imported_before: str) -> None:
    """Tasks run, a client without the token is turned away, also when Ray was imported too early."""
    seen = run(CLUSTER.format(imported_before=imported_before), HOME=str(tmp_path))
    assert seen == {"worked": 42, "open": False, "dashboard": "", "environment": False}


@pytest.mark.ray
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
def test_works_with_a_read_only_home(tmp_path: Path) -> None:
    """The token lives in the environment when the home's file system cannot be written."""
    mounted = 'mount -t tmpfs -o ro none "$HOME" && exec "$@"'
    seen = run(
        CLUSTER.format(imported_before=""),
        "unshare",
        "--mount",
        "sh",
        "-c",
        mounted,
        "sh",
        HOME=str(tmp_path),
    )
    assert seen == {"worked": 42, "open": False, "dashboard": "", "environment": True}


JOIN = """
import json, os, warnings
from dalbt_ray.cluster.authentication import *
enable_token_authentication(os.environ["ADDRESS"])
import ray
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    context = ray.init(address=os.environ["ADDRESS"], log_to_driver=False)
    for _ in range(2):
        warn_if_open(context.address_info["gcs_address"])

@ray.remote(num_returns="streaming")
def streamed():
    yield 42

arrived, _ = ray.wait([streamed.remote()], timeout=60)
told = [str(one.message) for one in seen if one.category is OpenClusterWarning]
print(json.dumps([told, len(arrived)]))
"""


@pytest.mark.ray
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
@pytest.mark.parametrize(("mode", "warnings"), [("disabled", 1), ("token", 0)])
def test_joining_an_open_cluster_warns_once_and_works(tmp_path: Path, mode: str, warnings: int) -> None:
    """Two joins give one warning that names the address; a cluster with authentication gives none.

    Both stream results to a driver that has a token of its own, which an open cluster does not know.
    """
    namespace = ["unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child"]
    seen, arrived = run(
        JOIN,
        *namespace,
        "bash",
        str(OPEN_CLUSTER),
        HOME=str(tmp_path),
        ADDRESS="10.9.9.9:6379",
        HEAD_MODE=mode,
        RAY_AUTH_TOKEN="cd" * 32,
        RAY=str(Path(sys.executable).with_name("ray")),
    )
    assert len(seen) == warnings
    assert all("10.9.9.9:6379" in message for message in seen)
    assert arrived == 1
