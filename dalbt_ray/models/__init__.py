"""The encoders: one file each, one visible union of them all.

To add one, write its file and add its class to `ENCODERS`. A class of your own (a frozen dataclass that subclasses
`Encoder`) works in a sweep without being listed.
"""

from dalbt_ray.models.encoder import Encoder
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.resnet import ResNet18
from dalbt_ray.models.timm_model import Timm
from dalbt_ray.models.vgg import VGG16

__all__ = ["ENCODERS", "Encoder"]

ENCODERS: dict[str, type[Encoder]] = {
    encoder.name: encoder
    for encoder in (
        LeNet,
        VGG16,
        ResNet18,
        Timm,
        Frozen,
    )
}
"""Every encoder by the name that `--set encoder=` takes."""
