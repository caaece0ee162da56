"""What of a sweep's images the driver reads itself while Ray starts."""

from pathlib import Path

import pytest

from dalbt_ray.cluster import read_ahead
from dalbt_ray.cluster.read_ahead import ReadAhead
from dalbt_ray.data.image_set import ArrayImages
from dalbt_ray.errors import InputError


class Shared(ArrayImages):
    """Stands for the array in Ray's object store."""


@pytest.mark.parametrize(("most_bytes", "shared"), [(10_000 * 28 * 28, True), (10_000 * 28 * 28 - 1, False)])
def test_a_set_beyond_the_limit_is_left_to_ray_data(
    most_bytes: int, *, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7,840,000 bytes of pixels are shared where they may be, and one too many otherwise; the next set always is."""
    monkeypatch.setattr(read_ahead, "SharedArray", Shared)
    keys = [("fashion_mini", "", None), ("fashion_mini", "kmnist_mini", None)]
    ahead = ReadAhead(keys, None, most_bytes)
    first = ahead.next_shared()
    if shared:
        assert first is not None
        assert isinstance(first.images, Shared)
        assert len(first.images) == 10_000
    else:
        assert first is None
    assert ahead.next_shared() is None


def test_an_error_of_reading_is_raised_where_images_are_asked_for(tmp_path: Path) -> None:
    """A thread has read them."""
    with pytest.raises(InputError, match="no_such_set"):
        ReadAhead([("no_such_set", "", None)], tmp_path).next_shared()
