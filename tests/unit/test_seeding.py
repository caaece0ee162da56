"""The seed tree: same place, same stream; another place, another stream."""

from itertools import product
from typing import get_args

import torch

from dalbt_ray.seeding import Purpose, generator, torch_generator


def test_streams_repeat_and_differ() -> None:
    """(seed, round, purpose, member) names a stream: equal names equal draws, other names other draws."""
    places = list(product((0, 1), (0, 1), get_args(Purpose), (0, 1)))
    draws = [int(generator(*place).integers(2**62)) for place in places]
    assert draws == [int(generator(*place).integers(2**62)) for place in places]
    assert len(set(draws)) == len(places)


def test_torch_streams_repeat_and_differ() -> None:
    """The same for torch."""
    places = list(product((0, 1), (0, 1), get_args(Purpose)))
    draws = [torch.randint(2**62, (), generator=torch_generator(*place)).item() for place in places]
    assert draws == [torch.randint(2**62, (), generator=torch_generator(*place)).item() for place in places]
    assert len(set(draws)) == len(places)


def test_streams_are_frozen() -> None:
    """A purpose's stream must survive releases, or a resumed trial would not continue its own draws."""
    assert generator(0, 0, "selection").integers(1000, size=4).tolist() == [825, 592, 945, 949]
