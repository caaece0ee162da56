"""Temperature scaling: one number that makes a classifier as sure as it is right, from validation images."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats, Ints, PoolView

_TINIEST = np.finfo(np.float64).tiny  # a probability that underflowed to 0 counts as the smallest float64
_INVERSE = (1 / 20, 20.0)  # range of 1 / temperature: for a hopeless classifier there is no optimum
_HALVINGS = 40


def at_temperature(probabilities: Floats, temperature: float) -> NDArray[np.float64]:
    """softmax(logits / temperature), float64[n, c], from the probabilities at temperature 1, float[n, c]."""
    scaled: NDArray[np.float64] = np.log(np.maximum(probabilities, _TINIEST, dtype=np.float64))
    scaled /= temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def calibrated_temperature(pool: PoolView) -> float | None:
    """The temperature at which the validation labels are most likely; None where they do not determine one.

    Without a misclassified validation image (so also without any image) the likelihood only grows as T falls to 0,
    where every image would count as certain.
    """
    probabilities, labels = pool.validation_probabilities, pool.validation_labels
    if probabilities is None or labels is None or (probabilities.argmax(axis=1) == labels).all():
        return None
    return best_temperature(probabilities, labels)


def best_temperature(probabilities: Floats, labels: Ints) -> float:
    """The temperature from 0.05 to 20 with the lowest negative log-likelihood (Guo et al. 2017, section 4.2).

    The loss is convex in 1/T, so its slope there changes sign once: bisection.

    Args:
        probabilities: float[v, c] at temperature 1, v >= 1.
        labels: int[v].
    """
    logits = np.log(np.maximum(probabilities, _TINIEST, dtype=np.float64))
    own = logits[np.arange(len(labels)), labels].mean()
    low, high = np.log(_INVERSE)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        softened = at_temperature(probabilities, float(np.exp(-middle)))
        # d loss / d (1/T) = expected logit under the softened law - logit of the label
        slope = np.einsum("vc,vc->v", softened, logits).mean() - own
        low, high = (middle, high) if slope < 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))
