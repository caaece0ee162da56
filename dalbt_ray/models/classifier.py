"""An exported model, ready to classify images: from pixels of any size to the probabilities of the classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.data.embedding.embedded_set import Form
from dalbt_ray.data.embedding.embedding import Embed
from dalbt_ray.data.mixing import fit_images
from dalbt_ray.errors import InputError
from dalbt_ray.models import ENCODERS
from dalbt_ray.models.encoder import Encoder
from dalbt_ray.models.model_file import ModelCard, read_model
from dalbt_ray.models.network import Network, NetworkSettings, unit_range
from dalbt_ray.options.canonical import from_json

BATCH = 250


@dataclass(frozen=True)
class Classifier:
    """A trained model on the CPU.

    Attributes:
        card: what it is.
        network: encoder and classifier, in evaluation mode; of a frozen encoder, the head.
        embed: the frozen encoder; None where the network reads pixels.
        form: what its features go through.
    """

    card: ModelCard
    network: Network
    embed: Embed | None = None
    form: Form | None = None

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """uint8[n, h, w, c], gray or RGB of one size, to float64[n, classes], given that it is one of the classes."""
        pixels = fit_images(images, self.card.image_shape)
        if self.embed is not None:
            return self.of_features(self.embed(pixels))
        parts = (pixels[first : first + BATCH] for first in range(0, len(pixels), BATCH))
        return np.concatenate([self._softmax(torch.tensor(part).permute(0, 3, 1, 2)) for part in parts])

    def of_features(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The same for features as the frozen encoder gives them: float32[n, d], before `form`."""
        assert self.form is not None  # of a frozen encoder
        return self._softmax(torch.from_numpy(self.form(features))[:, :, None, None])

    @torch.inference_mode()
    def _softmax(self, images: Tensor) -> NDArray[np.float64]:
        logits: Tensor = self.network(unit_range(images))
        return logits[:, : self.network.classes].double().softmax(dim=1).numpy()


def load_model(
    folder: str | Path, *, weights: str = "", encoders: Mapping[str, type[Encoder]] = ENCODERS
) -> Classifier:
    """The model that `dalbt export` wrote.

    Args:
        folder: with `model.json` and `model.safetensors`.
        weights: of a frozen encoder whose weights no installed package has: the file with the card's SHA-256.
        encoders: what the encoder's name may stand for; `ENCODERS | {"mine": Mine}` adds a class of your own.

    Raises:
        InputError: no model there, an unknown encoder, or weights that are missing or other ones.
    """
    card, tensors = read_model(Path(folder))
    encoder = _encoder(card, weights, encoders)
    settings = from_json(NetworkSettings, card.network | {"projector": []}, {})
    form = embed = None
    shape = card.image_shape
    if encoder.embedding is not None:
        form = Form(tensors.pop("features.center"), tensors.pop("features.axes"))
        embed, shape = encoder.embedding.build(), (1, 1, form.axes.shape[1])
    network = Network(
        encoder,
        settings,
        shape,
        len(card.class_names),
        variational=card.variational,
        outlier_class=card.outlier_class,
    )
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError("model", str(folder), f"does not fit the encoder of its card: {reason}") from error
    return Classifier(card, network.eval(), embed, form)


def _encoder(card: ModelCard, weights: str, encoders: Mapping[str, type[Encoder]]) -> Encoder:
    said: dict[str, Any] = dict(card.encoder)
    if said.get("name") not in encoders:
        problem = "is the encoder of this model and none of the package"
        remedy = f'name its class: load_model(folder, encoders=ENCODERS | {{"{said.get("name")}": ...}})'
        raise InputError("encoder", said.get("name"), problem, remedy=remedy)
    if card.embedding is not None:
        said["weights"] = weights
    else:
        # What it was initialized from plays no part any more: all of its weights are in the file.
        said.pop("weights_sha256", None)
    return from_json(Encoder, said, {Encoder: encoders})  # type: ignore[type-abstract]  # of a base, its subclass
