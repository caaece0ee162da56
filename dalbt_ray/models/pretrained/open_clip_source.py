"""Image towers of open_clip, with weights in a local file."""

from pathlib import Path
from typing import Any

from torch import nn

from dalbt_ray.errors import InputError
from dalbt_ray.models.pretrained.source import Preprocessing, Source, library
from dalbt_ray.models.timm_model import read_weights

PREFIX = "open_clip/"
_EXTRA = "open_clip_torch"


class OpenClipSource(Source):
    """`open_clip/ViT-B-32`: the names of `open_clip.list_models()`; the file holds image and text tower."""

    def offers(self, model: str) -> bool:
        """By prefix."""
        return model.startswith(PREFIX)

    def check(self, model: str) -> None:
        """Refuse a name that open_clip does not know."""
        names = library("open_clip", _EXTRA).list_models()
        if model.removeprefix(PREFIX) not in names:
            raise InputError("encoder.model", model, "is not a model of open_clip", allowed=names)

    def preprocessing(self, model: str) -> Preprocessing:
        """The image size of the model, and the mean and standard deviation that CLIP was trained with."""
        clip, name = library("open_clip", _EXTRA), model.removeprefix(PREFIX)
        side = clip.get_model_config(name)["vision_cfg"]["image_size"]
        return Preprocessing(side, clip.OPENAI_DATASET_MEAN, clip.OPENAI_DATASET_STD)

    def to_bring(self, model: str) -> str:
        """The checkpoints that open_clip knows of."""
        name = model.removeprefix(PREFIX)
        tags = ", ".join(library("open_clip", _EXTRA).list_pretrained_tags_by_model(name))
        return f"bring a checkpoint of {name} (open_clip knows {tags}) and name it as encoder.weights"

    def load(self, model: str, file: Path) -> nn.Module:
        """The image tower."""
        clip, name = library("open_clip", _EXTRA), model.removeprefix(PREFIX)
        both: Any = clip.create_model(name, pretrained=None)
        try:
            both.load_state_dict(read_weights(file))
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise InputError("encoder.weights", str(file), f"are not those of {name}: {reason}") from error
        tower: nn.Module = both.visual
        return tower.eval()
