"""Make RepeatedMNIST: MNIST images, each several times with fresh noise, as in Kirsch et al. 2019, section 4.1.

    python scripts/make_repeated_mnist.py --data-root DIR --images 4000

A pool full of near copies is where scoring images one by one fails: the best image comes with its twins. Writes
`DIR/repeated_mnist/`, from `DIR/mnist/`; sweeps then use it by its name.
"""

import argparse
from pathlib import Path

import numpy as np

from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.split_file import SetMetadata, read_metadata, read_split
from dalbt_ray.data.split_writing import write_split

COPIES = 3
NOISE = 0.1 * 255
"""Standard deviation in gray levels; the paper's 0.1 of the image range."""


def make(data_root: Path, images: int, seed: int) -> None:
    """Write both splits. The test images stay as they are."""
    rng = np.random.default_rng(seed)
    described = read_metadata(data_root / "mnist" / "train.parquet")
    for split, copies in (("train", COPIES), ("test", 1)):
        source = read_split(data_root / "mnist" / f"{split}.parquet")
        chosen = rng.permutation(len(source.ids))[:images] if split == "train" else np.arange(len(source.ids))
        rows = np.tile(chosen, copies)
        noisy = source.images[rows].astype(np.float64)
        if copies > 1:
            noisy += rng.normal(0, NOISE, noisy.shape)
        pixels = np.clip(noisy.round(), 0, 255).astype(np.uint8)
        write_split(
            data_root / "repeated_mnist" / f"{split}.parquet",
            np.arange(len(rows), dtype=np.int64),
            (encode_png(image) for image in pixels),
            source.labels[rows],
            SetMetadata(
                source=f"MNIST, {copies} copies with noise" if copies > 1 else described.source,
                licence=described.licence,
                class_names=described.class_names or tuple("0123456789"),
                input_shape=(28, 28, 1),
            ),
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-root", type=Path, required=True, help="folder with mnist/; repeated_mnist/ is added"
    )
    parser.add_argument("--images", type=int, default=4_000, help="distinct training images (default: 4000)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    make(arguments.data_root, arguments.images, arguments.seed)
