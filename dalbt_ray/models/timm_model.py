"""Any model of the library timm, trained from scratch or from weights in a local file."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from dalbt_ray.errors import InputError, near_names
from dalbt_ray.models.encoder import Backbone, Encoder, Shape
from dalbt_ray.options.ranges import Whole


@dataclass(frozen=True, kw_only=True)
class Timm(Encoder):
    """A model of timm (Wightman 2019, "PyTorch Image Models") without its classifier; needs `dalbt-ray[backbones]`.

    Nothing is downloaded. Its batch normalization is timm's own, so with several workers each normalizes its own share
    of a batch, and the running statistics are those of worker 0's shares: two workers do not compute what one does.

    Attributes:
        model: its name, as in `timm.list_models()`.
        weights: a local file (`.safetensors`, or `.pth` without pickled code); empty draws every weight from the
            trial's seed.
        weights_sha256: of that file, so that a trial's identity says which weights it starts from; filled in from the
            file where it is left empty.
        latent_dim: numbers of the latent z by a linear layer; 0 takes the model's features as they are.
    """

    name: ClassVar[str] = "timm"
    is_latent: ClassVar[bool] = True
    model: str = "resnet18"
    weights: str = field(default="", metadata={"identity": False})
    weights_sha256: str = ""
    latent_dim: Whole = 0

    def check(self) -> None:
        """Refuse an unknown model, and weights that are not there or not those that were named."""
        timm = _timm()
        if not timm.is_model(self.model):
            close = ", ".join(near_names(self.model, timm.list_models()))
            remedy = f"timm has {close}" if close else "timm.list_models() lists them"
            raise InputError("encoder.model", self.model, "is not a model of timm", remedy=remedy)
        if self.weights_sha256 and not self.weights:
            raise InputError("encoder.weights", self.weights, "is empty, but encoder.weights_sha256 is not")
        if self.weights:
            found = sha256(_file(self.weights).read_bytes()).hexdigest()
            if self.weights_sha256 not in ("", found):
                raise InputError(
                    "encoder.weights", self.weights, f"has SHA-256 {found}, not {self.weights_sha256}"
                )
            object.__setattr__(self, "weights_sha256", found)

    @property
    def starts_pretrained(self) -> bool:
        """With weights from a file."""
        return bool(self.weights)

    def build(self, image_shape: Shape, dropout: float) -> Backbone:  # noqa: ARG002 - one stands before the classifier
        """See `TimmLayers`."""
        return TimmLayers(self.model, image_shape)

    def draw(self, backbone: Backbone, generator: torch.Generator) -> None:
        """Weights from the file, or every parameter by timm's own initialization under a seed from `generator`.

        timm draws from the global generator. It is forked for that, so no other stream is disturbed.

        Raises:
            InputError: the file lacks a weight of the model.
        """
        assert isinstance(backbone, TimmLayers)
        seed = int(torch.randint(2**62, (1,), generator=generator))
        if not self.weights:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                fresh = TimmLayers(self.model, backbone.image_shape)
            backbone.load_state_dict(fresh.state_dict())
            return
        state, known = read_weights(_file(self.weights)), backbone.layers.state_dict()
        missing = [name for name in known if name not in state]
        if missing:
            raise InputError("encoder.weights", self.weights, f"lacks {missing[0]!r} of {self.model}")
        backbone.layers.load_state_dict({name: state[name] for name in known})


class TimmLayers(Backbone):
    """The layers of `Timm`, with the averages that end them.

    Args:
        model: timm's name.
        image_shape: (height, width, channels).
    """

    def __init__(self, model: str, image_shape: Shape) -> None:
        super().__init__()
        self.image_shape = image_shape
        options: dict[str, Any] = {"pretrained": False, "num_classes": 0, "in_chans": image_shape[2]}
        self.layers = _timm().create_model(model, **options)
        self.features: int = self.layers.num_features

    def forward(self, x: Tensor) -> Tensor:
        """float[b, c, h, w] in -1..1 to float[b, features]."""
        features: Tensor = self.layers(x)
        return features


def read_weights(file: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` or `.pth` file, by name; no code in it is ever run.

    Raises:
        InputError: not a file of tensors.
    """
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            tensors: dict[str, Tensor] = load_file(file)
            return tensors
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError("encoder.weights", str(file), f"cannot be read: {error}") from error
    state = found.get("state_dict", found) if isinstance(found, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError("encoder.weights", str(file), "is not a table of tensors by name")
    return state


def _file(weights: str) -> Path:
    file = Path(weights).expanduser()
    if not file.is_file():
        raise InputError(
            "encoder.weights",
            weights,
            "is not a file",
            remedy="name a .safetensors or .pth file on this machine",
        )
    return file


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise InputError(
            "encoder", "timm", "is not installed", remedy="pip install 'dalbt-ray[backbones]'"
        ) from error
    return timm
