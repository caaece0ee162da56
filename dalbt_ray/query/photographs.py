"""One image file of a pool: its id, and its pixels at the size that a model or a page wants."""

from hashlib import sha256
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dalbt_ray.data.prepare.conversion import convert

THUMBNAIL = 224
"""Pixels of the longer side on the contact sheet."""


def image_id(data: bytes) -> str:
    """16 hex digits of the SHA-256 of the file's bytes: the same under every name, in every folder."""
    return sha256(data).hexdigest()[:16]


def square(data: bytes, side: int) -> NDArray[np.uint8]:
    """uint8[side, side, 3]: turned as EXIF says, resized (bicubic, antialiased), not cropped; gray is repeated.

    Raises:
        BadImageError: see `convert`.
    """
    image = _image(
        data, side
    )  # a gray one is repeated when it is small: the same bits, a third of the memory
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0).convert("RGB"))


def picture(data: bytes, at_least: int) -> Image.Image:
    """The RGB picture; a large JPEG may come shrunk, with both sides still `at_least` pixels.

    Raises:
        BadImageError: see `convert`.
    """
    image = _image(data, at_least)
    return image if image.mode == "RGB" else image.convert("RGB")


def thumbnail(data: bytes, longest: int = THUMBNAIL) -> bytes:
    """A JPEG whose longer side is `longest` pixels; small images are enlarged without smoothing, so that pixels show.

    Raises:
        BadImageError: see `convert`.
    """
    image = picture(data, longest)
    scale = longest / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    how = Image.Resampling.NEAREST if scale > 2 else Image.Resampling.LANCZOS
    file = BytesIO()
    image.resize(size, how).save(file, "JPEG", quality=80, optimize=True)
    return file.getvalue()


def near_copy(data: bytes) -> bytes:
    """What a near copy of an image may look like: a twentieth cut off, 80 % of the size, brighter, saved again as JPEG.

    Images under 64 pixels, of which that would leave another picture, are made brighter and saved again.

    Raises:
        BadImageError: see `convert`.
    """
    image = picture(data, 512)
    width, height = image.size
    large = min(width, height) >= 64
    if large:
        image = image.crop((width // 40, height // 40, width - width // 40, height - height // 40))
        image = image.resize((width * 4 // 5, height * 4 // 5), Image.Resampling.BICUBIC)
    file = BytesIO()
    image.point(lambda value: round(value * 1.05)).save(file, "JPEG", quality=70 if large else 90)
    return file.getvalue()


def _image(data: bytes, at_least: int) -> Image.Image:
    """Gray or RGB."""
    pixels = convert(data, at_least=at_least).pixels
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
