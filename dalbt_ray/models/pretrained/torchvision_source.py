"""Any classification model of torchvision, with weights in a local file."""

from pathlib import Path
from typing import Any

from torch import nn

from dalbt_ray.errors import InputError, near_names
from dalbt_ray.models.pretrained.source import Preprocessing, Source, fill
from dalbt_ray.models.timm_model import read_weights

PREFIX = "torchvision/"


class TorchvisionSource(Source):
    """`torchvision/resnet18`: the names of `torchvision.models.list_models(torchvision.models)`."""

    def offers(self, model: str) -> bool:
        """By prefix."""
        return model.startswith(PREFIX)

    def check(self, model: str) -> None:
        """Refuse a name that torchvision does not know, with the nearest ones."""
        from torchvision import models

        names, name = models.list_models(models), model.removeprefix(PREFIX)
        if name not in names:
            close = ", ".join(f"{PREFIX}{each}" for each in near_names(name, names))
            remedy = f"torchvision has {close}" if close else "torchvision.models.list_models() lists them"
            raise InputError("encoder.model", model, "is not a model of torchvision", remedy=remedy)

    def preprocessing(self, model: str) -> Preprocessing:
        """As torchvision's transforms of the default weights say."""
        found = _weights(model).transforms()
        interpolation = "bicubic" if found.interpolation.value == "bicubic" else "bilinear"
        return Preprocessing(found.crop_size[0], tuple(found.mean), tuple(found.std), interpolation)  # type: ignore[arg-type]

    def to_bring(self, model: str) -> str:
        """The library's own place."""
        return f"bring {_weights(model).url} and name it as encoder.weights"

    def load(self, model: str, file: Path) -> nn.Module:
        """The model without its last linear layer, whatever its name is there."""
        from torchvision import models

        layers: nn.Module = models.get_model(model.removeprefix(PREFIX), weights=None)
        layers = fill(layers, read_weights(file), model, file)
        name = [name for name, layer in layers.named_modules() if isinstance(layer, nn.Linear)][-1]
        parent, _, last = name.rpartition(".")
        setattr(layers.get_submodule(parent), last, nn.Identity())
        return layers


def _weights(model: str) -> Any:
    from torchvision import models

    return models.get_model_weights(model.removeprefix(PREFIX)).DEFAULT
