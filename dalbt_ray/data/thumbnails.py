"""Single images of a split by their ids, small enough to be put into a page."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
from PIL import Image

from dalbt_ray.data.column_batches import bytes_of, column_batches
from dalbt_ray.data.split_file import damaged, open_parquet, read_labels

SIDE = 48
"""Pixels of the longer side above which an image is made smaller."""


def encoded_images(path: Path, ids: Iterable[int]) -> dict[int, bytes]:
    """The encoded images of some ids; ids that the file does not have are left out.

    Takes the memory of a few images and of the result; row groups without a wanted image are not read.

    Raises:
        InputError: see `read_labels` and `column_batches`.
    """
    wanted, found = set(ids), dict[int, bytes]()
    places = {int(id_): row for row, id_ in enumerate(read_labels(path)[0]) if int(id_) in wanted}
    file, start = open_parquet(path), 0
    try:
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            here = {row - start: id_ for id_, row in places.items() if start <= row < end}
            if here:
                images = (
                    image for values in column_batches(path, file, "image", [group]) for image in values
                )
                found |= {here[row]: bytes_of(image) for row, image in enumerate(images) if row in here}
            start = end
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None
    return found


def thumbnail(encoded: bytes, side: int = SIDE) -> tuple[str, bytes]:
    """Media type and bytes of a picture of at most `side` pixels: the file itself where it is that small.

    Raises:
        OSError: not an image.
    """
    image = Image.open(BytesIO(encoded), formats=("PNG", "JPEG"))
    if max(image.size) <= side:
        return f"image/{str(image.format).lower()}", encoded
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    small = BytesIO()
    image.save(small, "JPEG", quality=85)
    return "image/jpeg", small.getvalue()
