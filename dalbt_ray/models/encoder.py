"""What an encoder is: a frozen value that carries all that others need to know of it."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from dalbt_ray.data.embedding.embedding import Embedding
from dalbt_ray.errors import InputError
from dalbt_ray.models.logistic_regression import LogisticRegression
from dalbt_ray.models.weights import draw_weights
from dalbt_ray.options.value import Named

Shape = tuple[int, int, int]
"""(height, width, channels) of an image."""

LARGEST_SIDE = 256
"""Pixels; images are kept decoded in memory, so larger ones are resized when a set is prepared."""


class Backbone(nn.Module):
    """Base of an encoder's layers.

    One that has dropout layers inside splits its forward there, into `stem` and `finish`.

    Attributes:
        features: numbers that come out for an image.
    """

    features: int

    def stem(self, x: Tensor) -> Tensor:
        """float[b, c, h, w] in -1..1 to what enters the first dropout layer; stochastic passes share it."""
        result: Tensor = self(x)
        return result

    def finish(self, x: Tensor) -> Tensor:
        """What `stem` gave, to float[b, features]: `finish(stem(x))` is `forward(x)`."""
        return x


@dataclass(frozen=True)
class Cost:
    """Seconds on one CPU core, one thread, 28x28 gray images (32x32 RGB where smaller ones do not fit).

    Attributes:
        step: one training step on cross-entropy of 64 images.
        image: one image while scoring.
    """

    step: float
    image: float


class Encoder(Named):
    """Base of all encoders. A subclass is a frozen dataclass whose fields are its options.

    One of your own works from a sweep file: implement `build`, set the class variables, pass an instance to `Trial`.

    Attributes:
        smallest_side: pixels below which an image cannot be encoded.
        gpu_share: part of a GPU that one trial takes by default: a small network leaves most of one idle.
        cost: for `--plan`, until a trial has been measured; None if nobody has measured it.
        drops_out_inside: whether `build` places the dropout layers; otherwise one stands before the classifier.
        is_latent: whether the features are the latent where the sizes agree; otherwise a linear layer stands between.
        trials_in_a_row: trials that one worker runs one after the other before Ray schedules again: above 1 where a
            trial takes seconds.
        capturable: whether the layers launch the same kernels whatever the images show, and never wait for a GPU: a
            step may then be recorded as a CUDA graph and played back.
    """

    path: ClassVar[str] = "encoder"
    smallest_side: ClassVar[int] = 8
    gpu_share: ClassVar[float] = 1.0
    cost: ClassVar[Cost | None] = None
    drops_out_inside: ClassVar[bool] = False
    is_latent: ClassVar[bool] = True
    trials_in_a_row: ClassVar[int] = 1
    capturable: ClassVar[bool] = False
    latent_dim: int
    """Numbers of the latent z; 0 takes the backbone's features as they are."""

    @property
    def embedding(self) -> Embedding | None:
        """What turns images into the feature vectors that trials read instead; None where they read pixels."""
        return None

    @property
    def solver(self) -> LogisticRegression | None:
        """What solves the classifier on fixed features; None where all layers are trained step by step."""
        return None

    @property
    def starts_pretrained(self) -> bool:
        """Whether features mean something before anything is trained."""
        return False

    def prepared(self, images: Tensor) -> Tensor:
        """What `build`'s layers read of float[b, c, h, w]: pixels of 0..1 in [-1, 1], for every data set."""
        return images * 2 - 1

    @abstractmethod
    def build(self, image_shape: Shape, dropout: float) -> Backbone:
        """New layers whose weights `draw` fills.

        Args:
            image_shape: (height, width, channels); `check_shape` has passed.
            dropout: probability, for an encoder that `drops_out_inside`.
        """

    def draw(self, backbone: Backbone, generator: torch.Generator) -> None:
        """Fill the weights that `build` left open from `generator`, the only source of randomness."""
        draw_weights(backbone, generator)

    def sound(self) -> "Encoder":
        """This encoder as the sound recipe has it: the same, unless an option of its own bears on the fit."""
        return self

    def check_shape(self, image_shape: Shape) -> None:
        """Refuse images that do not fit.

        Raises:
            InputError: a side that is too small or too large.
        """
        if not all(self.smallest_side <= side <= LARGEST_SIDE for side in image_shape[:2]):
            problem = f"does not fit {self.name}: sides must be {self.smallest_side} to {LARGEST_SIDE} pixels"
            raise InputError("image_shape", image_shape, problem, remedy="resize the images")
