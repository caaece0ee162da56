"""What cameras and scanners make becomes 8-bit gray or RGB with a stated conversion, or is refused."""

import io
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dalbt_ray.data.decoding import BadImageError
from dalbt_ray.data.prepare import conversion
from dalbt_ray.data.prepare.conversion import MOST_PIXELS, convert, header_size
from tests.user_folders import encoded, picture

REPOSITORY = Path(__file__).parents[2]

RNG = np.random.default_rng(0)


def png_of(pixels: np.ndarray, color_type: int) -> bytes:
    """A 16-bit PNG written by hand, uint16[h, w, c]: Pillow writes no 16-bit color."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize("shape", [(10, 12, 3), (10, 12)])
def test_plain_png_and_jpeg_are_kept(shape: tuple[int, ...]) -> None:
    """8-bit gray and RGB: Pillow's pixels, nothing to state, the file's own bytes are good enough."""
    for kind in ("PNG", "JPEG"):
        data = encoded(picture(shape), kind)
        found = convert(data)
        np.testing.assert_array_equal(found.pixels.squeeze(), np.asarray(Image.open(io.BytesIO(data))))
        assert (found.change, found.storable) == ("", True)


def test_cmyk_jpeg_becomes_rgb() -> None:
    """Ink back to light: a JPEG of the same color in CMYK has nearly the same RGB values."""
    color = Image.new("RGB", (16, 16), (200, 80, 30))
    found = convert(encoded(color.convert("CMYK"), "JPEG", quality=95))
    assert np.abs(found.pixels.astype(int) - (200, 80, 30)).max() <= 4
    assert (found.change, found.storable) == ("mode CMYK to RGB", False)


def test_16_bits_keep_the_upper_8() -> None:
    """Gray and color PNG, gray TIFF of 16 bits: the high byte of each value."""
    gray = RNG.integers(0, 65536, (10, 12, 1), np.uint16)
    color = RNG.integers(0, 65536, (10, 12, 3), np.uint16)
    for data, values in (
        (png_of(gray, 0), gray),
        (encoded(Image.fromarray(gray[..., 0]), "TIFF"), gray),
        (png_of(color, 2), color),
    ):
        found = convert(data)
        np.testing.assert_array_equal(found.pixels, values >> 8)
        assert "upper 8 of 16 bits kept" in found.change
        assert not found.storable


def test_transparent_parts_are_put_on_white() -> None:
    """Per channel alpha * color + (1 - alpha) * 255, within rounding; an opaque alpha channel is just dropped."""
    image = picture().convert("RGBA")
    alpha = RNG.integers(0, 256, (10, 12), np.uint8)
    color = np.asarray(image.convert("RGB")).astype(float)
    image.putalpha(Image.fromarray(alpha))
    found = convert(encoded(image, "PNG"))
    share = alpha[..., None] / 255
    assert np.abs(found.pixels - (share * color + (1 - share) * 255)).max() <= 1
    assert found.change == "transparent parts put on white, mode RGBA to RGB"
    opaque = convert(encoded(picture().convert("RGBA"), "PNG"))
    assert opaque.change == "mode RGBA to RGB"


def test_gray_with_alpha_stays_gray_and_a_transparent_color_is_seen() -> None:
    """LA becomes one channel; a PNG whose one color is declared transparent has that color white."""
    found = convert(encoded(Image.merge("LA", (picture((10, 12)), Image.new("L", (12, 10), 0))), "PNG"))
    assert (found.pixels.shape, found.pixels.min()) == ((10, 12, 1), 255)
    keyed = encoded(Image.new("RGB", (12, 10), (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    assert convert(keyed).pixels.min() == 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "PA", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
@pytest.mark.parametrize("transparent", [False, True])
def test_strips_give_what_the_whole_image_gives(
    mode: str, transparent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large images are converted by strips: the same pixels and the same words, with alpha in one strip only."""
    image = picture((40, 30)).convert("RGBA")
    image.putalpha(
        Image.fromarray(np.where(np.arange(40)[:, None] < 10, 90, np.full((40, 30), 255)).astype(np.uint8))
    )
    if mode == "I;16":
        image = Image.fromarray(RNG.integers(0, 2**16, (40, 30), np.uint16))
    elif mode == "PA":
        image = image.convert("RGB").quantize(16).convert("PA")
    else:
        image = (image if mode in ("LA", "RGBA") else image.convert("RGB")).convert(mode)
    how = {"transparency": 0} if transparent and mode in ("1", "L", "P", "I;16") else {}
    data = encoded(image, "TIFF" if mode in ("PA", "CMYK", "YCbCr") else "PNG", **how)
    whole = convert(data)
    monkeypatch.setattr(conversion, "_LARGE", 1)
    monkeypatch.setattr(conversion, "_STRIP", 7)
    strips = convert(data)
    np.testing.assert_array_equal(strips.pixels, whole.pixels)
    assert (strips.change, strips.storable) == (whole.change, whole.storable)


_PEAK = """
import sys
from io import BytesIO
from pathlib import Path
from PIL import Image
from dalbt_ray.data.prepare.conversion import convert

def kib(field):
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0])

side = 4_900
file = BytesIO()
Image.new(sys.argv[1], (side, side)).save(file, "PNG", compress_level=1)
data = file.getvalue()
del file
Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
before = kib("VmRSS")
convert(data)
print((kib("VmHWM") - before) * 1024 / side**2)
"""


@pytest.mark.parametrize(("mode", "most"), [("RGBA", 8), ("RGB", 8), ("LA", 6), ("P", 5), ("I;16", 4)])
def test_a_large_image_takes_its_decoded_form_and_the_result(mode: str, most: float) -> None:
    """In bytes a pixel: Pillow has 4 where there are several channels, and the result 1 or 3. All but RGB took more."""
    ended = subprocess.run(
        [sys.executable, "-c", _PEAK, mode], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert 0 < float(ended.stdout) < most


def test_palettes_and_bilevel_images() -> None:
    """As Pillow converts them, with or without a transparent entry."""
    palette = picture().quantize(16)
    found = convert(encoded(palette, "PNG"))
    np.testing.assert_array_equal(found.pixels, np.asarray(palette.convert("RGB")))
    assert found.change == "mode P to RGB"
    assert "put on white" in convert(encoded(palette, "PNG", transparency=0)).change
    bilevel = convert(encoded(picture().convert("1"), "PNG"))
    assert set(np.unique(bilevel.pixels)) == {0, 255}
    assert (bilevel.pixels.shape[2], bilevel.change) == (1, "mode 1 to L")


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (3, lambda a: np.rot90(a, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (8, np.rot90),
        (2, np.fliplr),
    ],
)
def test_a_photograph_stands_upright(orientation: int, turned: Any) -> None:
    """The EXIF orientation of a JPEG is applied to its pixels."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain = picture((12, 10, 3))
    found = convert(encoded(plain, "JPEG", exif=exif))
    np.testing.assert_array_equal(found.pixels, turned(convert(encoded(plain, "JPEG")).pixels))
    assert (found.change, found.storable) == ("turned as their EXIF orientation says", False)


def test_the_first_of_several_pictures_is_taken() -> None:
    """Pages of a TIFF, and the preview that phones add to a JPEG."""
    first, second = picture(), picture()
    for kind in ("TIFF", "MPO"):
        data = encoded(first, kind, save_all=True, append_images=[second])
        found = convert(data)
        assert found.change == "first of several pictures"
        alone = convert(encoded(first, "JPEG" if kind == "MPO" else kind))
        np.testing.assert_array_equal(found.pixels, alone.pixels)


def bomb(height: int, width: int) -> bytes:
    """A PNG of 60 bytes whose header promises a huge image."""
    data = bytearray(png_of(np.zeros((1, 1, 1), np.uint16), 0))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def bad_files() -> dict[str, tuple[bytes, str]]:
    """Files that cannot be used, and the reason that is given."""
    deep = Image.fromarray(RNG.integers(0, 65535, (10, 12), np.uint16))
    limit = f"has more than the limit of {MOST_PIXELS:,} pixels"
    return {
        "nothing": (b"", "has no bytes"),
        "text named .jpg": (
            b"not an image",
            "is no image file that can be read (PNG, JPEG, BMP, WEBP, TIFF",
        ),
        "gif": (encoded(picture(), "GIF"), "is no image file that can be read"),
        "truncated png": (encoded(picture(), "PNG")[:-40], "cannot be decoded"),
        "truncated jpeg": (
            encoded(picture((64, 64, 3)), "JPEG")[:-800],
            "cannot be decoded (image file is truncated",
        ),
        "float": (encoded(deep.convert("F"), "TIFF"), "values without a fixed range (mode F)"),
        "32-bit integers": (encoded(deep.convert("I"), "TIFF"), "values without a fixed range (mode I)"),
        "too small": (encoded(picture((7, 12, 3)), "PNG"), "is 7x12 pixels; each side must be at least 8"),
        "bomb": (bomb(50_000, 50_000), limit),
        "just too large": (bomb(MOST_PIXELS // 1000 + 1, 1000), limit),
    }


@pytest.mark.parametrize("kind", bad_files())
def test_what_cannot_be_used_is_refused(kind: str) -> None:
    """With its reason, and with no other class of error."""
    data, words = bad_files()[kind]
    with pytest.raises(BadImageError) as error:
        convert(data)
    assert words in error.value.problem


def test_the_header_tells_the_size() -> None:
    """Without decoding; a bomb and a text have none that matters."""
    assert header_size(encoded(picture((64, 60, 3)), "JPEG")[:-800]) == (64, 60)
    assert header_size(bomb(50_000, 50_000)) is None
    assert header_size(bomb(MOST_PIXELS // 1000 + 1, 1000)) is None
    assert header_size(b"not an image") is None


SOUND = [encoded(picture((16, 16, 3)), kind) for kind in ("PNG", "JPEG", "BMP", "WEBP", "TIFF")]


@settings(max_examples=300, deadline=None)
@given(
    data=st.sampled_from(SOUND),
    at=st.lists(st.tuples(st.integers(8, 10**4), st.integers(0, 255)), max_size=8),
)
def test_damaged_files_never_end_in_another_error(data: bytes, at: list[tuple[int, int]]) -> None:
    """Bytes overwritten anywhere: pixels come out, or a `BadImageError`."""
    damaged = bytearray(data)
    for place, value in at:
        damaged[place % len(data)] = value
    with suppress(BadImageError):
        assert convert(bytes(damaged)).pixels.dtype == np.uint8
