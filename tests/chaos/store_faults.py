"""What happens to object stores: requests that fail, puts that arrive twice, outages of up to a minute and a half."""

import atexit
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from threading import Event
from typing import Any
from uuid import uuid4

import boto3
import s3fs
from botocore.exceptions import EndpointConnectionError

from dalbt_ray.results import ResultsStore, load_results, verify
from dalbt_ray.results.schemas import TABLES
from tests.chaos.arena import Arena
from tests.integration.sweeps import REPOSITORY

_PAUSE = Event()


class Bucket:
    """A bucket of moto's; its endpoint and keys are in the environment, as users have them."""

    def __init__(self) -> None:
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.store"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.server.kill)
        assert self.server.stdout is not None
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://{self.server.stdout.readline().strip()}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        boto3.client("s3").create_bucket(Bucket="chaos")

    def refuses(self, seconds: float) -> None:
        """Nobody listens for some seconds; returns after them."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(f"{seconds}\n")
        self.server.stdin.flush()
        self.server.stdout.readline()

    def hangs(self, seconds: float) -> None:
        """It takes connections and answers nothing for some seconds; returns after them."""
        self.server.send_signal(signal.SIGSTOP)
        _PAUSE.wait(seconds)
        self.server.send_signal(signal.SIGCONT)


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
    arena.count("kills of sweeps whose requests fail")
    arena.finish(root, failing(every, arena.rng.randrange(10**6)))
    compare(arena, root)


def store_away(arena: Arena) -> None:
    """The store refuses connections, or takes them and hangs, for 1 to 90 s in the middle of a sweep, which waits."""
    root, seconds = f"s3://chaos/{uuid4().hex}", arena.rng.uniform(1, 90)
    store = bucket()
    arena.fresh()
    driver, commits = arena.start(root), arena.rng.randrange(4)
    while driver.promised < commits and not driver.ended():
        _PAUSE.wait(0.02)
    arena.rng.choice((store.refuses, store.hangs))(seconds)
    if not driver.ended():  # it has waited
        arena.count("outages of 1 to 90 s")
    assert driver.wait(LIMIT_S) == 0, driver.text
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
        status = 1
        try:
            storage = ResultsStore(root).storage
            found = {
                f"{table}/{name}": storage.read(f"{table}/{name}")
                for table in TABLES[:2]
                for name in storage.entries(table)
            }
            same = found == arena.expected and verify(root).whole and not load_results(root).rounds.empty
            status = 0 if same else 1
        except BaseException:
            traceback.print_exc()
        finally:  # no second run of all cases goes on from here
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "other tables than the undisturbed run"
