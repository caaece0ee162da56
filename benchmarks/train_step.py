"""A DALBT training step and its views against the usual way: torchvision transforms, image by image.

Both sides train the same network from the same weights with the same loss and optimizer on the same real
images (28x28 gray, batches of 64): two BYOL views and the clean image, three forwards, one backward, one Adam
step. They differ in where the views come from:

    usual   torchvision transforms on PIL images in a DataLoader; without workers or with two, whichever is better
    ours    `make_views`: the whole batch at once, each image with its own draw

The usual side is stock PyTorch: default memory layout, `max_pool2d`, default Adam. Ours is what the trainer
runs: channels-last, `dalbt_ray.models.pooling`, `dalbt_ray.models.adam`; "fast" is ours with bfloat16 autocast. The
maths is the same. Color operations that do nothing to gray images are left out on all sides. One torch thread a
process. What counts is images per second of CPU time, worker processes included: the median of interleaved
repetitions.

Last, how far our float32 step is from this core's roof: the operations of its matrix products and convolutions, forward
and backward, over the CPU time of the step without its views, beside what one large matrix product reaches.
Run: python benchmarks/train_step.py [--compiled]
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms

from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.models import pooling
from dalbt_ray.models.adam import Adam
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import Network, NetworkSettings, build_network
from dalbt_ray.models.norm import frozen_statistics
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.views.byol import ByolViews, make_views

BATCH, REPETITIONS = 64, 5
USUAL_IMAGES = BATCH * 15  # a block of the slow side; about two seconds
OUR_IMAGES = BATCH * 80
Batch = tuple[Tensor, Tensor, Tensor, Tensor]  # clean images, view a, view b, labels


class TwoViews(Dataset[Batch]):
    """The usual data set: one image at a time, transformed twice."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, settings: ByolViews) -> None:
        self.images = [Image.fromarray(image) for image in images[..., 0]]
        self.labels = labels
        self.clean = transforms.ToTensor()
        self.views = [self.view(settings, number) for number in (0, 1)]

    def view(self, settings: ByolViews, number: int) -> transforms.Compose:
        """BYOL's recipe for view a (0) or b (1) of a gray image."""
        jitter = transforms.ColorJitter(settings.brightness, settings.contrast)
        return transforms.Compose(
            [
                transforms.RandomResizedCrop(28, settings.crop_scale, settings.crop_ratio),
                transforms.RandomHorizontalFlip(settings.flip),
                transforms.RandomApply([jitter], settings.jitter),
                transforms.RandomApply(
                    [transforms.GaussianBlur(3, settings.blur_sigma)], settings.blur[number]
                ),
                transforms.RandomSolarize(128, settings.solarize[number]),
                transforms.ToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> Batch:
        image = self.images[row]
        return self.clean(image), self.views[0](image), self.views[1](image), self.labels[row]


def usual_batches(images: np.ndarray, labels: np.ndarray, workers: int) -> Iterator[Batch]:
    """One shuffled pass with torchvision."""
    data = TwoViews(images[:USUAL_IMAGES], labels, ByolViews())
    context = "fork" if workers else None
    yield from DataLoader(data, BATCH, shuffle=True, num_workers=workers, multiprocessing_context=context)


def our_batches(images: np.ndarray, labels: np.ndarray) -> Iterator[Batch]:
    """One shuffled pass with `make_views`."""
    generator = torch.Generator().manual_seed(0)
    pool, classes = torch.tensor(images).permute(0, 3, 1, 2), torch.from_numpy(labels)
    for rows in torch.randperm(len(pool), generator=generator).split(BATCH):
        clean = pool[rows].float().div_(255)
        yield clean, *make_views(clean, ByolViews(), generator), classes[rows]


def joint_loss(network: Network, clean: Tensor, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Tensor:
    """The three forwards and the loss."""
    logits = network(clean)
    with frozen_statistics(network):
        z_a, z_b = network.project(network.encode(view_a)), network.project(network.encode(view_b))
    return Joint().loss(logits, labels, (z_a, z_b))


def train(
    batches: Callable[[], Iterator[Batch]],
    *,
    half: bool = False,
    stock: bool = False,
    loss_of: Callable[..., Tensor] = joint_loss,
) -> int:
    """Train a fresh LeNet on all batches; the number of images."""
    network = build_network(LeNet(), NetworkSettings(), (28, 28, 1), 10, torch.Generator().manual_seed(0))
    pool = pooling.max_pool
    if stock:
        network.to(memory_format=torch.contiguous_format)
        pool = partial(functional.max_pool2d, kernel_size=2)
    optimizer = (
        torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-5)
        if stock
        else Adam(network.parameters(), learning_rate=1e-3, weight_decay=1e-5)
    )
    seen = 0
    for clean, view_a, view_b, labels in batches():
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=half),
            patch.object(pooling, "max_pool", pool),
        ):
            loss = loss_of(network, clean, view_a, view_b, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += len(labels)
    return seen


def only_views(batches: Callable[[], Iterator[Batch]]) -> int:
    """Make all batches and do nothing with them; the number of images."""
    return sum(len(labels) for *_, labels in batches())


def step_gflop(batches: Callable[[], Iterator[Batch]]) -> float:
    """Operations of the products and convolutions of one step, in 1e9; a multiplication and an addition are two."""
    first = next(batches())
    with FlopCounterMode(display=False) as counter:
        train(lambda: iter([first]))
    return float(counter.get_total_flops()) / 1e9


def peak_gflop() -> float:
    """What this core does in a second of CPU time, in 1e9: the best of ten products of float32[1024, 1024]."""
    one, two = torch.randn(2, 1_024, 1_024).unbind()
    seconds = []
    for _ in range(10):
        began = time.process_time()
        torch.mm(one, two)
        seconds.append(time.process_time() - began)
    return 2 * 1_024**3 / min(seconds) / 1e9


@dataclass(frozen=True)
class Rate:
    """Images per second of CPU time (all processes) and of wall time."""

    cpu: float
    wall: float


def measure(work: Callable[[], int]) -> Rate:
    """One run of `work`, which returns how many images it handled and has joined its processes."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    images = work()
    return Rate(images / (_cpu_seconds() - cpu), images / (time.perf_counter() - wall))


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Measure everything, interleaved, and print one line per bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--compiled", action="store_true", help="the step through torch.compile beside it")
    compiled = parser.parse_args().compiled
    torch.set_num_threads(1)
    image_set = load_image_set("fashion_mini")
    images = image_set.images.take(np.arange(OUR_IMAGES))
    labels = image_set.labels[:OUR_IMAGES].astype(np.int64)
    ours = partial(our_batches, images, labels)
    usual = {workers: partial(usual_batches, images, labels, workers) for workers in (0, 2)}
    works: dict[str, Callable[[], int]] = {
        "step, usual, 0 workers": partial(train, usual[0], stock=True),
        "step, usual, 2 workers": partial(train, usual[2], stock=True),
        "step, ours, float32": partial(train, ours),
        "step, ours, fast": partial(train, ours, half=True),
        **(
            {"step, ours, compiled": partial(train, ours, loss_of=torch.compile(joint_loss))}
            if compiled
            else {}
        ),
        "views, usual, 0 workers": partial(only_views, usual[0]),
        "views, usual, 2 workers": partial(only_views, usual[2]),
        "views, ours": partial(only_views, ours),
    }
    print(__doc__)
    rates: dict[str, list[Rate]] = {name: [] for name in works}
    for repetition in range(REPETITIONS + 1):
        for name, work in works.items():
            rate = measure(work)
            if name == "step, ours, compiled" and not repetition:
                print(f"to compile the step, with one pass: {OUR_IMAGES / rate.wall:.0f} s")
            if repetition:  # the first one warms up
                rates[name].append(rate)
    cpu = {name: median(rate.cpu for rate in runs) for name, runs in rates.items()}
    wall = {name: median(rate.wall for rate in runs) for name, runs in rates.items()}
    for name in works:
        print(f"{name:25s} {cpu[name]:9,.0f} images/s of CPU {wall[name]:9,.0f} images/s of wall time")
    step, views = (BATCH / cpu[name] for name in ("step, ours, float32", "views, ours"))
    work, peak = step_gflop(ours), peak_gflop()
    print(
        f"step of {BATCH} in float32: {step * 1e3:.1f} ms, of which views {views * 1e3:.1f}; the rest does {work:.2f} "
        f"GFLOP at {work / (step - views):.0f} GFLOP/s, {work / (step - views) / peak:.0%} of this core's {peak:.0f}: "
        f"at the roof it would take {work / peak * 1e3:.1f} ms"
    )
    for bar, name, wanted in (
        ("train_step_float32", "step, ours, float32", 3),
        ("train_step_fast", "step, ours, fast", 4),
        ("views", "views, ours", 15),
    ):
        kind = name.split(",")[0]
        ratio = cpu[name] / max(cpu[f"{kind}, usual, {workers} workers"] for workers in usual)
        print(f"BAR {bar} {ratio:.2f}x {wanted}x {'met' if ratio >= wanted else 'short'}")


if __name__ == "__main__":
    main()
