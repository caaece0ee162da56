"""Where models with weights come from: one file each, chosen by the prefix of a model's name. Nothing is downloaded."""

from dalbt_ray.models.pretrained.onnx_source import OnnxSource
from dalbt_ray.models.pretrained.open_clip_source import OpenClipSource
from dalbt_ray.models.pretrained.packaged_source import PackagedSource
from dalbt_ray.models.pretrained.source import Preprocessing, Source
from dalbt_ray.models.pretrained.timm_source import TimmSource
from dalbt_ray.models.pretrained.torchvision_source import TorchvisionSource

__all__ = ["SOURCES", "Preprocessing", "Source", "source_of"]

SOURCES: tuple[Source, ...] = (
    PackagedSource(),
    TorchvisionSource(),
    OpenClipSource(),
    OnnxSource(),
    TimmSource(),  # takes what no other one does
)


def source_of(model: str) -> Source:
    """The first source that offers a model of this name."""
    return next(source for source in SOURCES if source.offers(model))
