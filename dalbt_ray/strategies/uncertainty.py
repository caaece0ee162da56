"""How unsure a classifier is of each image, in 0..1: what methods weigh by the chance that an image is ours."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats
from dalbt_ray.strategies.margin import margin

Uncertainty = Literal["margin", "entropy", "least_confidence"]


def uncertainty(probabilities: Floats, measure: Uncertainty) -> NDArray[np.float64]:
    """float64[n] in 0..1 of float[n, c], c >= 2: 0 where one class is certain, 1 where all (margin: two) are equal."""
    classes = probabilities.shape[1]
    match measure:
        case "margin":
            return 1.0 - margin(probabilities)
        case "entropy":
            p = probabilities.astype(np.float64)
            logs = np.log(p, where=p > 0, out=np.zeros_like(p))
            return np.asarray(np.clip(-np.einsum("nc,nc->n", p, logs) / np.log(classes), 0.0, 1.0))
        case "least_confidence":
            best = probabilities.max(axis=1).astype(np.float64)
            return np.asarray((1.0 - best) * (classes / (classes - 1)))
