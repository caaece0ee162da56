"""How much is measured, on what, and how a rate is taken."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from dalbt_ray.models.encoder import Encoder
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.resnet import ResNet18
from dalbt_ray.models.vgg import VGG16

NETWORKS: dict[str, tuple[Encoder, tuple[int, int, int]]] = {
    "LeNet": (LeNet(), (28, 28, 1)),
    "VGG16": (VGG16(), (32, 32, 3)),
    "ResNet-18": (ResNet18(), (32, 32, 3)),
}
"""Encoder and image shape, as in the paper."""


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        seconds: of one rate.
        networks: names in `NETWORKS`.
        batches: images of a step.
        pool: images that are scored or embedded.
        together: trials side by side.
        steps: of a round of such a trial.
        workers: processes of a DataLoader.
    """

    seconds: float = 0.4
    networks: tuple[str, ...] = ("LeNet", "VGG16", "ResNet-18")
    batches: tuple[int, ...] = (64, 256, 1024)
    pool: int = 20_000
    together: tuple[int, ...] = (1, 4, 16)
    steps: int = 300
    workers: int = min(16, os.cpu_count() or 1)


SMOKE = Scale(0.01, ("LeNet",), (8,), 300, (1,), 2, 1)
"""Next to nothing of everything."""


@dataclass(frozen=True)
class Run:
    """Where to measure, how much, and who is told of each result, given as columns."""

    device: torch.device
    scale: Scale
    tell: Callable[..., None]

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU to wait for."""
        return self.device.type == "cuda"

    @property
    def cases(self) -> Iterator[tuple[str, int]]:
        """Every network at every batch size."""
        yield from ((name, batch) for name in self.scale.networks for batch in self.scale.batches)

    def rate(self, work: Callable[[], int], longer: float = 1) -> float:
        """Images a second of `work`, which returns how many it has put to work; the device is waited for.

        Args:
            work: what is done over and over.
            longer: how many times as long as usual, for what comes in bursts.
        """
        at_once = 4 if self.on_gpu else 1
        for _ in range(at_once):
            work()
        self._wait()
        began, images, spent = time.perf_counter(), 0, 0.0
        while spent < longer * self.scale.seconds:
            images += sum(work() for _ in range(at_once))
            self._wait()
            spent = time.perf_counter() - began
        return images / spent

    def _wait(self) -> None:
        if self.on_gpu:
            torch.cuda.synchronize()
