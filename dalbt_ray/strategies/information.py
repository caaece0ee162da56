"""Entropies over dropout passes, and the mutual information between a label and the network (BALD)."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats
from dalbt_ray.strategies.entropy import shannon_entropy

# Rows per step: bounds the float64 temporaries to some megabytes whatever the pool's size.
_CHUNK = 4096


def predictive_entropy(passes: Floats) -> NDArray[np.float64]:
    """H(mean_t p_t) in nats: float64[n] from float[n, t, c]."""
    return shannon_entropy(passes.mean(axis=1, dtype=np.float64))


def pass_entropies(passes: Floats) -> NDArray[np.float64]:
    """H(p_t) of every pass in nats: float64[n, t] from float[n, t, c]."""
    result = np.empty(passes.shape[:2])
    for start in range(0, len(passes), _CHUNK):
        result[start : start + _CHUNK] = shannon_entropy(passes[start : start + _CHUNK])
    return result


def mutual_information(passes: Floats) -> NDArray[np.float64]:
    """BALD: I(label; network) = H(mean_t p_t) - mean_t H(p_t), float64[n] from float[n, t, c].

    Between 0 and log c nats. Houlsby et al. 2011, eq. 2, with the posterior replaced by dropout passes
    (Gal et al. 2017). Rounding can leave a difference of -1e-17, which is cut to 0.
    """
    information = predictive_entropy(passes) - pass_entropies(passes).mean(axis=1)
    return np.asarray(np.maximum(information, 0.0), np.float64)
