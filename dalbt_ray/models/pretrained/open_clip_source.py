"""Image towers of open_clip, with weights in a local file."""

from pathlib import Path
from typing import Any

from torch import nn

from dalbt_ray.errors import InputError
from dalbt_ray.models.pretrained.source import Preprocessing, Source, library
from dalbt_ray.models.timm_model import read_weights

PREFIX = "open_clip/"
_EXTRA = "'dalbt-ray[open_clip]'"


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

    def preprocessing(self, model: str) -> Preprocessing | None:
        """The model's image size, and what its known checkpoints were trained with; CLIP's numbers if there is none.

        None where checkpoints of one model differ (those of ViT-L-14 do), since a file does not say which it is.
        """
        clip, name = library("open_clip", _EXTRA), model.removeprefix(PREFIX)
        size = clip.get_model_config(name)["vision_cfg"]["image_size"]
        side = size if isinstance(size, int) else size[0]
        known = {
            (tuple(found["mean"]), tuple(found["std"]), found["interpolation"])
            for tag in clip.list_pretrained_tags_by_model(name)
            for found in [clip.get_pretrained_cfg(name, tag)]
        } or {(clip.OPENAI_DATASET_MEAN, clip.OPENAI_DATASET_STD, "bicubic")}
        if len(known) > 1:
            return None
        ((mean, std, interpolation),) = known
        return Preprocessing(side, mean, std, "bilinear" if interpolation == "bilinear" else "bicubic")

    def to_bring(self, model: str) -> str:
        """The checkpoints that open_clip knows of."""
        name = model.removeprefix(PREFIX)
        tags = ", ".join(library("open_clip", _EXTRA).list_pretrained_tags_by_model(name)) or "none"
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
