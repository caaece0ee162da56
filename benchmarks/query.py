"""The bars of `dalbt query`: copies, purity, intervals, memory, resume, time to the first page.

Pools are made here. Planted: 1,000 PNG files of Fashion-MNIST, of which a fifth are near copies and a fifth KMNIST, at
96 pixels. Large: a Parquet file of 100,000 tiny images whose features (1,280 numbers in 50 clusters) are written as if
they had been embedded, since embedding as many at 224 pixels takes an hour and says nothing of memory or of the second
query. Photographs: 1,000 JPEG files of 1,600 x 1,200 pixels. Times are wall times, with CPU seconds beside them.
Run: python benchmarks/query.py [--only planted,intervals,large,kill,photographs]
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from dalbt_ray.query.image_blocks import BLOCK, Seen
from dalbt_ray.query.photographs import image_id
from dalbt_ray.query.pool_places import open_pool
from dalbt_ray.query.replies import NOT_OURS
from dalbt_ray.query.session import Model, Session

ROOT = str(Path(__file__).parents[1])


def bar(name: str, measured: str, wanted: str, met: bool) -> None:
    """One line a bar."""
    print(f"BAR {name} {measured} {wanted} {'met' if met else 'short'}", flush=True)


def dalbt(*arguments: str, kill_when: Callable[[], bool] | None = None) -> tuple[float, float, str]:
    """Run a command; wall seconds, CPU seconds and its output. With `kill_when`, SIGKILL as soon as that is true."""
    before, began = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "dalbt_ray.cli", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while kill_when is not None and process.poll() is None:
        if kill_when():
            process.send_signal(signal.SIGKILL)
            kill_when = None
        time.sleep(0.02)
    said, _ = process.communicate()
    after = getrusage(RUSAGE_CHILDREN)
    if kill_when is None and process.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(said)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu, said


def planted(folder: Path) -> None:
    """Five batches of 50 with true answers."""
    from tests.planted_pools import plant

    pool = plant(folder / "planted", 1_000, copies=0.2, foreign=0.2)
    bought: list[str] = []
    purity = []
    for number in range(1, 6):
        out = folder / f"batch_{number}"
        dalbt("query", str(pool.folder), "--budget", "50", "--out", str(out))
        with (out / "batch.csv").open() as file:
            rows = list(csv.DictReader(file))
        purity.append(float(np.mean([pool.truth[row["path"]] != NOT_OURS for row in rows])))
        bought += [pool.copies.get(row["path"], row["path"]) for row in rows]
        answers = {row["id"]: pool.truth[row["path"]] for row in rows}
        (folder / "answers.json").write_text(
            json.dumps({"format": "dalbt-answers", "version": 1, "answers": answers})
        )
        dalbt("ingest", str(pool.folder), str(folder / "answers.json"))
    copies = 1 - len(set(bought)) / len(bought)
    print("purity by batch:", ", ".join(f"{each:.2f}" for each in purity))
    bar("copies_bought", f"{copies:.1%}", "<= 1%", copies <= 0.01)
    bar("purity_from_batch_3", f"{min(purity[2:]):.2f}", ">= 0.90", min(purity[2:]) >= 0.9)


def intervals(_folder: Path) -> None:
    """A hundred simulated loops."""
    from tests.accuracy_loops import interval_covers

    covered = sum(interval_covers(seed) for seed in range(100))
    bar("accuracy_interval_covers", f"{covered} of 100", ">= 90", covered >= 90)


def large(folder: Path, images: int = 100_000) -> None:
    """Two queries of a pool whose features are there."""
    rng = np.random.default_rng(0)
    file = folder / "large.parquet"
    encoded = [_png(rng.integers(0, 256, (8, 8), np.uint8)) for _ in range(images)]
    pq.write_table(pa.table({"image": encoded}), file, row_group_size=1_000)
    session = Session.of(str(file), None)
    blocks = Model.of(session, "efficientnet_lite0", "", 0).blocks
    centers = 3 * rng.normal(size=(50, 1_280)).astype(np.float32)
    with session.state.lease():
        places = open_pool(str(file)).places()
        for first in range(0, images, BLOCK):
            here = range(first, min(first + BLOCK, images))
            ids = [image_id(encoded[row]) for row in here]
            features = centers[rng.integers(0, 50, len(ids))] + rng.normal(size=(len(ids), 1_280)).astype(
                np.float32
            )
            blocks.append(
                [Seen(places[row], id_, "") for row, id_ in zip(here, ids, strict=True)],
                dict(zip(ids, features, strict=True)),
            )
    dalbt("query", str(file), "--budget", "200", "--out", str(folder / "large_1"))
    with (folder / "large_1" / "batch.csv").open() as rows:
        lines = [f"{row['path']},{'ab'[place % 2]}" for place, row in enumerate(csv.DictReader(rows))]
    (folder / "labels.csv").write_text("\n".join(["path,label", *lines]) + "\n")
    dalbt("ingest", str(file), str(folder / "labels.csv"))
    wall, cpu, _ = dalbt("query", str(file), "--budget", "200", "--out", str(folder / "large_2"))
    peak = getrusage(RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(
        f"the second query of {images:,} images: {wall:.1f} s, {cpu:.1f} CPU seconds, all of it, with the page"
    )
    bar("second_query", f"{wall:.1f} s", "< 10 s", wall < 10)
    bar("memory_of_a_process", f"{peak:.2f} GiB", "< 2 GiB", peak < 2)


def kill(folder: Path) -> None:
    """SIGKILL after the second block."""
    from tests.planted_pools import plant

    pool = plant(folder / "killed", 2_000)
    done = pool.folder / ".dalbt" / "features"
    command = ("query", str(pool.folder), "--budget", "20", "--side", "32", "--out", str(folder / "killed_1"))
    dalbt(*command, kill_when=lambda: len(list(done.glob("*/*.parquet"))) >= 2)
    kept = sum(pq.read_metadata(block).num_rows for block in done.glob("*/*.parquet"))
    _, _, said = dalbt(*command)
    again = int(said.split(" files to read")[0].replace(",", "").split()[-1]) - (2_000 - kept)
    lost = f"{again} images beyond those of the block under way"
    print(f"killed with {kept} of 2,000 images kept; embedded again afterwards: {lost}")
    bar("embedded_again_after_sigkill", f"<= {again + BLOCK}", f"<= {BLOCK}", again == 0)


def photographs(folder: Path, images: int = 1_000) -> None:
    """From a folder of files to the page."""
    rng = np.random.default_rng(0)
    (folder / "photographs").mkdir()
    for number in range(images):
        small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
        small.resize((1_600, 1_200), Image.Resampling.BICUBIC).save(
            folder / "photographs" / f"{number}.jpg", quality=90
        )
    out = folder / "first"
    wall, cpu, _ = dalbt("query", str(folder / "photographs"), "--budget", "100", "--out", str(out))
    size = (out / "index.html").stat().st_size / 2**20
    print(
        f"{images:,} photographs of 2 megapixels to a page of {size:.1f} MiB: {wall:.0f} s, {cpu:.0f} CPU seconds"
    )
    bar("first_contact_sheet", f"{wall:.0f} s", "< 120 s", wall < 120)


def _png(pixels: np.ndarray) -> bytes:  # type: ignore[type-arg]
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def main() -> None:
    """Every bar, or some."""
    parts = {
        "planted": planted,
        "intervals": intervals,
        "large": large,
        "kill": kill,
        "photographs": photographs,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(parts))
    for name in parser.parse_args().only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder))


if __name__ == "__main__":
    sys.path.insert(0, ROOT)  # the planted pools are the tests' own
    os.environ["PYTHONPATH"] = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])
    main()
