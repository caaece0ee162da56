"""What of a sweep's images the driver reads itself while Ray starts."""

from pathlib import Path

import pytest

from dalbt_ray.cluster.read_ahead import ReadAhead
from dalbt_ray.errors import InputError


def test_a_set_beyond_the_limit_is_left_to_ray_data() -> None:
    """7,840,000 bytes of pixels are one too many; the next set is none either."""
    keys = [("fashion_mini", "", None), ("fashion_mini", "kmnist_mini", None)]
    ahead = ReadAhead(keys, None, most_bytes=10_000 * 28 * 28 - 1)
    assert ahead.next_shared() is None
    assert ahead.next_shared() is None


def test_an_error_of_reading_is_raised_where_images_are_asked_for(tmp_path: Path) -> None:
    """A thread has read them."""
    with pytest.raises(InputError, match="no_such_set"):
        ReadAhead([("no_such_set", "", None)], tmp_path).next_shared()
