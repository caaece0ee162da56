"""Score a pool that is larger than memory, over the whole cluster, and keep only the best.

The unit of work is a row group of a Parquet file: an actor of Ray Data's pool reads it in batches, decodes, scores and
ranks them, and what comes back is at most `keep` ids. So neither the driver nor the object store ever holds images.
The networks go to the object store once, and every actor reads them there. `score_batch` is the very function that
trials score with, on batches of the same size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray
import ray.data
import torch
from numpy.typing import NDArray
from ray.data import ActorPoolStrategy

from dalbt_ray.cluster.shared_images import keep_order_quietly
from dalbt_ray.data.decoding import Shape, decode_batch
from dalbt_ray.data.mixing import fit_images
from dalbt_ray.data.split_file import open_parquet, stored_shape
from dalbt_ray.models.network import Network
from dalbt_ray.trial.ranking import Best, merge_top
from dalbt_ray.trial.scoring import SCORING_BATCH, Scores, score_batch

Rank = Callable[[Scores], NDArray[np.float64]]


@dataclass(frozen=True)
class Job:
    """What every actor needs besides the networks.

    Attributes:
        files: whose index names them in `Best`.
        stored: (height, width, channels) of the images in each file.
        shape: what the networks are fed with.
        rank: a batch's scores to float64[b], higher is wanted more.
        keep: how many images are wanted in all.
        on_gpu: compute on the actor's GPU.
    """

    files: tuple[str, ...]
    stored: tuple[Shape, ...]
    shape: Shape
    rank: Rank
    keep: int
    on_gpu: bool


def score_files(
    files: Sequence[Path],
    networks: Sequence[Network],
    rank: Rank,
    *,
    shape: Shape,
    keep: int,
    actors: int | None = None,
    gpus_per_actor: float = 0.0,
) -> Best:
    """The `keep` highest-ranked images of `files`, best first; Ray must be connected.

    Memory is one batch for each actor, whatever the number of images.

    Args:
        files: Parquet files in our form, on a path that every node can read.
        networks: as for `score_batch`; they are put in evaluation mode.
        rank: a picklable function of a batch's scores, see `dalbt_ray.trial.ranking`.
        shape: (height, width, channels) that the networks are fed with.
        keep: how many images are wanted.
        actors: that score at once; None takes one for each CPU, or for each share of a GPU.
        gpus_per_actor: share of a GPU that each holds.
    """
    keep_order_quietly()
    total = ray.cluster_resources()
    if actors is None:
        actors = int(total.get("GPU", 0) / gpus_per_actor if gpus_per_actor else total.get("CPU", 1))
    job = Job(
        files=tuple(str(path) for path in files),
        stored=tuple(stored_shape(path) for path in files),
        shape=shape,
        rank=rank,
        keep=keep,
        on_gpu=gpus_per_actor > 0,
    )
    groups = [
        {"file": index, "group": group}
        for index, path in enumerate(files)
        for group in range(open_parquet(path).metadata.num_row_groups)
    ]
    # A block goes to one actor as a whole: enough of them to share evenly, few enough to cost little.
    work = ray.data.from_items(groups, override_num_blocks=min(len(groups), 16 * actors))
    shipped = ray.put([network.to("cpu").eval() for network in networks])
    ranked = work.map_batches(
        Scorer,
        fn_constructor_args=(job, [shipped]),
        batch_size=1,
        batch_format="numpy",
        compute=ActorPoolStrategy(size=actors),
        num_gpus=gpus_per_actor or None,
    )
    best = Best.nothing()
    for batch in ranked.iter_batches(batch_size=None, batch_format="numpy"):
        best = merge_top(best, Best(**batch), keep)
    return best


class Scorer:
    """An actor of Ray Data's pool: it holds the networks and turns row groups into the best of their images.

    Args:
        job: what to do.
        shipped: one reference to the networks, in a list so that Ray does not replace it by a copy of them.
    """

    def __init__(self, job: Job, shipped: list[Any]) -> None:
        torch.set_num_threads(1)
        self._job = job
        self._device = torch.device("cuda" if job.on_gpu else "cpu")
        self._networks: list[Network] = [network.to(self._device) for network in ray.get(shipped[0])]

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """`file` and `group`, int64[1] each, to the fields of `Best`."""
        best = Best.nothing()
        for file, group in zip(batch["file"], batch["group"], strict=True):
            for ids, encoded in self._read(int(file), int(group)):
                images = fit_images(decode_batch(encoded, self._job.stored[file]), self._job.shape)
                scores = score_batch(self._networks, images, device=self._device)
                ranked = Best(np.full(len(ids), file, np.int64), ids, self._job.rank(scores))
                best = merge_top(best, ranked, self._job.keep)
        return {"file": best.file, "sample_id": best.sample_id, "ranking": best.ranking}

    def _read(self, file: int, group: int) -> Iterator[tuple[NDArray[np.int64], list[bytes]]]:
        """Ids int64[b] and encoded images of a row group, in batches of the size that trials score with."""
        source = open_parquet(Path(self._job.files[file]))
        for batch in source.iter_batches(SCORING_BATCH, row_groups=[group], columns=["id", "image"]):
            yield batch.column("id").to_numpy(), batch.column("image").to_pylist()
