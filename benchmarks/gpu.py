"""What one GPU does: steps, views, scoring, embedding, trials side by side, and the usual ways beside them.

Runs without Ray. Every number is a rate of wall time with the device waited for, after a warm-up; networks and sizes
are the paper's: LeNet on 28x28 gray images, VGG16 and ResNet-18 on 32x32 RGB. Sections, each bounded in time; one that
fails says so and the others go on:

    trainer    the training step as a trial runs it (`dalbt_ray.trial.training.fit`), with the joint loss
    step       the same step taken apart: layouts, precisions, TF32 off, cuDNN unbound, the whole step as one CUDA graph
    views      two BYOL views of every image
    scoring    probabilities and features of a pool, and 25 dropout passes
    embedding  a frozen EfficientNet-Lite0 at 96 pixels, by batches as on a CPU and as on a GPU
    together   LeNet trials in 1, 4 and 16 processes on the one GPU, without MPS; rates are of all of them together
    usual      the step with views by torchvision in a DataLoader's workers, and by kornia on the GPU if it is installed
    compile    the step through torch.compile at batch 256; compiling is a column of its own, not part of the rate

Without a GPU it says so and ends, unless `--smoke` asks for a tiny run on the CPU, which measures nothing.
Run: python benchmarks/gpu.py [--json PATH] [--sections trainer,views]
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from on_gpu.pool import embedding, scoring, views
from on_gpu.run import SMOKE, Run, Scale
from on_gpu.step import compiled, step, trainer
from on_gpu.together import together
from on_gpu.usual import usual

from dalbt_ray.workers.device import settle

SECTIONS = {
    "trainer": (trainer, 45),
    "step": (step, 75),
    "views": (views, 10),
    "scoring": (scoring, 20),
    "embedding": (embedding, 20),
    "together": (together, 75),
    "usual": (usual, 45),
    "compile": (compiled, 75),
}
"""What to call, and for how many seconds at most."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the middle of the block once its time is over."""

    def over(*_: object) -> None:
        raise TimeoutError(f"stopped after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def machine(device: torch.device) -> dict[str, Any]:
    """What the numbers were measured on."""
    on_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else "CPU (smoke test: not a measurement)",
        "memory_gib": torch.cuda.get_device_properties(device).total_memory / 2**30 if on_gpu else None,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if on_gpu else None,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }


def shown(value: Any) -> str:
    """A cell of the table."""
    return (
        f"{value:,.3g}"
        if isinstance(value, float) and value < 100
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )


def main() -> int:
    """Measure, print as it comes, write the JSON after every section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--sections", default=",".join(SECTIONS), help="some of them, by commas")
    parser.add_argument("--smoke", action="store_true", help="a tiny run, on the CPU if there is no GPU")
    arguments = parser.parse_args()
    chosen = arguments.sections.split(",")
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if not torch.cuda.is_available() and not arguments.smoke:
        print("torch sees no GPU: nothing to measure (--smoke runs everything once on the CPU)")
        return 0
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settle(device)
    result: dict[str, Any] = {"machine": machine(device), "rows": [], "errors": {}, "seconds": {}}
    print(json.dumps(result["machine"]))
    for section in chosen:

        def tell(section: str = section, **columns: Any) -> None:
            result["rows"].append({"section": section} | columns)
            print(
                f"{section:10s}", *(f"{name}={shown(value)}" for name, value in columns.items()), flush=True
            )

        work, seconds = SECTIONS[section]
        began = time.perf_counter()
        try:
            with limit(seconds):
                work(Run(device, SMOKE if arguments.smoke else Scale(), tell))
        except Exception as error:  # the other sections go on
            result["errors"][section] = f"{type(error).__name__}: {error}"
            print(f"{section:10s} {result['errors'][section]}", file=sys.stderr, flush=True)
        result["seconds"][section] = round(time.perf_counter() - began, 1)
        if arguments.json:
            arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(f"seconds: {result['seconds']}")
    return 1 if result["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
