"""A trained model as a folder of two files: `model.safetensors`, tensors by name, and `model.json`, a card.

The card is written last and carries the tensors' SHA-256, so a folder with a card is whole. docs/data.md says how
to use both without this package.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from dalbt_ray.data.embedding.embedded_set import Form
from dalbt_ray.data.whole_file import whole_file
from dalbt_ray.errors import InputError
from dalbt_ray.models.encoder import Shape
from dalbt_ray.models.network import Network
from dalbt_ray.options.canonical import Json

TENSORS, CARD = "model.safetensors", "model.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What one has to know to use the tensors; every entry is a JSON value.

    Attributes:
        class_names: in the order of the logits; of a class split, those that were learned.
        image_shape: (height, width, channels) of 8-bit pixels that images are brought to first.
        encoder: the encoder as `as_json` gives it, without paths of the machine it was trained on.
        network: what stands on the encoder, as `as_json` gives it.
        variational: whether the encoder yields a distribution; its mean is classified.
        outlier_class: whether the classifier has one more class, the last, for images of none of these.
        embedding: for a frozen encoder, its model, the SHA-256 of that model's weights, and the preprocessing; None
            where pixels go into the network.
        steps: how images become probabilities, in words, with the names of the tensors.
        data: the data set and its hash.
        measured: accuracies, as fractions.
        origin: how the model came about: the trial, its seed, how many labels; or the query.
        versions: of packages, and the machine.
        tensors_sha256: hex digest of the file of tensors; filled in when the model is written.
        format: of these two files.
    """

    class_names: tuple[str, ...]
    image_shape: Shape
    encoder: Json
    network: Json
    variational: bool = False
    outlier_class: bool = False
    embedding: Json | None = None
    steps: tuple[str, ...] = ()
    data: Json = field(default_factory=dict)
    measured: Json = field(default_factory=dict)
    origin: Json = field(default_factory=dict)
    versions: Json = field(default_factory=dict)
    tensors_sha256: str = ""
    format: int = FORMAT


def network_tensors(network: Network) -> dict[str, Tensor]:
    """The tensors of a trained network under its own names; the projector, which only training uses, is left out."""
    return {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith("projector.")
    }


def form_tensors(form: Form) -> dict[str, Tensor]:
    """The center and the principal axes of a frozen encoder's features."""
    return {"features.center": form.center.contiguous(), "features.axes": form.axes.contiguous()}


def write_model(folder: Path, card: ModelCard, tensors: Mapping[str, Tensor]) -> None:
    """Write both files; the folder is made if it is not there.

    Raises:
        InputError: the folder holds a model already.
    """
    from safetensors.torch import save

    if (folder / CARD).exists():
        raise InputError("out", str(folder), "holds a model already", remedy="name another folder")
    content = save(dict(tensors))
    with whole_file(folder / TENSORS) as file:
        file.write(content)
    said = {each.name: getattr(card, each.name) for each in fields(card)}
    said["tensors_sha256"] = sha256(content).hexdigest()
    with whole_file(folder / CARD) as file:
        file.write(f"{json.dumps(said, indent=2)}\n".encode())


def read_model(folder: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """The card and the tensors of a model's folder.

    Raises:
        InputError: no such folder, another format, or tensors that are not those of the card.
    """
    from safetensors.torch import load

    try:
        said: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
        content = (folder / TENSORS).read_bytes()
    except (OSError, ValueError) as error:
        problem = f"is no exported model: it has no readable {CARD} and {TENSORS}"
        raise InputError("model", str(folder), problem, remedy="write one with dalbt export") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        found = said.get("format") if isinstance(said, dict) else None
        raise InputError("model", str(folder), f"has format {found}, and this version reads {FORMAT}")
    if sha256(content).hexdigest() != said.get("tensors_sha256"):
        problem = f"has a {TENSORS} that is not the one its card was written for"
        raise InputError("model", str(folder), problem, remedy="export it again")
    given = {each.name: said[each.name] for each in fields(ModelCard) if each.name in said}
    for name in ("class_names", "image_shape", "steps"):
        given[name] = tuple(given[name])
    return ModelCard(**given), load(content)
