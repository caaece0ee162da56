"""What happens to object stores: requests that fail, puts that arrive twice, an outage of seconds."""

import logging
import os
import signal
from collections.abc import Callable
from threading import Event, Timer
from typing import Any
from uuid import uuid4

import boto3
import s3fs
from botocore.exceptions import EndpointConnectionError
from moto.server import ThreadedMotoServer

from dalbt_ray.results import ResultsStore, load_results, verify
from dalbt_ray.results.schemas import TABLES
from tests.chaos.arena import Arena

_PAUSE = Event()


class Bucket:
    """A bucket of moto's; its endpoint and keys are in the environment, as users have them."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.server.start()
        self.address = self.server.get_host_and_port()
        os.environ |= {
            "AWS_ENDPOINT_URL": "http://{}:{}".format(*self.address),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        boto3.client("s3").create_bucket(Bucket="chaos")

    def away(self, seconds: float) -> None:
        """No answer for some seconds; what it holds stays."""
        self.server.stop()
        self.server = ThreadedMotoServer(*self.address, verbose=False)
        Timer(seconds, self.server.start).start()


_BUCKET: list[Bucket] = []


def bucket() -> Bucket:
    """The one of this run."""
    if not _BUCKET:
        _BUCKET.append(Bucket())
    return _BUCKET[0]


def requests_fail(arena: Arena) -> None:
    """Every n-th request gets no answer, delivered or not; some puts are delivered twice; the driver is killed once."""
    bucket()
    root, every = f"s3://chaos/{uuid4().hex}", arena.rng.randrange(3, 9)
    arena.fresh()
    driver = arena.start(root, failing(every, arena.rng.randrange(10**6)))
    _PAUSE.wait(arena.moment() * 2)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    arena.count("S3: every n-th request fails")
    arena.finish(root, failing(every, arena.rng.randrange(10**6)))
    compare(arena, root)


def store_away(arena: Arena) -> None:
    """The store is away for some seconds in the middle of a sweep, which waits."""
    root, seconds = f"s3://chaos/{uuid4().hex}", arena.rng.uniform(1, 20)
    bucket()
    arena.fresh()
    driver = arena.start(root)
    _PAUSE.wait(arena.moment())
    bucket().away(seconds)
    arena.count("S3: away for seconds")
    assert driver.wait(LIMIT_S + seconds) == 0, driver.text
    assert "Traceback" not in driver.text, driver.text
    compare(arena, root)


LIMIT_S = 180.0


def failing(every: int, seed: int) -> Callable[[], None]:
    """Make s3fs fail in this process."""

    def install() -> None:
        call, count = s3fs.S3FileSystem._call_s3, [seed]

        async def unreliable(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
            count[0] += 1
            if count[0] % every:
                return await call(self, method, *arguments, **options)
            if method == "put_object" and count[0] % 2:
                await call(
                    self, method, *arguments, **options
                )  # delivered; the answer is lost, or it comes twice
                if count[0] % 3:
                    return await call(self, method, *arguments, **options)
            raise EndpointConnectionError(endpoint_url="chaos")

        s3fs.S3FileSystem._call_s3 = unreliable

    return install


def compare(arena: Arena, root: str) -> None:
    """In a fork: the tables of the undisturbed run, and nothing that `verify` finds fault with."""
    child = os.fork()
    if child == 0:
        storage = ResultsStore(root).storage
        found = {
            f"{table}/{name}": storage.read(f"{table}/{name}")
            for table in TABLES[:2]
            for name in storage.entries(table)
        }
        same = found == arena.expected and verify(root).whole and not load_results(root).rounds.empty
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "other tables than the undisturbed run"
