"""Two gloo processes that run one function, each with its own rank, and leave what they saw in files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

WORKERS = 2


def seen_by_two_workers(run: Callable[[int, Path], Any], folder: Path) -> list[Any]:
    """What ``run(rank, folder)`` returned in each of two workers of one group; ``run`` is a module's function."""
    mp.spawn(_worker, args=(run, folder), nprocs=WORKERS)
    return [torch.load(folder / f"rank_{rank}.pt") for rank in range(WORKERS)]


def _worker(rank: int, run: Callable[[int, Path], Any], folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=WORKERS)
    torch.save(run(rank, folder), folder / f"rank_{rank}.pt")
    dist.barrier()  # nobody leaves while the other still listens
    # Before Python 3.14 a native thread that wants the interpreter while it is taken down aborts the process
    # ("terminate called without an active exception"), and gloo has such threads. All is written: leave at once.
    os._exit(0)
