"""The same step with views as others make them: torchvision image by image, kornia batch by batch."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from dalbt_ray.views.byol import ByolViews
from on_gpu.run import Run
from on_gpu.step import JointStep, Kind, pixels

Batch = tuple[Tensor, Tensor, Tensor, Tensor]  # clean images, view a, view b, labels


class TwoViews(Dataset[Batch]):
    """One image at a time, transformed twice by torchvision, as public code does it."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        self.clean = transforms.ToTensor()
        self.views = [self._view(ByolViews(), number) for number in (0, 1)]

    def _view(self, settings: ByolViews, number: int) -> transforms.Compose:
        """BYOL's recipe for view a (0) or b (1)."""
        _, height, width, channels = self.images.shape
        color = (settings.saturation, settings.hue) if channels == 3 else ()
        jitter = transforms.ColorJitter(settings.brightness, settings.contrast, *color)
        blur = transforms.GaussianBlur(3, settings.blur_sigma)
        return transforms.Compose(
            [
                transforms.RandomResizedCrop((height, width), settings.crop_scale, settings.crop_ratio),
                transforms.RandomHorizontalFlip(settings.flip),
                transforms.RandomApply([jitter], settings.jitter),
                *([transforms.RandomGrayscale(settings.gray)] if channels == 3 else []),
                transforms.RandomApply([blur], settings.blur[number]),
                transforms.RandomSolarize(128, settings.solarize[number]),
                transforms.ToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> Batch:
        image = Image.fromarray(self.images[row].squeeze())
        return self.clean(image), self.views[0](image), self.views[1](image), torch.tensor(row % 10)


def usual(run: Run) -> None:
    """Ours, torchvision's and kornia's views under the same network, loss, optimizer and precision."""
    for name, batch in [("LeNet", 64), ("ResNet-18", 256)] if run.on_gpu else [("LeNet", 8)]:
        step = JointStep(name, batch, Kind("float32"), run.device)
        workers = run.scale.workers
        with_torchvision = _torchvision(run, step, workers)
        works: dict[str, Callable[[], int]] = {
            "views of dalbt-ray": step.work(),
            f"torchvision, {workers} workers": with_torchvision,
        }
        if find_spec("kornia") is not None:
            works["kornia"] = _kornia(step)
        for how, work in works.items():
            longer = 10 if work is with_torchvision else 1  # each worker hands over a batch at once
            rate = run.rate(work, longer)
            run.tell(network=name, batch=batch, how=how, images_per_second=rate)
    if find_spec("kornia") is None:
        run.tell(how="kornia is not installed")


def _torchvision(run: Run, step: JointStep, workers: int) -> Callable[[], int]:
    """Batches without end from a DataLoader that was filled before."""
    images = pixels(step.name, 200_000 if run.on_gpu else 64)
    loader = DataLoader(
        TwoViews(images),
        step.batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        pin_memory=run.on_gpu,
        multiprocessing_context="fork",
        worker_init_fn=_one_thread,
    )

    def endless() -> Iterator[Any]:
        while True:
            yield from loader

    batches = endless()

    def work() -> int:
        clean, *views, labels = (
            each.to(
                step.device, non_blocking=True, memory_format=torch.channels_last if each.ndim == 4 else None
            )
            for each in next(batches)
        )
        step.update_on(clean, *views, labels)
        return step.batch

    # What the workers had ready before the first rate was taken does not count.
    for _ in range(2 * workers if run.on_gpu else 1):
        work()
    return work


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def _kornia(step: JointStep) -> Callable[[], int]:
    """Views by kornia's augmentations, each image with its own draw, on the device."""
    from kornia import augmentation as k

    settings, color = ByolViews(), step.pool.shape[1] == 3

    def view(number: int) -> torch.nn.Sequential:
        size = (step.pool.shape[2], step.pool.shape[3])
        jitter = (settings.saturation, settings.hue) if color else (0.0, 0.0)
        return torch.nn.Sequential(
            k.RandomResizedCrop(size, settings.crop_scale, settings.crop_ratio),
            k.RandomHorizontalFlip(p=settings.flip),
            k.ColorJitter(settings.brightness, settings.contrast, *jitter, p=settings.jitter),
            *([k.RandomGrayscale(p=settings.gray)] if color else []),
            k.RandomGaussianBlur((3, 3), settings.blur_sigma, p=settings.blur[number]),
            k.RandomSolarize(0.1, 0.1, p=settings.solarize[number]),
        ).to(step.device)

    views = [view(number) for number in (0, 1)]

    def work() -> int:
        images, labels, _ = step.inputs()
        clean = images.float().div_(255).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            made = [each(clean) for each in views]
        step.update_on(clean, *made, labels)
        return step.batch

    return work
