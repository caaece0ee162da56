"""Who may use our Ray cluster: a token on every connection, no dashboard unless asked, a warning if open.

Anyone who reaches the ports of a Ray cluster without authentication runs any code there (CVE-2023-48022). Ray
fixes the authentication mode when it is imported, so this module must not import Ray at its top and is called
first:

    enable_token_authentication(address)
    import ray
    context = ray.init(address=address, **dashboard_options(wanted))
    warn_if_open(context.address_info["gcs_address"])
"""

import os
import secrets
import socket
import subprocess
import sys
import warnings
from functools import cache
from ipaddress import ip_address
from pathlib import Path

PROBE_SECONDS = 30
"""Longest wait for the answer of a cluster that is asked without a token."""


class OpenClusterWarning(UserWarning):
    """The cluster that was joined accepts anyone who reaches its address."""


def enable_token_authentication(address: str | None) -> None:
    """Set this process up for Ray's token authentication; call it before Ray is imported.

    A `RAY_AUTH_MODE` that is set is left alone: it is Ray's own switch, and the user's. A cluster that lets
    everybody in is joined without a token. Where there is no token, one is written to `~/.ray/auth_token`, for
    its owner only; if the home cannot be written, it lives in the environment (`RAY_AUTH_TOKEN`) and ends with
    the processes started from here. A token file that others can read (Ray writes it with mode 0644) is closed
    to them.

    Args:
        address: what `ray.init` will get. A token of our own making is of no use for joining the cluster at a
            given address: without that cluster's token the mode stays unset, and Ray either connects to an
            open cluster or says how to give the token.
    """
    if "RAY_AUTH_MODE" in os.environ and os.environ["RAY_AUTH_MODE"] not in _CHOSEN_HERE:
        return
    if address not in (None, "local") and answers_without_token(address):
        # A driver in token mode turns away the workers of such a cluster, which send none: tasks run, and what Ray Data
        # streams back to the driver never arrives, without a word.
        _choose("disabled")
        return
    token_file = Path.home() / ".ray" / "auth_token"
    if not os.environ.keys() & {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}:
        if token_file.exists():
            _close_to_others(token_file)
        elif address in (None, "auto", "local"):
            _create_token(token_file)
        else:
            return
    _choose("token")


_CHOSEN_HERE: set[str] = set()
"""The mode that this process has chosen by itself, and may choose again for another cluster."""


def _choose(mode: str) -> None:
    os.environ["RAY_AUTH_MODE"] = mode
    _CHOSEN_HERE.clear()
    _CHOSEN_HERE.add(mode)
    if "ray" in sys.modules:
        # Somebody imported Ray before us, and it has read the mode already. This is how `ray.init` itself
        # reads it once more; otherwise the driver would talk without a token to the head that it starts.
        from ray._raylet import Config  # type: ignore[attr-defined]

        Config.initialize("")


def dashboard_options(wanted: bool) -> dict[str, bool | str]:
    """Arguments for `ray.init`: no dashboard, or one that only this machine reaches."""
    if wanted:
        return {"include_dashboard": True, "dashboard_host": "127.0.0.1"}
    return {"include_dashboard": False}


@cache
def warn_if_open(gcs_address: str) -> None:
    """Warn once (`OpenClusterWarning`) when a cluster beyond our loopback lets clients in without a token.

    Args:
        gcs_address: "host:port" of the cluster that was joined.
    """
    if not is_loopback(gcs_address) and answers_without_token(gcs_address):
        warnings.warn(
            f"the Ray cluster at {gcs_address} has no authentication: anyone who reaches it can run code as"
            " you; start it with RAY_AUTH_MODE=token, as cluster.yaml does (docs/cluster.md, Security)",
            OpenClusterWarning,
            stacklevel=2,
        )


def is_loopback(gcs_address: str) -> bool:
    """Whether "host:port" names this machine's loopback interface."""
    host = gcs_address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name; only this one is sure to mean the loopback
        return host == "localhost"


@cache
def answers_without_token(address: str) -> bool:
    """Ask the cluster from a second process, since this one sends its token wherever it connects (2 s).

    Args:
        address: "host:port", or "auto" for the one that Ray finds.
    """
    if address != "auto" and not _listens(address):
        return False
    where = [] if address == "auto" else ["--address", address]
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", *where]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    if is_loopback(address):  # or Ray would ask at this machine's outer address
        environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        answer = subprocess.run(  # noqa: S603 - our own interpreter and an address that Ray has just used
            command,
            env=environment | {"RAY_AUTH_MODE": "disabled"},
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:  # a cluster too busy to answer has not let us in
        return False
    return answer.returncode == 0


def _listens(address: str) -> bool:
    """Whether anybody does at "host:port"; the probe would take half a minute to find out."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
            return True
    except (OSError, ValueError):
        return False


def _create_token(token_file: Path) -> None:
    """Write a new token in one step, so that a second process never reads half of it."""
    token = secrets.token_hex(32)
    draft = token_file.with_name(f"auth_token.{os.getpid()}")
    try:
        token_file.parent.mkdir(mode=0o700, exist_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(token)
        token_file.hardlink_to(draft)
    except FileExistsError:  # another process was first: its token counts
        pass
    except OSError:
        os.environ["RAY_AUTH_TOKEN"] = token
    finally:
        draft.unlink(missing_ok=True)


def _close_to_others(token_file: Path) -> None:
    """Take the permissions of group and others away, or say that we may not."""
    mode = token_file.stat().st_mode
    if mode & 0o077:
        try:
            token_file.chmod(mode & 0o700)
        except OSError:
            warnings.warn(
                f"{token_file}: others can read this Ray token, and its mode cannot be changed; make it 0600",
                stacklevel=3,
            )
