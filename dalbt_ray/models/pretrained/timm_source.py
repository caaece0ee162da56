"""Any model of timm, with weights in a local file."""

from pathlib import Path

from torch import nn

from dalbt_ray.errors import InputError, near_names
from dalbt_ray.models.pretrained.source import Preprocessing, Source, fill, library
from dalbt_ray.models.timm_model import read_weights

_EXTRA = "'dalbt-ray[backbones]'"


class TimmSource(Source):
    """timm (Wightman 2019): every name without a prefix, as in `timm.list_models()`."""

    def offers(self, model: str) -> bool:  # noqa: ARG002
        """What no other source does."""
        return True

    def check(self, model: str) -> None:
        """Refuse a name that timm does not know, with the nearest ones."""
        timm = library("timm", _EXTRA)
        if not timm.is_model(model):
            close = ", ".join(near_names(model, timm.list_models()))
            remedy = f"timm has {close}" if close else "timm.list_models() lists them"
            raise InputError("encoder.model", model, "is not a model of timm", remedy=remedy)

    def preprocessing(self, model: str) -> Preprocessing | None:
        """As timm's configuration of the weights says."""
        found = library("timm", _EXTRA).get_pretrained_cfg(model)
        if found is None:
            return None
        interpolation = "bilinear" if found.interpolation == "bilinear" else "bicubic"
        return Preprocessing(found.input_size[1], tuple(found.mean), tuple(found.std), interpolation)  # type: ignore[arg-type]

    def to_bring(self, model: str) -> str:
        """The library's own places."""
        found = library("timm", _EXTRA).get_pretrained_cfg(model)
        places = (
            [f"model.safetensors of huggingface.co/{found.hf_hub_id}"] if found and found.hf_hub_id else []
        )
        places += [found.url] if found and found.url else []
        return (
            f"bring {' or '.join(places) or f'a file of weights of {model}'} and name it as encoder.weights"
        )

    def load(self, model: str, file: Path) -> nn.Module:
        """The model without its classifier."""
        layers: nn.Module = library("timm", _EXTRA).create_model(model, num_classes=0)
        return fill(layers, read_weights(file), model, file)
