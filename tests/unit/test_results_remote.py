"""An object store that is busy, asked through fsspec's in-memory one."""

import errno
from collections.abc import Iterator
from typing import Any, ClassVar

import fsspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from fsspec.implementations.memory import MemoryFileSystem

from dalbt_ray.results import ResultsStore, load_results, verify
from dalbt_ray.results.storage import outages
from tests.results_records import run_trial


class Busy(MemoryFileSystem):  # type: ignore[misc]
    """Answers "503 slow down" to every second request."""

    protocol = "busy"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    requests: ClassVar[list[str]] = []

    def answer(self, request: str) -> None:
        """Refuse the first of each two."""
        self.requests.append(request)
        if len(self.requests) % 2:
            raise OSError(errno.EBUSY, "503 slow down")

    def cat_file(self, path: str, *arguments: Any, **options: Any) -> bytes:
        """A download."""
        self.answer("get")
        data: bytes = super().cat_file(path, *arguments, **options)
        return data

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        """An upload."""
        self.answer("put")
        super().pipe_file(path, value, mode=mode, **options)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A URI in the busy store, without the pauses between two tries."""
    fsspec.register_implementation("busy", Busy, clobber=True)
    monkeypatch.setattr(outages, "PAUSE_S", 0.0)
    yield "busy://results"
    Busy.store.clear()


def test_a_busy_store_is_asked_again(busy: str) -> None:
    """A whole sweep with every second request refused."""
    store = ResultsStore(busy)
    store.create_or_open({})
    name = run_trial(store, 0)
    assert store.committed() == {name}
    assert len(load_results(busy).rounds) == 3
    assert not verify(busy).damaged


def refuse(store: Busy, request: str) -> None:
    """Always."""
    raise OSError(errno.EBUSY, f"503 slow down, {store.protocol} {request}")


def test_a_store_that_stays_busy_is_given_up(busy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bounded time the store's own words are passed on."""
    monkeypatch.setattr(outages, "WAIT_S", 0.0)
    storage = ResultsStore(busy).storage
    monkeypatch.setattr(Busy, "answer", refuse)
    with pytest.raises(OSError, match="503"):
        storage.read("sweep.json")


def test_a_store_that_is_away_is_waited_for(
    busy: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors of botocore are no `OSError`: the outage is announced, and the answer that comes at last counts."""
    outage = [EndpointConnectionError(endpoint_url="https://s3")] * 3
    monkeypatch.setattr(outages, "ANNOUNCE_S", 0.0)

    def away(_: Busy, __: str) -> None:
        if outage:
            raise outage.pop()

    monkeypatch.setattr(Busy, "answer", away)
    ResultsStore(busy).create_or_open({"sweep": "away"})
    assert not outage
    assert "busy://results gives no answer" in caplog.text


@pytest.mark.parametrize(("status", "outage"), [(503, True), (409, True), (403, False), (404, False)])
def test_an_answer_is_no_outage(status: int, outage: bool) -> None:
    """What a store refuses for good is said at once."""
    error = OSError(errno.EIO, "unknown code")
    error.__cause__ = ClientError({"ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")
    assert outages.is_outage(error) is outage
