"""Any image file of a user, brought to 8-bit gray or RGB, or refused with the reason."""

import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from dalbt_ray.data.decoding import SMALLEST, BadImageError, png_depth
from dalbt_ray.data.prepare.image_formats import NO_HEIC_READER, formats, lacks_reader

MOST_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485  # of one image; Pillow's own limit, 256 MiB of RGB
_STRIP, _LARGE = 64, 2**22  # rows, pixels
_ORIENTATION = 0x0112  # the EXIF tag
_BITS_PER_SAMPLE = 258  # the TIFF tag
_WITHOUT_COLOR = ("1", "L", "LA", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True)
class Converted:
    """One image.

    Attributes:
        pixels: uint8[h, w, c], c being 1 or 3.
        change: what was done to it, as text; empty for nothing.
        storable: the file's own bytes show these pixels and are PNG or JPEG.
    """

    pixels: NDArray[np.uint8]
    change: str
    storable: bool


def convert(data: bytes, *, at_least: int = 0) -> Converted:
    """Decode one file and convert what a network cannot be fed with; each conversion is stated.

    EXIF orientation is applied; of 9 to 16 bits the upper 8 are kept; transparent parts are put on white; palettes,
    CMYK and other color spaces that Pillow can convert become RGB (color profiles are not applied), bilevel images
    gray; of several pictures in a file the first is taken.

    Args:
        data: the file.
        at_least: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, as long as both sides keep so many pixels: six
            times as fast for a photograph that will be shrunk anyway. 0 decodes everything at full size.

    Raises:
        BadImageError: unreadable or truncated, a side under 8 pixels, more than `MOST_PIXELS` pixels (refused
            before any is decoded), or values without a fixed range (floats, 32-bit integers).
    """
    if not data:
        raise BadImageError(0, "has no bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata
            return _convert(data, at_least)
    except BadImageError:
        raise
    except UnidentifiedImageError:
        if lacks_reader(data):
            raise BadImageError(0, NO_HEIC_READER) from None
        raise BadImageError(0, f"is no image file that can be read ({', '.join(formats())} can)") from None
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except Exception as error:  # on damaged files Pillow raises almost any class
        reason = " ".join(f"{error or type(error).__name__}".split())
        raise BadImageError(0, f"cannot be decoded ({reason[:100]})") from None


def header_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) as the file's header states them, without decoding; None for what `convert` refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = Image.open(BytesIO(data), formats=formats()).size
    except Exception:  # `convert` says what is wrong with it
        return None
    return (height, width) if height * width <= MOST_PIXELS else None


def _convert(data: bytes, at_least: int) -> Converted:
    image: Image.Image = Image.open(BytesIO(data), formats=formats())
    file_format = image.format
    if image.width * image.height > MOST_PIXELS:
        raise _too_many_pixels()
    changes = []
    if getattr(image, "n_frames", 1) > 1:
        changes.append("first of several pictures")
    if at_least:
        image.draft(None, (at_least, at_least))
    image.load()
    if min(image.size) < SMALLEST:
        problem = f"is {image.height}x{image.width} pixels; each side must be at least {SMALLEST}"
        raise BadImageError(0, problem)
    bits = _bits(image, data)
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
        changes.append("turned as their EXIF orientation says")
    if bits > 8:
        changes.append(f"upper 8 of {bits} bits kept")
    found = image.mode
    if found.startswith(("I", "F")) and not found.startswith("I;16"):
        raise BadImageError(0, f"has values without a fixed range (mode {found}); scale it to 8 bits")
    target = "L" if found in _WITHOUT_COLOR else "RGB"
    pixels, on_white = _pixels(image, target, bits)
    changes += ["transparent parts put on white"] if on_white else []
    if found not in ("L", "RGB"):
        changes.append(f"mode {found} to {target}")
    return Converted(pixels, ", ".join(changes), not changes and file_format in ("PNG", "JPEG"))


def _pixels(image: Image.Image, target: str, bits: int) -> tuple[NDArray[np.uint8], bool]:
    """uint8[h, w, c], and whether a transparent part shows.

    Of a large image by strips: each step on all of it takes another copy of it, with 4 bytes a pixel.
    """
    height, width = image.height, image.width
    if height * width < _LARGE:
        return _strip(image, target, bits)
    pixels, on_white = np.empty((height, width, len(target)), np.uint8), False
    for top in range(0, height, _STRIP):
        strip = image.crop((0, top, width, min(height, top + _STRIP)))
        pixels[top : top + _STRIP], shows = _strip(strip, target, bits)
        on_white |= shows
    return pixels, on_white


def _strip(image: Image.Image, target: str, bits: int) -> tuple[NDArray[np.uint8], bool]:
    """What `_pixels` says, of a part."""
    on_white = False
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> (bits - 8)).astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        on_white = image.getchannel("A").getextrema() != (255, 255)
        if on_white:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")
    if image.mode != target:
        image = image.convert(target)
    return np.asarray(image).reshape(image.height, image.width, -1), on_white


def _bits(image: Image.Image, data: bytes) -> int:
    """Bits per channel in the file, which Pillow's modes do not tell: it cuts 16-bit color down silently."""
    stated = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (0,))
    return int(max(png_depth(data), *stated, 8))


def _too_many_pixels() -> BadImageError:
    return BadImageError(0, f"has more than the limit of {MOST_PIXELS:,} pixels")
