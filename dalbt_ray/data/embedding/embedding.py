"""What turns images into feature vectors, as a cache and a worker need to know it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from hashlib import sha256
from json import dumps
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.decoding import Shape

Embed: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""uint8[b, h, w, c] to float32[b, d], an image's features depending on that image alone. Can be pickled."""


class Embedding(ABC):
    """A frozen model with its preprocessing. A subclass is a frozen dataclass, so that equal ones share features.

    Attributes:
        dimensions: principal axes that trials read, the widest ones; 0 for all. What is kept on disk has all.
    """

    dimensions: int = 0

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything but the images that features depend on, as JSON values: the weights by their SHA-256."""

    @abstractmethod
    def build(self) -> Embed:
        """The model, ready to embed.

        Raises:
            InputError: weights that cannot be read, or not those of the model.
        """

    def key(self, images_sha256: str, shape: Shape) -> str:
        """16 hex digits that name the features of one file of images in a cache.

        Args:
            images_sha256: hex SHA-256 of the file.
            shape: (height, width, channels) that its images are brought to before they are embedded.
        """
        said = {"images": images_sha256, "shape": list(shape), "model": self.identity}
        return sha256(dumps(said, sort_keys=True, allow_nan=False).encode()).hexdigest()[:16]
