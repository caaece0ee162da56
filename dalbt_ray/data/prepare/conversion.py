"""Any image file of a user, brought to 8-bit gray or RGB, or refused with the reason."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dalbt_ray.data.decoding import BadImageError, open_image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
_ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True)
class Converted:
    """One image.

    Attributes:
        pixels: uint8[h, w, c], c being 1 or 3.
        change: what was done to it, in words; empty for nothing.
        storable: the file's own bytes show these pixels and are PNG or JPEG.
    """

    pixels: NDArray[np.uint8]
    change: str
    storable: bool


def convert(data: bytes) -> Converted:
    """Decode one file.

    Palettes and bilevel images become RGB and gray, an opaque alpha channel is dropped, EXIF orientation is applied.

    Raises:
        BadImageError: unreadable, truncated, outside 8x8 to 256x256 pixels, more than 8 bits per channel,
            transparent, or in a color space that cannot be turned into RGB without a profile (CMYK, Lab).
    """
    image = open_image(data, formats=_FORMATS)
    file_format, found = image.format, image.mode
    changes = []
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
        changes.append("turned as their EXIF orientation says")
    image = _to_gray_or_rgb(image)
    if image.mode != found:
        changes.append(f"mode {found} to {image.mode}")
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    return Converted(pixels, ", ".join(changes), not changes and file_format in ("PNG", "JPEG"))


def _to_gray_or_rgb(image: Image.Image) -> Image.Image:
    mode = image.mode
    if mode in ("L", "RGB"):
        return image
    if mode == "1":
        return image.convert("L")
    if mode == "P" and "transparency" not in image.info:
        return image.convert("RGB")
    if mode in ("P", "PA", "LA", "RGBA"):
        with_alpha = image.convert("LA" if mode == "LA" else "RGBA")
        if with_alpha.getchannel("A").getextrema() != (255, 255):
            raise BadImageError(0, "is partly transparent; put it on a background of your choice")
        return with_alpha.convert("L" if mode == "LA" else "RGB")
    if mode.startswith(("I", "F")):
        raise BadImageError(0, f"has more than 8 bits per channel (mode {mode}); scale it to 8 bits")
    raise BadImageError(0, f"has mode {mode}; save it as RGB")
