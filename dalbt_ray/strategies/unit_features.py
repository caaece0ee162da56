"""Features on the unit sphere, for the methods that measure direction rather than length."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats


def unit_features(features: Floats, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The features of `rows`, each divided by its length: float32[r, d] of float[n, d]; a zero row stays zero."""
    chosen = features[rows].astype(np.float64)
    largest = np.abs(chosen).max(axis=1, keepdims=True, initial=0.0)
    chosen /= np.where(largest > 0, largest, 1.0)  # so that squares neither overflow nor vanish
    lengths = np.sqrt(np.einsum("nd,nd->n", chosen, chosen))[:, None]
    chosen /= np.where(lengths > 0, lengths, 1.0)
    return chosen.astype(np.float32)
