"""Claim: trials share one copy of the images, so four trials on the whole of CIFAR-10 stay under 3 GiB together.

    python benchmarks/pool_memory.py [--data-root DIR]

Four trials run at once on a Ray of our own, one round each with few steps, then score the whole pool: CIFAR-10 with
SVHN as OOD set if `--data-root` has them, else the embedded Fashion-MNIST with KMNIST. LeNet is trained, since
VGG16 takes minutes a round on a CPU; its weights and Adam's moments would add about 180 MiB a trial. Measured at
the peak: the resident memory of the four trials' processes, pages that processes share counted once (PSS), and
next to it what each of them has for itself (USS). Before that, in a process of its own, what the libraries take that
every trial imports: memory that no two processes share.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import psutil

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.run import run_sweep
from dalbt_ray.config import Training, Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch.progress import Progress
from dalbt_ray.results import ResultsStore

TRIALS = 4
BAR = 3 * 2**30
LIBRARIES = (
    ("numpy, pyarrow, pandas", "numpy, pyarrow.parquet, pandas"),
    ("torch", "torch"),
    ("this package, scipy, pydantic", "dalbt_ray.trial.rounds"),
    ("ray, its Tune and Train", "dalbt_ray.cluster.train_loop"),
)
"""What a trial imports, in this order; each with the modules that stand for it."""

_IMPORTS = """
import importlib, sys
def own():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024
before = own()
print(f"  Python itself: {before:.0f} MiB")
for title, modules in zip(sys.argv[1::2], sys.argv[2::2]):
    for module in modules.split(", "):
        importlib.import_module(module)
    print(f"  {title}: {own() - before:.0f} MiB")
    before = own()
print(f"  together: {before:.0f} MiB")
"""


def main() -> None:
    """Run the trials while a thread watches their memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path)
    root = parser.parse_args().data_root
    if sys.platform == "linux":
        print("libraries, in every process for itself:", flush=True)
        arguments = [text for library in LIBRARIES for text in library]
        subprocess.run([sys.executable, "-c", _IMPORTS, *arguments], check=True)
    dataset, ood = ("cifar10", "svhn") if root else ("fashion_mini", "kmnist_mini")
    splits = SplitSettings(train_limit=None, initial_size=500, validation_size=1_000, ood_count=2_000)
    setting = Trial(dataset=dataset, ood=ood, rounds=1, splits=splits, training=Training(epochs=1))
    trials = [replace(setting, seed=seed) for seed in range(TRIALS)]
    peak, stop = _Peak(), threading.Event()
    watcher = threading.Thread(target=peak.watch, args=(stop,))
    watcher.start()
    with tempfile.TemporaryDirectory() as results, Progress(TRIALS) as progress:
        ResultsStore(results).create_or_open({"sweep": "pool_memory"})
        outcome = run_sweep(trials, results, root, ClusterOptions(own_cpus=TRIALS), progress)
    stop.set()
    watcher.join()
    assert outcome.done == TRIALS
    own = ", ".join(f"{uss / 2**20:.0f}" for uss in peak.uss)
    print(f"pool     {dataset} + {ood}; at the peak {len(peak.uss)} trials had {own} MiB each for themselves")
    met = "met" if peak.pss < BAR and len(peak.uss) == TRIALS else "short"
    print(f"BAR pool_memory_mib {peak.pss / 2**20:.0f} {BAR / 2**20:.0f} {met}")


class _Peak:
    """The highest memory of all trial processes together, in bytes."""

    def __init__(self) -> None:
        self.pss = 0
        self.uss: list[int] = []

    def watch(self, stop: threading.Event) -> None:
        """Look twice a second."""
        while not stop.wait(0.5):
            memory = []
            for process in psutil.Process().children(recursive=True):
                try:
                    if process.name().startswith("ray::ImplicitFunc"):
                        memory.append(process.memory_full_info())
                except psutil.Error:
                    continue  # it has just ended
            if sum(each.pss for each in memory) > self.pss:
                self.pss, self.uss = sum(each.pss for each in memory), [each.uss for each in memory]


if __name__ == "__main__":
    main()
