"""Bring images of one set to the size and channels of another, so that a pool can hold both."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalbt_ray.data.decoding import Shape, describe


def fit_images(images: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Images in another size and another number of channels.

    RGB becomes gray by ITU-R 601 luma, gray becomes RGB by repeating the channel. Sizes change bilinearly,
    with antialiasing when they shrink, sides independently (no cropping). Pillow does both in integers, so
    every machine gets the same pixels.

    Args:
        images: uint8[n, h, w, c], c being 1 or 3.
        shape: (H, W, C) wanted, C being 1 or 3.

    Returns:
        uint8[n, H, W, C]; the input itself if it fits already.
    """
    if images.shape[1:] == shape:
        return images
    height, width, channels = shape
    fitted = np.empty((len(images), *shape), np.uint8)
    for row, pixels in enumerate(images):
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        if channels == 1:
            image = image.convert("L")  # before resizing: a third of the work
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        fitted[row] = np.asarray(image).reshape(height, width, -1)  # one channel is repeated into three
    return fitted


def describe_fit(found: Shape, wanted: Shape) -> str:
    """What `fit_images` does, for manifests and reports; empty if nothing."""
    if found == wanted:
        return ""
    steps = []
    if found[2] != wanted[2]:
        steps.append("RGB to gray (ITU-R 601 luma)" if wanted[2] == 1 else "gray repeated to RGB")
    if found[:2] != wanted[:2]:
        steps.append(f"resized to {wanted[0]}x{wanted[1]} (bilinear, antialiased)")
    return f"{describe(found)}: {', '.join(steps)}"
