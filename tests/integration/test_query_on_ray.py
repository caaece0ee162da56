"""A pool embedded on Ray: block by block the bytes that one process writes."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dalbt_ray.cluster.block_pool import map_on_ray
from dalbt_ray.cluster.connection import connected
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.query.image_blocks import BLOCK, ImageBlocks
from dalbt_ray.query.looking import embed_unread
from dalbt_ray.query.on_ray import runner
from dalbt_ray.query.pool_places import FolderPool, Place
from dalbt_ray.query.reading import ReadBlock, Reading, read_here
from dalbt_ray.results.storage.local_disk import LocalStorage
from tests.integration.sweeps import STARTS_RAY

pytest.importorskip("timm", reason="needs the extra backbones")
pytestmark = STARTS_RAY


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray of two CPUs, which everything here finds connected."""
    with connected(ClusterOptions(own_cpus=2)):
        yield


@pytest.fixture
def pool(tmp_path: Path) -> FolderPool:
    """Two blocks and a bit; the last image equals the first, and one file is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(2 * BLOCK + 3):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / f"{number:05d}.png")
    (folder / "zz.png").write_bytes((folder / "00000.png").read_bytes())
    (folder / "00007.png").write_bytes(b"no image")
    return FolderPool(folder)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As each actor has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_ray_and_this_process_write_the_same_blocks(
    tmp_path: Path, pool: FolderPool, one_thread: None, cluster: None
) -> None:
    """The first command on Ray ends after its first block; the second one goes on behind it."""
    states = {side: LocalStorage(tmp_path / side) for side in ("here", "ray")}
    for storage in states.values():
        storage.prepare()
    blocks = {side: ImageBlocks(storage, "key") for side, storage in states.items()}
    embedding = Frozen(side=32).embedding
    embed_unread(pool, blocks["here"], embedding, print, read_here)

    on_ray = runner("local", states["ray"].location, print)

    def killed(reading: Reading, todo: Sequence[Sequence[Place]]) -> Iterator[ReadBlock]:
        yield next(on_ray(reading, todo))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_unread(pool, blocks["ray"], embedding, print, killed)
    assert len(blocks["ray"].files()) == BLOCK
    embed_unread(pool, blocks["ray"], embedding, print, on_ray)
    written = [
        [file.read_bytes() for file in sorted((tmp_path / side / "features" / "key").iterdir())]
        for side in ("here", "ray")
    ]
    assert len(written[0]) == 3
    assert written[0] == written[1]


def test_a_block_whose_worker_dies_is_done_again(tmp_path: Path, cluster: None) -> None:
    """In its place; but what the work refuses is refused as it is, without Ray's trace."""
    died = tmp_path / "died"

    def build() -> Callable[[int], int]:
        def work(block: int) -> int:
            if block == 3 and not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if block == 7:
                raise InputError("POOL", "s3://photos", "is away")
            return block * block

        return work

    options = ClusterOptions(own_cpus=2)
    done = map_on_ray(build, range(8), options=options, store_root=str(tmp_path), data=(), say=print)
    assert [next(done) for _ in range(7)] == [block * block for block in range(7)]
    assert died.exists()
    with pytest.raises(InputError, match=r"^POOL: 's3://photos' is away$"):
        next(done)
