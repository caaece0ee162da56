"""`fit_images` against slow, independent versions of resizing and color conversion."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dalbt_ray.data.mixing import describe_fit, fit_images

RNG = np.random.default_rng(0)


def smooth(n: int, h: int, w: int, c: int) -> np.ndarray:
    """Random images uint8[n, h, w, c] without sharp edges, where resizers differ by rounding only."""
    coarse = torch.from_numpy(RNG.uniform(0, 255, (n, c, 4, 4)))
    fine = torch.nn.functional.interpolate(coarse, (h, w), mode="bicubic").clamp(0, 255)
    return fine.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


def by_torch(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Antialiased bilinear resizing in float64, float64[n, h, w, c]."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).double()
    resized = torch.nn.functional.interpolate(x, (height, width), mode="bilinear", antialias=True)
    return resized.permute(0, 2, 3, 1).numpy()


@settings(deadline=None, max_examples=40)
@given(
    size=st.tuples(st.integers(8, 40), st.integers(8, 40)),
    wanted=st.tuples(st.integers(8, 40), st.integers(8, 40)),
    channels=st.sampled_from([1, 3]),
)
def test_resizing_is_antialiased_bilinear(
    size: tuple[int, int], wanted: tuple[int, int], channels: int
) -> None:
    """Shrinking and growing agree with torch's float version within rounding (two 8-bit passes)."""
    images = smooth(2, *size, channels)
    fitted = fit_images(images, (*wanted, channels))
    assert fitted.dtype == np.uint8
    assert np.abs(fitted - by_torch(images, *wanted)).max() <= 2


def test_gray_is_repeated_into_three_channels() -> None:
    """All three channels equal the resized gray image."""
    gray = smooth(3, 28, 28, 1)
    fitted = fit_images(gray, (32, 32, 3))
    for channel in range(3):
        np.testing.assert_array_equal(fitted[..., channel], fit_images(gray, (32, 32, 1))[..., 0])


def test_rgb_becomes_luma() -> None:
    """ITU-R 601: 0.299 R + 0.587 G + 0.114 B, within rounding."""
    rgb = RNG.integers(0, 256, (4, 9, 9, 3), np.uint8)
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    assert np.abs(fit_images(rgb, (9, 9, 1))[..., 0] - luma).max() <= 1


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)])
def test_fitting_images_are_returned_as_they_are(shape: tuple[int, int, int]) -> None:
    """No copy and no words when nothing is to do."""
    images = np.zeros((2, *shape), np.uint8)
    assert fit_images(images, shape) is images
    assert describe_fit(shape, shape) == ""


def test_images_do_not_influence_each_other() -> None:
    """A batch gives what its images give one by one, in a read-only array too."""
    images = smooth(5, 20, 24, 3)
    images.flags.writeable = False
    alone = np.concatenate([fit_images(image[None], (28, 28, 1)) for image in images])
    np.testing.assert_array_equal(fit_images(images, (28, 28, 1)), alone)


def test_the_conversion_is_put_into_words() -> None:
    """Size and channels are both named."""
    assert describe_fit((28, 28, 1), (32, 32, 3)) == (
        "28x28 gray: gray repeated to RGB, resized to 32x32 (bilinear, antialiased)"
    )
