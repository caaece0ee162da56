"""Each view operation against torchvision, image by image, with the same parameters."""

import cmath
import colorsys
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as torchvision

from dalbt_ray.views.batch_views import apply_views
from dalbt_ray.views.view_parameters import ViewParameters

# torchvision weighs red with 0.2989, so its gray is darker by up to 1e-4; everything else is rounding.
TOLERANCE = 2e-4


def batch(shape: tuple[int, int, int, int]) -> Tensor:
    """Random images in [0, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def parameters(images: Tensor, **changed: list[float]) -> ViewParameters:
    """Neutral parameters but for the named ones, one value an image."""
    neutral = ViewParameters.neutral(len(images), *images.shape[2:])
    return replace(neutral, **{name: torch.tensor(values) for name, values in changed.items()})


def assert_close(ours: Tensor, theirs: list[Tensor]) -> None:
    """Equal up to torchvision's shorter luma weights."""
    torch.testing.assert_close(ours, torch.stack(theirs), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("shape", [(4, 1, 28, 28), (4, 3, 32, 24)])
def test_crop(shape: tuple[int, int, int, int]) -> None:
    """Windows at whole pixels, resized to the image: torchvision's antialiased bilinear."""
    images = batch(shape)
    windows = [(0, 0, 9, 13), (3, 5, 20, 11), (10, 2, 1, 20), (0, 0, shape[2], shape[3])]
    top, left, height, width = ([float(value) for value in side] for side in zip(*windows, strict=True))
    ours = apply_views(images, parameters(images, top=top, left=left, height=height, width=width))
    size = list(shape[2:])
    theirs = [
        torchvision.resized_crop(image, *window, size, antialias=True)
        for image, window in zip(images, windows, strict=True)
    ]
    assert_close(ours, theirs)


def test_flip() -> None:
    """Only the images that draw a flip are mirrored."""
    images = batch((2, 3, 32, 32))
    ours = apply_views(images, parameters(images, flip=[1.0, 0.0]))
    assert_close(ours, [torchvision.hflip(images[0]), images[1]])


@pytest.mark.parametrize(("side", "kernel"), [(28, 3), (64, 7)])
def test_blur(side: int, kernel: int) -> None:
    """Gaussian of a tenth of the side, borders reflected."""
    images = batch((3, 1, side, side))
    sigmas = [0.1, 0.9, 2.0]
    ours = apply_views(images, parameters(images, sigma=sigmas))
    theirs = [
        torchvision.gaussian_blur(image, [kernel, kernel], [sigma, sigma])
        for image, sigma in zip(images, sigmas, strict=True)
    ]
    assert_close(ours, theirs)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_jitter(name: str, channels: int) -> None:
    """Each factor alone, one per image, with the clamping to [0, 1]."""
    images = batch((3, channels, 28, 28))
    factors = [0.6, 1.0, 1.4]
    adjust = getattr(torchvision, f"adjust_{name}")
    ours = apply_views(images, parameters(images, **{name: factors}))
    assert_close(ours, [adjust(image, factor) for image, factor in zip(images, factors, strict=True)])


def test_gray() -> None:
    """The color goes, the brightness stays, three channels stay."""
    images = batch((2, 3, 32, 32))
    ours = apply_views(images, parameters(images, gray=[1.0, 0.0]))
    assert_close(ours, [torchvision.rgb_to_grayscale(images[0], 3), images[1]])


@pytest.mark.parametrize("channels", [1, 3])
def test_solarize(channels: int) -> None:
    """Pixels at or above one half are inverted."""
    images = batch((2, channels, 28, 28))
    images[0, 0, 0, 0] = 0.5
    ours = apply_views(images, parameters(images, solarize=[1.0, 0.0]))
    assert_close(ours, [torchvision.solarize(images[0], 0.5), images[1]])


def test_hue_is_a_turn_in_yiq() -> None:
    """Pixel by pixel, turning the chroma of the standard library's YIQ gives the same color.

    Its coefficients have two digits, which moves colors by up to 0.01; muted colors keep clear of the clamp.
    """
    images = 0.4 + 0.2 * batch((2, 3, 8, 8))
    turns = [0.1, -0.3]
    ours = apply_views(images, parameters(images, hue=turns))
    for image, turn, view in zip(images, turns, ours, strict=True):
        expected = []
        for pixel in image.flatten(1).T.tolist():
            luma, i, q = colorsys.rgb_to_yiq(*pixel)
            turned = complex(i, q) * cmath.exp(-2j * cmath.pi * turn)
            expected.append(colorsys.yiq_to_rgb(luma, turned.real, turned.imag))
        torch.testing.assert_close(view.flatten(1).T, torch.tensor(expected), rtol=0, atol=0.01)


def test_hue_turns_the_way_of_torchvision() -> None:
    """A third of a turn makes green of red, blue of green and red of blue, as the HSV version does."""
    primaries = torch.eye(3)[:, :, None, None].expand(3, 3, 8, 8).contiguous()
    ours = apply_views(primaries, parameters(primaries, hue=[1 / 3] * 3))
    theirs = torchvision.adjust_hue(primaries, 1 / 3)
    assert torch.equal(ours.argmax(1), theirs.argmax(1))


def test_gray_images_through_the_whole_pipeline() -> None:
    """All operations at once, in our order, equal torchvision's one after the other."""
    images = batch((2, 1, 28, 28))
    ours = apply_views(
        images,
        parameters(
            images,
            top=[2.0, 5.0],
            left=[7.0, 0.0],
            height=[17.0, 20.0],
            width=[21.0, 15.0],
            flip=[1.0, 0.0],
            sigma=[0.7, 1.9],
            brightness=[1.3, 0.8],
            contrast=[0.7, 1.4],
            solarize=[0.0, 1.0],
        ),
    )
    first = torchvision.resized_crop(images[0], 2, 7, 17, 21, [28, 28], antialias=True)
    first = torchvision.gaussian_blur(torchvision.hflip(first), [3, 3], [0.7, 0.7])
    first = torchvision.adjust_contrast(torchvision.adjust_brightness(first, 1.3), 0.7)
    second = torchvision.resized_crop(images[1], 5, 0, 20, 15, [28, 28], antialias=True)
    second = torchvision.gaussian_blur(second, [3, 3], [1.9, 1.9])
    second = torchvision.adjust_contrast(torchvision.adjust_brightness(second, 0.8), 1.4)
    assert_close(ours, [first, torchvision.solarize(second, 0.5)])
