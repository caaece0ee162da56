"""Refuse an address that leads to no Ray within seconds; Ray itself would try for minutes."""

import os
from queue import Empty, SimpleQueue
from threading import Thread

from dalbt_ray.cluster.authentication import is_loopback
from dalbt_ray.cluster.discovery import running_here
from dalbt_ray.cluster.probe import Answer, ask
from dalbt_ray.errors import InputError

CLIENT_S = 5.0
"""Seconds within which a head tells a client of Ray who it is; it takes milliseconds."""

_REMEDY = "start one with `ray start --head`, or leave the address out to use this machine alone"
_PROBLEMS: dict[Answer, str] = {
    "refused": "leads to no Ray: nobody answers there",
    "silent": "leads to no Ray: no answer comes from there",
    "other": "leads to no Ray: what listens there is something else",
}


def refuse_wrong_address(address: str) -> None:
    """Look for a head at `address`, 11 s at the very most; Ray's authentication mode has to be set.

    Raises:
        InputError: there is none, or it turns this user away.
    """
    if "://" in address:
        remedy = "name the head's own port, as in 10.0.0.1:6379; a ray:// client cannot drive a sweep"
        raise InputError("address", address, "is no HOST:PORT", remedy=remedy)
    found = _led_to(address)
    if found is None or "://" in found:
        return
    if not found.rpartition(":")[2].isdecimal() or found.startswith(":"):
        raise InputError("address", address, "is no HOST:PORT", remedy="as in --address 10.0.0.1:6379")
    answer = ask(found)
    if answer != "yes":
        raise InputError("address", address, _PROBLEMS[answer], remedy=_REMEDY)
    told = _as_a_client(found)
    if told:
        raise InputError("address", address, f"leads to no Ray that takes us: {told}", remedy=_REMEDY)


def on_loopback_alone(address: str) -> bool:
    """Whether nobody outside can reach the head at `address`: `ray start --node-ip-address=127.0.0.1` begins such.

    Ray takes 127.0.0.1 for this machine's outer address, and would wait there for minutes.
    """
    found = _led_to(address)
    if found is None or not is_loopback(found):
        return False
    from ray.util import get_node_ip_address

    return ask(f"{get_node_ip_address()}:{found.rpartition(':')[2]}") != "yes"


def _led_to(address: str) -> str | None:
    """What "auto" stands for; where nothing is noted, Ray looks among this machine's processes, and that is quick."""
    return (os.environ.get("RAY_ADDRESS") or running_here()) if address == "auto" else address


def _as_a_client(address: str) -> str:
    """What speaks against this head, in one line; empty if it says who it is. Other servers speak HTTP/2, too."""
    answers: SimpleQueue[str] = SimpleQueue()

    def connect() -> None:
        from ray._raylet import GcsClient  # type: ignore[attr-defined]

        try:
            GcsClient(address=address)
        except Exception as error:
            answers.put(f"{error}".strip().splitlines()[0][:300] or type(error).__name__)
        else:
            answers.put("")

    Thread(target=connect, daemon=True, name="address").start()
    try:
        return answers.get(timeout=CLIENT_S)
    except Empty:
        return "it does not say that it is a head of Ray; is it the right port?"
