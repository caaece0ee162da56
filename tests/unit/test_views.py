"""Random views: every image on its own, from one generator, the same however many workers share the batch."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform
from torch import Tensor

from dalbt_ray.errors import InputError
from dalbt_ray.views.batch_views import apply_views
from dalbt_ray.views.byol import ByolViews, draw_parameters, make_views
from dalbt_ray.views.digits import DigitViews
from dalbt_ray.views.pair_of_views import Share
from dalbt_ray.views.view_parameters import ViewParameters
from tests.seeds import seeded


def pixels(count: int = 9, channels: int = 3) -> Tensor:
    """Random images as they are stored."""
    return torch.randint(0, 256, (count, channels, 32, 28), dtype=torch.uint8, generator=seeded(1))


@pytest.mark.parametrize("channels", [1, 3])
def test_views_are_images(channels: int) -> None:
    """Shape as given, float32 in [0, 1], and the two views differ."""
    images = pixels(channels=channels)
    view_a, view_b = make_views(images, ByolViews(), seeded())
    for view in (view_a, view_b):
        assert view.shape == images.shape
        assert view.dtype == torch.float32
        assert view.min() >= 0
        assert view.max() <= 1
    assert not torch.equal(view_a, view_b)


def test_generator_decides() -> None:
    """Same state, same views; another seed, others; the global generator is left alone."""
    before = torch.get_rng_state()
    first = make_views(pixels(), ByolViews(), seeded())
    again = make_views(pixels(), ByolViews(), seeded())
    other = make_views(pixels(), ByolViews(), seeded(5))
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_bytes_and_unit_range_are_the_same_image() -> None:
    """uint8 pixels and the same pixels over 255 give the same views."""
    whole = make_views(pixels(), ByolViews(), seeded())
    scaled = make_views(pixels().float() / 255, ByolViews(), seeded())
    assert all(torch.equal(*pair) for pair in zip(whole, scaled, strict=True))


def test_images_do_not_see_each_other() -> None:
    """Another image in place 4 changes the views in place 4 and no others."""
    changed = pixels()
    changed[4] = 255 - changed[4]
    rest = torch.arange(9) != 4
    for before, after in zip(
        make_views(pixels(), ByolViews(), seeded()),
        make_views(changed, ByolViews(), seeded()),
        strict=True,
    ):
        assert torch.equal(before[rest], after[rest])
        assert not torch.equal(before[4], after[4])


def test_equal_images_get_different_views() -> None:
    """Each image of a batch has its own draw."""
    view, _ = make_views(pixels(1).expand(9, -1, -1, -1), ByolViews(), seeded())
    assert len({image.numpy().tobytes() for image in view}) == 9


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_workers_make_the_views_of_one(world_size: int) -> None:
    """Worker r's views are rows r, r + world size, ... of the whole batch's, also with unequal shares."""
    images = pixels()
    whole = make_views(images, ByolViews(), seeded())
    for rank in range(world_size):
        shard = make_views(
            images[rank::world_size],
            ByolViews(),
            seeded(),
            rank=rank,
            world_size=world_size,
            global_size=len(images),
        )
        for mine, all_views in zip(shard, whole, strict=True):
            torch.testing.assert_close(mine, all_views[rank::world_size])


def test_neutral_parameters_change_nothing() -> None:
    """Whole window, no blur, factors of 1: the image itself."""
    images = pixels().float() / 255
    torch.testing.assert_close(apply_views(images, ViewParameters.neutral(9, 32, 28)), images)


def test_drawn_parameters_stay_in_their_ranges() -> None:
    """Crops inside the image with the asked area and shape, factors and shares as set."""
    settings = ByolViews(crop_scale=(0.2, 0.6))
    drawn = draw_parameters(4000, 32, 32, settings, seeded())
    assert (drawn.top >= 0).all()
    assert (drawn.top + drawn.height <= 32 + 1e-4).all()
    assert (drawn.left >= 0).all()
    assert (drawn.left + drawn.width <= 32 + 1e-4).all()
    area, ratio = drawn.height * drawn.width / 32**2, drawn.width / drawn.height
    assert (area.min().item(), area.max().item()) == pytest.approx((0.2, 0.6), abs=0.01)
    assert (ratio.min().item(), ratio.max().item()) == pytest.approx((3 / 4, 4 / 3), abs=0.01)
    assert drawn.flip.mean().item() == pytest.approx(0.5, abs=0.02)
    assert (drawn.hue != 0).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (drawn.brightness.min().item(), drawn.brightness.max().item()) == pytest.approx(
        (0.6, 1.4), abs=0.01
    )
    assert (drawn.sigma[:4000] >= 0.1).all()
    assert (drawn.sigma[4000:] > 0).float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert (drawn.solarize[:4000] == 0).all()
    assert drawn.solarize[4000:].mean().item() == pytest.approx(0.2, abs=0.02)


def test_parameters_are_drawn_independently() -> None:
    """No parameter of a view tells anything about another of it, nor about the other view."""
    # One size of crop: the range of its top and left would depend on it.
    settings = ByolViews(crop_scale=(0.5, 0.5), crop_ratio=(1.0, 1.0), blur=(0.5, 0.5))
    drawn = draw_parameters(20_000, 32, 32, settings, seeded())
    names = [field.name for field in fields(drawn) if field.name not in {"height", "width"}]
    both = torch.stack([half for name in names for half in getattr(drawn, name).split(20_000)])
    both = both[both.var(1) > 0]
    # Jittered factors share whether they are jittered, yet their signs are free, so they do not correlate.
    correlation = torch.corrcoef(both) - torch.eye(len(both))
    assert correlation.abs().max() < 0.04


def test_settings_without_probabilities_only_crop() -> None:
    """Every probability at 0 and a whole crop: both views are the image."""
    settings = replace(
        ByolViews(),
        crop_scale=(1.0, 1.0),
        crop_ratio=(1.0, 1.0),
        flip=0.0,
        jitter=0.0,
        gray=0.0,
        blur=(0.0, 0.0),
        solarize=(0.0, 0.0),
    )
    images = torch.rand(4, 3, 32, 32, generator=seeded())
    for view in make_views(images, settings, seeded()):
        torch.testing.assert_close(view, images)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("flip", 1.1),
        ("blur", (0.5, -0.1)),
        ("brightness", 1.5),
        ("hue", 0.6),
        ("crop_scale", (0.5, 1.2)),
        ("crop_ratio", (2.0, 1.0)),
        ("blur_sigma", (0.0, 1.0)),
    ],
)
def test_wrong_settings_are_refused(field: str, value: object) -> None:
    """The error names the field."""
    with pytest.raises(InputError, match=f"^views.{field}: "):
        ByolViews(**{field: value})


DIGITS = DigitViews(shift=0.1, rotation=15, scale=0.1)


def test_digit_views_are_affine_maps_of_the_image() -> None:
    """Against SciPy's affine transform under the same parameters, away from the border."""
    image = torch.zeros(1, 1, 28, 28)
    image[0, 0, 8:20, 10:18] = torch.rand(12, 8, generator=seeded(3))
    view, _ = DIGITS.make(image, seeded(4), Share(0, 1, 1))
    down, right, turn, grow = (torch.rand(2, 1, 4, generator=seeded(4))[0, 0] * 2 - 1).tolist()
    angle, size = turn * 15 * np.pi / 180, 1 / (1 + 0.1 * grow)
    matrix = size * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    center = np.array([13.5, 13.5])
    offset = center - matrix @ center + 28 * 0.1 * np.array([down, right])
    expected = affine_transform(image[0, 0].double().numpy(), matrix, offset=offset, order=1)
    np.testing.assert_allclose(view[0, 0].numpy(), expected, atol=1e-4)


def test_digit_views_of_two_workers_are_those_of_one() -> None:
    """Each worker applies its rows of what is drawn for the global batch."""
    whole = DIGITS.make(pixels(), seeded(), Share(0, 1, len(pixels())))
    for rank in (0, 1):
        shard = DIGITS.make(pixels()[rank::2], seeded(), Share(rank, 2, len(pixels())))
        for view, part in zip(whole, shard, strict=True):
            assert torch.equal(view[rank::2], part)


def test_digit_views_without_ranges_change_nothing() -> None:
    """Zero shift, rotation and scale: the image itself."""
    still = DigitViews(shift=0, rotation=0, scale=0)
    images = pixels().float() / 255
    for view in still.make(images, seeded(), Share(0, 1, len(images))):
        torch.testing.assert_close(view, images, atol=1e-5, rtol=0)
