"""The joint training step, as trials run it and taken apart."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.image_set import ArrayImages
from dalbt_ray.models.adam import Adam
from dalbt_ray.models.network import Network, NetworkSettings, build_network, unit_range
from dalbt_ray.models.norm import frozen_statistics
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.trial.captured_step import WORTH_CAPTURING
from dalbt_ray.trial.minibatches import Draws, TrainingImages
from dalbt_ray.trial.training import fit
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.views.batch_views import apply_views
from dalbt_ray.views.byol import ByolViews, draw_parameters
from dalbt_ray.views.view_parameters import ViewParameters
from dalbt_ray.workers.device import moved
from dalbt_ray.workers.world import World
from on_gpu.run import NETWORKS, Run

RESIDENT = 4096  # labeled images on the device


def pixels(name: str, count: int) -> np.ndarray:
    """uint8[count, h, w, c] of noise: the time of a step does not depend on what is in the pictures."""
    return np.random.default_rng(0).integers(0, 256, (count, *NETWORKS[name][1]), dtype=np.uint8)


def network_of(name: str, device: torch.device) -> Network:
    """With fresh weights."""
    encoder, shape = NETWORKS[name]
    return build_network(encoder, NetworkSettings(), shape, 10, torch.Generator().manual_seed(0)).to(device)


def trainer(run: Run) -> None:
    """`fit`, as every trial calls it."""
    for name, batch in run.cases:
        for precision in ("float32", "bfloat16"):
            images = pixels(name, max(1024, batch))
            rows = np.arange(len(images))
            data = TrainingImages(
                images=TrialImages(ArrayImages(images), rows),
                labeled=rows,
                labels=rows % 10,
                pool=rows,
                unlabeled=rows[:0],
            )
            network = network_of(name, run.device)

            def steps(count: int, batch: int = batch, precision: Any = precision) -> float:
                recipe = Training(batch_size=batch, epochs=1, min_steps=count, precision=precision)
                trial = Trial(objective=Joint(), encoder=NETWORKS[name][0], training=recipe)  # noqa: B023
                began = time.perf_counter()
                done = fit(
                    network,  # noqa: B023
                    data,  # noqa: B023
                    trial,
                    draws=Draws(seed=0, round_index=0),
                    world=World(),
                    device=run.device,
                )
                return (time.perf_counter() - began) / done.steps

            steps(1)
            second = steps(1)
            count = max(1, int(2 * run.scale.seconds / second))
            seconds = steps(count)
            graph = ", CUDA graph" if run.on_gpu and count >= WORTH_CAPTURING else ""
            run.tell(network=name, batch=batch, how=precision + graph, images_per_second=batch / seconds)


@dataclass(frozen=True)
class Kind:
    """A way to run the step; the first one is the trainer's."""

    name: str
    half: bool = False
    channels_last: bool = True
    graph: bool = False
    compiled: bool = False
    tf32: bool = True
    repeats_bits: bool = True


KINDS = (
    Kind("float32"),
    Kind("float32, contiguous", channels_last=False),
    Kind("float32, TF32 off", tf32=False),
    Kind("float32, any algorithm of cuDNN", repeats_bits=False),
    Kind("float32, CUDA graph", graph=True),
    Kind("bfloat16", half=True),
    Kind("bfloat16, contiguous", half=True, channels_last=False),
    Kind("bfloat16, CUDA graph", half=True, graph=True),
)
COMPILED = (
    Kind("float32, compiled", compiled=True),
    Kind("bfloat16, compiled", half=True, compiled=True),
    Kind("bfloat16, compiled, CUDA graph", half=True, compiled=True, graph=True),
)


class JointStep:
    """Clean forward, two views, loss, backward, Adam: the trainer's step with its parts in reach."""

    def __init__(self, name: str, batch: int, kind: Kind, device: torch.device) -> None:
        self.name, self.batch, self.kind, self.device = name, batch, kind, device
        self.network = network_of(name, device).train()
        if not kind.channels_last:
            self.network.to(memory_format=torch.contiguous_format)
        self.optimizer = Adam(self.network.parameters(), learning_rate=1e-3, weight_decay=1e-5)
        self.pool = torch.from_numpy(pixels(name, max(RESIDENT, batch))).to(device).permute(0, 3, 1, 2)
        self.labels = (torch.arange(len(self.pool)) % 10).to(device)
        self.generator = torch.Generator().manual_seed(0)
        self.loss: Callable[..., Tensor] = torch.compile(self._loss) if kind.compiled else self._loss
        self.views: Callable[..., Tensor] = torch.compile(self._views) if kind.compiled else self._views

    def inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """A batch: uint8[b, c, h, w], int64[b], and float[12, 2 b], what its views are to be."""
        rows = torch.randint(len(self.pool), (self.batch,), generator=self.generator)
        rows = moved(rows, self.device)
        height, width = self.pool.shape[2:]
        drawn = draw_parameters(self.batch, height, width, ByolViews(), self.generator)
        table = torch.stack([getattr(drawn, field.name) for field in fields(ViewParameters)])
        return self.pool[rows], self.labels[rows], moved(table, self.device)

    def update(self, images: Tensor, labels: Tensor, table: Tensor) -> Tensor:
        """One step of the optimizer; the loss."""
        layout = torch.channels_last if self.kind.channels_last else torch.contiguous_format
        clean = unit_range(images).contiguous(memory_format=layout)
        view_a, view_b = self.views(clean, table).split(self.batch)
        return self.update_on(clean, view_a, view_b, labels)

    def update_on(self, clean: Tensor, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Tensor:
        """The same with views that somebody else has made."""
        self.optimizer.zero_grad()
        loss = self.loss(clean, view_a, view_b, labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _views(self, clean: Tensor, table: Tensor) -> Tensor:
        return apply_views(clean.repeat(2, 1, 1, 1), ViewParameters(*table.unbind()))

    def _loss(self, clean: Tensor, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Tensor:
        network = self.network
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.kind.half):
            logits = network(clean)
            with frozen_statistics(network):
                z_a, z_b = network.project(network.encode(view_a)), network.project(network.encode(view_b))
            return Joint().loss(logits, labels, (z_a, z_b))

    def work(self) -> Callable[[], int]:
        """What a rate is taken of."""
        if self.kind.graph:
            return self._graphed()

        def step() -> int:
            self.update(*self.inputs())
            return self.batch

        return step

    def _graphed(self) -> Callable[[], int]:
        """The whole step recorded once and played again, on inputs that are copied into its place."""
        static = [each.clone() for each in self.inputs()]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self.update(*static)
        torch.cuda.current_stream().wait_stream(aside)
        self.optimizer.zero_grad()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.update(*static)

        def step() -> int:
            for place, value in zip(static, self.inputs(), strict=True):
                place.copy_(value)
            graph.replay()
            return self.batch

        return step


def flops_per_image(name: str, device: torch.device) -> float:
    """Multiplications and additions of a whole step over its images, as PyTorch counts them."""
    step = JointStep(name, 8, Kind("counted"), device)
    with FlopCounterMode(display=False) as counter:
        step.update(*step.inputs())
    return counter.get_total_flops() / step.batch


def step(run: Run) -> None:
    """Every kind of step that needs no compiler."""
    _kinds(run, KINDS, run.cases)


def compiled(run: Run) -> None:
    """The kinds that torch.compile makes, at one batch size, since every shape is compiled anew."""
    if not run.on_gpu:
        run.tell(how="skipped: compiling for a CPU says nothing of a GPU")
        return
    _kinds(run, COMPILED, ((name, 256) for name in run.scale.networks))


def _kinds(run: Run, kinds: tuple[Kind, ...], cases: Any) -> None:
    for name, batch in cases:
        flops = flops_per_image(name, run.device)
        for kind in kinds:
            if kind.graph and not run.on_gpu:
                continue
            if kind.compiled:
                torch.compiler.reset()
            run.tell(network=name, batch=batch, how=kind.name, **_measured(run, name, batch, kind, flops))


def _measured(run: Run, name: str, batch: int, kind: Kind, flops: float) -> dict[str, Any]:
    """Columns of one kind; its failure is one of them, so that the others go on."""
    if run.on_gpu:
        torch.cuda.reset_peak_memory_stats()
    cudnn = torch.backends.cudnn
    cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark = (
        kind.tf32,
        kind.repeats_bits,
        not kind.repeats_bits,
    )
    began = time.perf_counter()
    try:
        work = JointStep(name, batch, kind, run.device).work()
        work()
        first = time.perf_counter() - began
        rate = run.rate(work)
    except TimeoutError:
        raise
    except Exception as error:  # whatever a compiler or a capture says
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"}
    finally:
        cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark = True, True, False
    columns: dict[str, Any] = {
        "images_per_second": rate,
        "milliseconds": 1e3 * batch / rate,
        "teraflops": rate * flops / 1e12,
    }
    if run.on_gpu:
        columns["memory_mib"] = torch.cuda.max_memory_allocated() / 2**20
    return columns | ({"compiling_seconds": first} if kind.compiled else {})
