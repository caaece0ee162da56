"""One covariance for all classes, shrunk: distances in it are Mahalanobis distances."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats
from dalbt_ray.strategies.geometry import row_blocks

_ROUNDING = 1e-12  # relative to the largest feature: smaller residuals are rounding


@dataclass(frozen=True)
class Whitening:
    """A linear map after which the classes have the same, round spread.

    Attributes:
        center: float64[d], what is taken off first: the labeled images' mean.
        axes: float64[d, d], what is left is multiplied by.
    """

    center: NDArray[np.float64]
    axes: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.float64], means: NDArray[np.float64]) -> Self:
        """From labeled images and the mean of each one's class, float64[n, d] both, n >= 1.

        The covariance is (1 - s) S + s m I with S = X'X / n and m its mean variance; Ledoit and Wolf 2004, "A
        well-conditioned estimator for large-dimensional covariance matrices", give the s with the smallest expected
        error. Where the images of each class are all equal, nothing is left to be divided by: then the center is taken
        off, and no more.
        """
        n, d = features.shape
        center = features.mean(axis=0)
        residuals = features - means
        unit = float(np.abs(residuals).max())
        if unit <= _ROUNDING * np.abs(features).max():
            return cls(center, np.eye(d))
        x = residuals / unit  # so that squares neither overflow nor vanish
        s = x.T @ x / n
        mean = np.trace(s) / d
        lengths = np.einsum("nd,nd->n", x, x)
        apart = (s**2).sum() - d * mean**2  # |S - mI|^2
        noise = ((lengths**2).sum() / n - (s**2).sum()) / n  # |S - covariance|^2, estimated
        share = 1.0 if apart <= 0 else float(np.clip(noise / apart, 0.0, 1.0))
        variances, vectors = np.linalg.eigh((1 - share) * s + share * mean * np.eye(d))
        smallest = np.finfo(np.float64).eps * mean * d
        return cls(center, vectors / (unit * np.sqrt(np.maximum(variances, smallest))))

    def __call__(self, features: Floats) -> NDArray[np.float32]:
        """float32[k, d] of float[k, d]; the precision of the product is float32's, which is twice as fast."""
        axes = self.axes.astype(np.float32)
        result = np.empty(features.shape, np.float32)
        for rows in row_blocks(len(features)):
            result[rows] = (features[rows] - self.center).astype(np.float32) @ axes
        return result
