"""The augmentation of the supervised forward: a shifted, perhaps mirrored window, and one draw an image."""

import numpy as np
import pytest
import torch
from torch import Tensor

from dalbt_ray.config import Trial
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.views.augmentation import Augmentation
from dalbt_ray.views.pair_of_views import Share
from dalbt_ray.views.shift_and_flip import ShiftAndFlip
from dalbt_ray.views.unaugmented import Unaugmented
from tests.seeds import seeded

MILD = ShiftAndFlip(shift=0.25, flip=0.5)


def images(count: int = 400) -> Tensor:
    """float[count, 2, 8, 12], every pixel a number of its own."""
    return torch.rand(count, 2, 8, 12, generator=torch.Generator().manual_seed(1)).clamp(min=0.1)


def windows(image: Tensor) -> dict[bytes, tuple[int, int, bool]]:
    """Every window that may come out of one image, cut the slow way."""
    padded = np.zeros((2, 8 + 4, 12 + 6), np.float32)
    padded[:, 2:10, 3:15] = image.numpy()
    found = {}
    for down in range(5):
        for right in range(7):
            window = padded[:, down : down + 8, right : right + 12]
            for mirrored in (False, True):
                found[np.ascontiguousarray(window[:, :, ::-1] if mirrored else window).tobytes()] = (
                    down, right, mirrored,
                )  # fmt: skip
    return found


def test_every_image_becomes_one_of_its_windows_and_all_windows_occur() -> None:
    """Against windows cut by hand: 5 x 7 places, mirrored or not, each about as often as the others."""
    before = images()
    after = MILD.make(before, seeded(4), Share(0, 1, len(before))).contiguous()
    places = [windows(old)[new.numpy().tobytes()] for old, new in zip(before, after, strict=True)]
    for axis, count in ((0, 5), (1, 7), (2, 2)):
        often = np.bincount([int(place[axis]) for place in places], minlength=count)
        assert len(often) == count
        # The chi-square statistic's 99.99 % points for 4, 6 and 1 degrees of freedom are 23.5, 27.9 and 15.1.
        assert ((often - 400 / count) ** 2 / (400 / count)).sum() < 15


@pytest.mark.parametrize("augmentation", [MILD, Unaugmented()])
def test_two_workers_augment_as_one(augmentation: Augmentation) -> None:
    """Each image meets its own draw, whatever the number of workers; shares may be unequal."""
    before = images(7)
    whole = augmentation.make(before, seeded(4), Share(0, 1, 7))
    for rank in (0, 1):
        share = augmentation.make(before[rank::2], seeded(4), Share(rank, 2, 7))
        assert torch.equal(whole[rank::2], share)


def test_without_ranges_nothing_changes() -> None:
    """A shift of 0 and no flip give the image itself."""
    before = images(7)
    assert torch.equal(ShiftAndFlip(shift=0).make(before, seeded(4), Share(0, 1, 7)), before)


def test_augmentation_is_part_of_the_trained_network() -> None:
    """Trials that augment differently have another round 0 and another id; `none` says nothing new."""
    plain = Trial(objective=Supervised())
    trials = [plain] + [
        Trial(objective=Supervised(), augmentation=ShiftAndFlip(flip=flip)) for flip in (0, 0.5)
    ]
    assert len({trial.network_id for trial in trials}) == 3
    assert len({trial.trial_id("d") for trial in trials}) == 3
    assert Trial(objective=Joint(), augmentation=Unaugmented()) == Trial(objective=Joint())
