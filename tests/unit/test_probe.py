"""Whether a Ray answers is told within seconds, whatever is at the address."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from dalbt_ray.cluster.address import refuse_wrong_address
from dalbt_ray.cluster.lifeline import GONE_AFTER_S, SILENT_ANNOUNCED_S, SILENT_AT_MOST_S, Pulse
from dalbt_ray.cluster.probe import ask
from dalbt_ray.errors import InputError


@contextmanager
def listening(reply: bytes | None) -> Iterator[str]:
    """The address of a server that answers everybody with `reply`, or with nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    client, _ = server.accept()
                    client.recv(33)
                    client.sendall(reply or b"")
                    client.close()
            except OSError:
                return

        if reply is not None:
            Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)  # else the thread would take one more


def test_what_is_at_an_address_is_told_apart() -> None:
    """HTTP/2, another server, one that is stopped, none at all."""
    with listening(b"\0\0\0\4\0\0\0\0\0") as address:
        assert ask(address) == "yes"
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        assert ask(address) == "other"
    with listening(None) as address:
        assert ask(address, patience_s=0.2) == "silent"
    assert ask(address, patience_s=0.2) == "refused"
    for nonsense in ("", ":", "host", "127.0.0.1:x", "127.0.0.1:99999999", "no.such.host.invalid:1"):
        assert ask(nonsense, patience_s=0.2) == "refused"


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", ":6379", "127.0.0.1:", "http://x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """Before anything is connected."""
    with pytest.raises(InputError, match="is no HOST:PORT"):
        refuse_wrong_address(address)


def test_an_address_that_leads_to_no_ray_is_refused() -> None:
    """Nobody there, and a web server."""
    with (
        listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address,
        pytest.raises(InputError, match="something else"),
    ):
        refuse_wrong_address(address)
    with pytest.raises(InputError, match="nobody answers"):
        refuse_wrong_address(address)


def test_a_process_that_is_gone_is_over_within_seconds() -> None:
    """One refused connection may be an accident."""
    pulse = Pulse("the head")
    assert pulse.observe(0, "yes") == ("", False)
    assert pulse.observe(1, "refused") == ("", False)
    assert pulse.observe(2, "yes") == ("", False)
    assert pulse.observe(3, "refused") == ("", False)
    assert pulse.observe(3 + GONE_AFTER_S, "refused") == ("the head is gone", True)
    assert GONE_AFTER_S < 10


def test_a_process_that_says_nothing_is_announced_and_given_up() -> None:
    """It may be stopped, or busy: told at once, then whenever the silence has doubled."""
    pulse = Pulse("the head")
    said = [pulse.observe(second, "silent") for second in range(int(SILENT_AT_MOST_S) + 1)]
    told = [second for second, (text, _) in enumerate(said) if text]
    assert told == [20, 40, 80, 160, 300]
    assert told[0] == SILENT_ANNOUNCED_S
    assert [over for _, over in said].index(True) == SILENT_AT_MOST_S
    assert pulse.observe(301, "yes") == ("the head answers again", False)
