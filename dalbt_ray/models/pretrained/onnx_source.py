"""Any network in an ONNX file whose first output is a vector of features."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dalbt_ray.errors import InputError
from dalbt_ray.models.pretrained.source import Source, library, refuse_if_missing

_LIBRARY, _EXTRA = "onnxruntime", "'dalbt-ray[onnx]'"


class OnnxSource(Source):
    """`onnx`: `encoder.weights` names the file, and size, mean and standard deviation have to be said."""

    def offers(self, model: str) -> bool:
        """The one name."""
        return model == "onnx"

    def check(self, model: str) -> None:  # noqa: ARG002
        """The library has to be installed."""
        refuse_if_missing(_LIBRARY, _EXTRA)

    def preprocessing(self, model: str) -> None:
        """A file does not say."""

    def to_bring(self, model: str) -> str:  # noqa: ARG002
        """Any file."""
        return "name the .onnx file as encoder.weights"

    def load(self, model: str, file: Path) -> nn.Module:  # noqa: ARG002
        """The file as a module."""
        return OnnxModule(file)


class OnnxModule(nn.Module):
    """An ONNX file on one CPU thread. Its bytes travel with it; the session is made where it is used.

    Args:
        file: its first input is float[b, 3, h, w] or float[b, h, w, 3], its first output float[b, ...], which is
            flattened.

    Raises:
        InputError: onnxruntime cannot read it.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.content = file.read_bytes()
        self.name = str(file)
        self._session: Any = None
        self.session()

    def session(self) -> Any:
        """The session of this process."""
        if self._session is None:
            runtime = library(_LIBRARY, _EXTRA)
            options = runtime.SessionOptions()
            options.intra_op_num_threads = 1
            try:
                self._session = runtime.InferenceSession(
                    self.content, options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:
                raise InputError("encoder.weights", self.name, f"cannot be read: {error}") from error
        return self._session

    def forward(self, images: Tensor) -> Tensor:
        """float[b, 3, h, w] to float[b, d]."""
        session = self.session()
        first = session.get_inputs()[0]
        if first.shape[-1] == 3:  # channels last
            images = images.permute(0, 2, 3, 1)
        pixels = np.ascontiguousarray(images.cpu().numpy())
        features = session.run(None, {first.name: pixels})[0]
        return torch.from_numpy(np.asarray(features, np.float32).reshape(len(images), -1))

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the session."""
        return self.__dict__ | {"_session": None}
