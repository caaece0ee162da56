"""The image formats that can be read on this machine; phones' HEIC is one of them where `pillow_heif` is installed."""

from functools import cache

ALWAYS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
"""As Pillow names them; it reads them itself."""

NO_HEIC_READER = "is a HEIC image, which the extra [heic] reads (pip install 'dalbt-ray[heic]')"
"""What is said of such a file without the reader."""

_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


@cache
def formats() -> tuple[str, ...]:
    """All of them; the first call makes the reader of HEIC known to Pillow."""
    try:
        import pillow_heif
    except ImportError:
        return ALWAYS
    pillow_heif.register_heif_opener()
    return (*ALWAYS, "HEIF")


def lacks_reader(data: bytes) -> bool:
    """Whether a file begins as HEIC does and nothing here can read it."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS and "HEIF" not in formats()
