"""A frozen pretrained model: images are embedded once per sweep, and a trial trains a head on their features."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dalbt_ray.data.embedding.embedding import Embed, Embedding
from dalbt_ray.errors import InputError
from dalbt_ray.models.encoder import Backbone, Cost, Encoder, Shape
from dalbt_ray.models.logistic_regression import LogisticRegression
from dalbt_ray.models.pretrained import Preprocessing, source_of
from dalbt_ray.models.weights import linear
from dalbt_ray.options.ranges import Count, Positive, Whole
from dalbt_ray.workers.device import settle

EMBEDDING_BATCH = 25
"""Images of one forward. Fixed, since the last bits depend on it; larger ones are slower on a CPU core (212 images a
second at 25, 168 at 100, EfficientNet-Lite0 at 96 pixels)."""

EMBEDDING_BATCH_ON_GPU = 250
"""The same on a GPU, whose last bits are its own anyway: an H200 embeds 48,400 images a second at 250, 6,600 at 25."""


@dataclass(frozen=True, kw_only=True)
class Frozen(Encoder):
    """A pretrained model whose weights stay as they are; needs `dalbt-ray[backbones]` for most models.

    Images are embedded once, in blocks that are kept beside the data; every trial of every later sweep reads them.
    Nothing is downloaded. docs/frozen.md tells where weights come from, and which methods cannot run on features.

    Attributes:
        model: `efficientnet_lite0` (its weights are an installed package), a name of timm, `torchvision/NAME`,
            `open_clip/NAME`, or `onnx`.
        weights: a local file (`.safetensors`, `.onnx`, or `.pth` without pickled code); empty where a package has it.
        weights_sha256: of that file, so that a trial's identity says which weights it rests on; filled in from the
            file where it is left empty.
        side: pixels that images are resized to; 0 is the model's own.
        mean: of the three channels, for pixels in 0..1; empty is the model's own.
        std: the same for the standard deviation.
        dimensions: principal axes of the training images' features that are kept, the widest ones; 0 keeps all. With
            256 of EfficientNet-Lite0's 1,280, 100 / 500 / 1,500 random labels of CIFAR-10 give 51.3 / 65.4 / 69.5 %
            instead of 50.9 / 65.4 / 70.0 (4 seeds), and rounds take a fifth of the time.
        head: "linear" is multinomial logistic regression, solved to convergence: no seed, no recipe (`training` is not
            used). "mlp" is one hidden layer with ReLU, trained as `training` says, for methods that need dropout
            passes, several members or steps.
        regularization: of the linear head: L2 penalty on weights and bias against the sum of the cross-entropy,
            `sum CE + regularization / 2 * |W|^2`, on features whose mean over the training images is 0 and whose mean
            squared length is 1.
        regularization_by: "value" takes `regularization`; "validation" takes the multiple of it, out of 1/100, 1/10,
            1, 10 and 100, with the smallest cross-entropy on the validation images.
        width: units of the hidden layer of the mlp, its latent z. The latent of the linear head is the features.
    """

    name: ClassVar[str] = "frozen"
    smallest_side: ClassVar[int] = 1
    gpu_share: ClassVar[float] = 0.0
    trials_in_a_row: ClassVar[int] = 20
    cost: ClassVar[Cost | None] = Cost(step=0.002, image=1e-5)
    model: str = "efficientnet_lite0"
    weights: str = field(default="", metadata={"identity": False})
    weights_sha256: str = ""
    side: Whole = 0
    mean: tuple[float, ...] = ()
    std: tuple[Positive, ...] = ()
    dimensions: Whole = 0
    head: Literal["linear", "mlp"] = "linear"
    regularization: Positive = 0.1
    regularization_by: Literal["value", "validation"] = "value"
    width: Count = 256

    @property
    def latent_dim(self) -> int:  # type: ignore[override]
        """The backbone's numbers are the latent."""
        return 0

    def check(self) -> None:
        """Refuse an unknown model, missing weights or other ones than were named, and half a preprocessing."""
        source = source_of(self.model)
        source.check(self.model)
        file = Path(self.weights).expanduser() if self.weights else source.installed_weights(self.model)
        if file is None:
            problem = (
                f"is empty, and nothing is downloaded: the weights of {self.model} have to be a file here"
            )
            raise InputError("encoder.weights", "", problem, remedy=source.to_bring(self.model))
        if not file.is_file():
            problem = f"is not a file, and {self.model} needs one"
            raise InputError("encoder.weights", str(file), problem, remedy=source.to_bring(self.model))
        found = _sha256(file, file.stat().st_mtime_ns)
        if self.weights_sha256 not in ("", found):
            problem = f"has SHA-256 {found}, not {self.weights_sha256}"
            raise InputError("encoder.weights", str(file), problem, remedy=source.to_bring(self.model))
        object.__setattr__(self, "weights_sha256", found)
        if source.preprocessing(self.model) is None and not (self.side and self.mean and self.std):
            problem = "does not say how its images are prepared"
            raise InputError("encoder.model", self.model, problem, remedy="give side, mean and std")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (0, 3):
                raise InputError(f"encoder.{name}", values, "must be three numbers, or none")

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """The model's own, where the options say nothing else."""
        own = source_of(self.model).preprocessing(self.model)
        return Preprocessing(
            side=self.side or (own.side if own else 0),
            mean=self.mean or (own.mean if own else ()),
            std=self.std or (own.std if own else ()),
            interpolation=own.interpolation if own else "bicubic",
        )

    @property
    def embedding(self) -> "FrozenEmbedding":
        """The model with its preprocessing."""
        return FrozenEmbedding(
            self.model, self.weights, self.weights_sha256, self.preprocessing, self.dimensions
        )

    @property
    def solver(self) -> LogisticRegression | None:
        """Logistic regression for the linear head."""
        if self.head == "mlp":
            return None
        multiples = (0.01, 0.1, 1.0, 10.0, 100.0) if self.regularization_by == "validation" else (1.0,)
        return LogisticRegression(tuple(multiple * self.regularization for multiple in multiples))

    @property
    def starts_pretrained(self) -> bool:
        """The features are."""
        return True

    def prepared(self, images: Tensor) -> Tensor:
        """Features as they are."""
        return images

    def check_shape(self, image_shape: Shape) -> None:
        """Refuse what is not a row of features.

        Raises:
            InputError: images that were not embedded.
        """
        if image_shape[:2] != (1, 1):
            raise InputError("image_shape", image_shape, "are pixels; a frozen encoder reads features")

    def build(self, image_shape: Shape, dropout: float) -> Backbone:  # noqa: ARG002 - one stands before the classifier
        """Nothing for the linear head, a hidden layer for the mlp."""
        return HeadLayers(image_shape[2], self.width if self.head == "mlp" else None)


class HeadLayers(Backbone):
    """What stands between frozen features and the linear classifier.

    Args:
        inputs: length of the feature vectors.
        width: of the hidden layer; None for none.
    """

    def __init__(self, inputs: int, width: int | None) -> None:
        super().__init__()
        self.features = inputs if width is None else width
        self.hidden = nn.Identity() if width is None else nn.Sequential(linear(inputs, width), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """float[b, d, 1, 1] to float[b, features]."""
        features: Tensor = self.hidden(x.flatten(1))
        return features


@dataclass(frozen=True)
class FrozenEmbedding(Embedding):
    """A pretrained model with its preprocessing.

    Attributes:
        model, weights, weights_sha256: see `Frozen`.
        preprocessing: what its images go through.
        dimensions: see `Frozen`.
    """

    model: str
    weights: str = field(compare=False)
    weights_sha256: str
    preprocessing: Preprocessing
    dimensions: int = 0

    @property
    def identity(self) -> dict[str, Any]:
        """The model's name, the hash of its weights, and the preprocessing."""
        how = self.preprocessing
        return {
            "model": self.model,
            "weights": self.weights_sha256,
            "side": how.side,
            "mean": list(how.mean),
            "std": list(how.std),
            "interpolation": how.interpolation,
            "batch": EMBEDDING_BATCH,
        }

    def build(self) -> Embed:
        """The model with its weights."""
        source = source_of(self.model)
        file = Path(self.weights).expanduser() if self.weights else source.installed_weights(self.model)
        # Checked when the encoder was made, but that may have been on another machine.
        if (
            file is None
            or not file.is_file()
            or _sha256(file, file.stat().st_mtime_ns) != self.weights_sha256
        ):
            problem = f"is not the file with SHA-256 {self.weights_sha256} on this machine"
            raise InputError("encoder.weights", str(file or ""), problem, remedy=source.to_bring(self.model))
        return ModelEmbed(source.load(self.model, file), self.preprocessing)


@dataclass(frozen=True)
class ModelEmbed:
    """Embeds images on this process's GPU if there is one, else on the CPU.

    Attributes:
        layers: float[b, 3, side, side] to float[b, d].
        preprocessing: pixels to what `layers` takes.
    """

    layers: nn.Module
    preprocessing: Preprocessing

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8[b, h, w, c] to float32[b, d], some images at a time."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        size = EMBEDDING_BATCH_ON_GPU if device.type == "cuda" else EMBEDDING_BATCH
        settle(device)
        layers = self.layers.to(device).to(memory_format=torch.channels_last)
        parts = [
            layers(self.preprocessing(images[first : first + size], device)).flatten(1).cpu().numpy()
            for first in range(0, len(images), size)
        ]
        return np.concatenate(parts).astype(np.float32, copy=False)


@lru_cache(maxsize=64)
def _sha256(file: Path, changed_ns: int) -> str:  # noqa: ARG001 - a file that changed is read again
    return sha256(file.read_bytes()).hexdigest()
