"""Encoded images to one uint8 array: pure, no files, the same function in process and in Ray Data."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Shape = tuple[int, int, int]  # height, width, channels

CHANNELS = {"L": 1, "RGB": 3}
SMALLEST, LARGEST = 8, 256  # pixels a side
_PNG = b"\x89PNG\r\n\x1a\n"


class BadImageError(ValueError):
    """One image of a batch cannot be used.

    Attributes:
        position: its place in the batch, so that the caller, who knows the file, can name the row.
        problem: what is wrong with it, without its place.
    """

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(position, problem)  # both, or the error would not survive the trip between processes
        self.position = position
        self.problem = problem

    def __str__(self) -> str:
        return f"image {self.position} of the batch {self.problem}"


def decode_batch(encoded: Sequence[bytes], shape: Shape | None = None) -> NDArray[np.uint8]:
    """Decode PNG or JPEG bytes to uint8[n, h, w, c].

    Args:
        encoded: n encoded files; an object array, as NumPy batches of Ray Data have them, will do.
        shape: what every image must have; the first image's shape if None.

    Raises:
        BadImageError: an image that is not a readable 8-bit gray or RGB PNG or JPEG, has a side under 8 or
            over 256 pixels, or differs in shape.
    """
    if len(encoded) == 0:
        return np.empty((0, *(shape or (0, 0, 0))), np.uint8)
    first_shape, _ = _decode(encoded[0], 0)
    wanted = shape or first_shape
    images = np.empty((len(encoded), *wanted), np.uint8)
    for position, data in enumerate(encoded):
        found, pixels = _decode(data, position)
        if found != wanted:
            raise BadImageError(position, f"is {describe(found)}, not {describe(wanted)} like the others")
        images[position] = np.frombuffer(pixels, np.uint8).reshape(wanted)
    return images


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """PNG bytes of uint8[h, w, c], c being 1 or 3; the same bytes each time with the same Pillow."""
    file = BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(
        file, "PNG", optimize=True, compress_level=9
    )
    return file.getvalue()


def png_depth(data: bytes) -> int:
    """Bits per channel as the header of a PNG file states them; 0 for another file."""
    return data[24] if data.startswith(_PNG) and len(data) > 24 else 0


def describe(shape: Shape) -> str:
    """A shape as text, such as `28x28 gray`."""
    kind = {1: "gray", 3: "RGB"}.get(shape[2], f"with {shape[2]} channels")
    return f"{shape[0]}x{shape[1]} {kind}"


def _decode(data: bytes, position: int) -> tuple[Shape, bytes]:
    image = _open(data, position)
    if image.mode not in CHANNELS:
        raise BadImageError(position, f"has mode {image.mode}, not 8-bit gray (L) or RGB")
    return (image.height, image.width, CHANNELS[image.mode]), image.tobytes()


def _open(data: bytes, position: int) -> Image.Image:
    if not data:
        raise BadImageError(position, "has no bytes")
    # Pillow silently cuts a 16-bit RGB PNG down to 8 bits.
    if png_depth(data) == 16:
        raise BadImageError(position, "has 16 bits per channel, not 8")
    try:
        image = Image.open(BytesIO(data), formats=("PNG", "JPEG"))
        if small_enough := max(image.size) <= LARGEST:  # before any pixel is decoded
            image.load()
    except UnidentifiedImageError:
        raise BadImageError(position, "is no image file (PNG, JPEG can be read)") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadImageError(position, f"cannot be decoded ({error})") from None
    if not small_enough or min(image.size) < SMALLEST:
        size = f"{image.height}x{image.width}"
        raise BadImageError(position, f"is {size} pixels; each side must be {SMALLEST} to {LARGEST}")
    return image
