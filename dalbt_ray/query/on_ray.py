"""Embed a pool on a Ray cluster: the same blocks, read and embedded by the actors of all its nodes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dalbt_ray.query.looking import Say
from dalbt_ray.query.pool_places import Place
from dalbt_ray.query.reading import ReadBlock, Reading, Runner, read_here


def runner(address: str | None, state: str, say: Say) -> Runner:
    """Who reads and embeds.

    Args:
        address: None for this process; "auto" or HOST:PORT of a running Ray; "local" for one of our own.
        state: the state folder, which every node has to share, as it has to see the pool.
        say: told of nodes that are set aside.
    """
    if address is None:
        return read_here

    def run(reading: Reading, blocks: Sequence[Sequence[Place]]) -> Iterator[ReadBlock]:
        from dalbt_ray.cluster.authentication import enable_token_authentication
        from dalbt_ray.cluster.options import ClusterOptions

        options = ClusterOptions(address=None if address == "local" else address)
        enable_token_authentication(options.address)  # before Ray is imported, which is now
        from dalbt_ray.cluster.block_pool import map_on_ray

        data = _needed(reading, blocks[0][0])
        yield from map_on_ray(reading, blocks, options=options, store_root=state, data=data, say=say)

    return run


def _needed(reading: Reading, first: Place) -> list[Path]:
    """Files without which a node would find every image unreadable."""
    location = Path(reading.pool.location)
    files = [location / first.path if location.is_dir() else location, Path(reading.embedding.weights)]
    return [file for file in files if file.is_file()]
