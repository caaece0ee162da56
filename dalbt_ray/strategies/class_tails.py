"""How far the correctly classified labeled images of a class lie from their mean: the laws behind DALBT."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats, Ints, PoolView
from dalbt_ray.strategies.geometry import row_blocks
from dalbt_ray.strategies.shrinkage import shrunk_fits
from dalbt_ray.strategies.whitening import Whitening
from dalbt_ray.weibull import WeibullFit, fit_weibulls, log_hazard

Distance = Literal["euclidean", "cosine", "mahalanobis"]
Tails = Literal["shrunk", "plain"]

_ROUNDING = 1e-12  # relative to the longest latent: shorter distances are rounding and count as zero


@dataclass(frozen=True)
class ClassTails:
    """Class means and Weibull laws of the distances to them. K classes have a correct labeled image.

    Attributes:
        classes: int64[K], ascending.
        means: float64[K, d], of the latents of each class's correctly classified labeled images.
        fits: K laws of the distance to the class's own mean.
        units: float64[K], what a distance from each class is divided by before classes are compared.
        pooled_fit: the law of distances in those units, over all classes together.
        pooled: int64[<= K], classes with fewer than 3 distinct distances, whose shape is the pooled one.
        distance: between a latent and a mean.
        whitening: what latents go through before a Mahalanobis distance; means are whitened already. None for others.
    """

    classes: NDArray[np.int64]
    means: NDArray[np.float64]
    fits: list[WeibullFit]
    units: NDArray[np.float64]
    pooled_fit: WeibullFit
    pooled: NDArray[np.int64]
    distance: Distance
    whitening: Whitening | None = None

    @classmethod
    def of(cls, pool: PoolView, distance: Distance, tails: Tails = "shrunk") -> Self | None:
        """The laws of one round, from the correctly classified labeled images; see `fit`."""
        correct = np.flatnonzero(pool.labeled & (pool.predicted == pool.labels))
        whitening = None
        if distance == "mahalanobis" and len(correct):
            features, labels = pool.features[correct].astype(np.float64), pool.labels[correct]
            classes, members = np.unique(labels, return_inverse=True)
            means = np.stack([features[members == k].mean(axis=0) for k in range(len(classes))])
            whitening = Whitening.of(features, means[members])
        return cls.fit(pool.features[correct], pool.labels[correct], distance, tails, whitening)

    @classmethod
    def fit(
        cls,
        features: Floats,
        labels: Ints,
        distance: Distance,
        tails: Tails = "shrunk",
        whitening: Whitening | None = None,
    ) -> Self | None:
        """The laws of some images; None where not even all classes together have 3 distinct distances.

        - `plain`, the paper: each class's own maximum-likelihood fit to the distances of its images from their mean.
          A class with fewer than 3 distinct ones takes the fit to all distances in units of each class's mean
          distance.
        - `shrunk`: each image is measured from the mean of the *other* images of its class, as an image of the pool
          is, which takes no part in the mean either (five images lie a fifth closer to a mean of which they are a
          part than to one of which they are not). Shapes and scales then shrink towards the pooled law
          (`shrinkage`).

        Args:
            features: float[m, d].
            labels: int[m], their classes.
            distance: between a latent and a mean.
            tails: see above.
            whitening: of a Mahalanobis distance.
        """
        classes, members = np.unique(labels.astype(np.int64), return_inverse=True)
        if not len(classes):
            return None
        if whitening is not None:
            features = whitening(features)
        means = np.stack([features[members == k].mean(axis=0, dtype=np.float64) for k in range(len(classes))])
        distances = distances_to(features, means[members], distance)
        groups = [distances[members == k] for k in range(len(classes))]
        units = np.array([group.mean() for group in groups])
        if not (units > 0).any():
            return None
        units[units == 0] = units[units > 0].mean()
        pooled_fit = fit_weibulls([distances / units[members]])[0]
        if pooled_fit is None:
            return None
        own_fits = fit_weibulls(groups)
        pooled = classes[[fit is None for fit in own_fits]]
        if tails == "shrunk":
            counts = np.bincount(members)[members]
            others = (counts[:, None] * means[members] - features) / np.maximum(counts - 1, 1)[:, None]
            apart = distances_to(features, others, distance)
            groups = [apart[(members == k) & (counts > 1)] for k in range(len(classes))]
            fits, law = shrunk_fits(groups, fit_weibulls(groups), pooled_fit.shape)
            units = np.array([fit.scale for fit in fits])
            return cls(classes, means, fits, units, WeibullFit(law.shape, 1.0), pooled, distance, whitening)
        fits = [
            fit or WeibullFit(pooled_fit.shape, pooled_fit.scale * unit)
            for fit, unit in zip(own_fits, units, strict=True)
        ]
        return cls(classes, means, fits, units, pooled_fit, pooled, distance, whitening)

    def log_hazard(self, features: Floats, predicted: Ints) -> NDArray[np.float64]:
        """Log cumulative hazard of each image's distance to the mean of its predicted class.

        An image that is taken for a class without a correct labeled image has no mean to be measured from: it is
        measured from every mean, in that class's unit, and the nearest counts, under the pooled law.

        Args:
            features: float[n, d].
            predicted: int[n].

        Returns:
            float64[n], higher is more outlying; -inf at a mean.
        """
        return self._measured(features, predicted)[0]

    def log_density(self, features: Floats, predicted: Ints, dimension: float) -> NDArray[np.float64]:
        """Log density of each image under the law of its predicted class, up to a constant.

        The law of the distance d spreads over a sphere of that radius: its density is divided by d^(dimension - 1).
        Without that, two laws around different means cannot be compared.

        Args:
            features: float[n, d].
            predicted: int[n].
            dimension: of the space that images of a class fill.

        Returns:
            float64[n], finite.
        """
        hazard, shape, log_scale = self._measured(features, predicted)
        # At a mean the density has no bound; e^-1000 of the scale is as near as anything can be told from it.
        hazard = np.clip(hazard, -1_000.0, 700.0)
        log_distance = hazard / shape + log_scale
        return np.log(shape) + hazard - np.exp(hazard) - dimension * log_distance

    def _measured(
        self, features: Floats, predicted: Ints
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Log hazard of each image, and shape and log scale of the law behind it, float64[n] each."""
        if self.whitening is not None:
            features = self.whitening(features)
        hazard = np.full(len(features), np.inf)
        shape, log_scale = np.full(len(features), self.pooled_fit.shape), np.zeros(len(features))
        for label, mean, fit in zip(self.classes, self.means, self.fits, strict=True):
            rows = np.flatnonzero(predicted == label)
            hazard[rows] = log_hazard(distances_to(features[rows], mean, self.distance), fit)
            shape[rows], log_scale[rows] = fit.shape, np.log(fit.scale)
        orphans = np.flatnonzero(~np.isin(predicted, self.classes))
        for mean, unit in zip(self.means, self.units, strict=True):
            scaled = distances_to(features[orphans], mean, self.distance) / unit
            found = log_hazard(scaled, self.pooled_fit)
            nearer = found < hazard[orphans]
            hazard[orphans[nearer]] = found[nearer]
            log_scale[orphans[nearer]] = np.log(self.pooled_fit.scale * unit)
        return hazard, shape, log_scale


def distances_to(features: Floats, means: NDArray[np.float64], distance: Distance) -> NDArray[np.float64]:
    """float64[n], distance of each latent, float[n, d], to its mean, float64[n, d] or float64[d]."""
    result = np.empty(len(features))
    targets = np.atleast_2d(means)
    for rows in row_blocks(len(features)):
        latents = features[rows].astype(np.float64)
        centers = targets if len(targets) == 1 else targets[rows]
        lengths, center_lengths = np.linalg.norm(latents, axis=1), np.linalg.norm(centers, axis=1)
        if distance != "cosine":  # of whitened latents, the Euclidean distance is Mahalanobis'
            block = np.linalg.norm(latents - centers, axis=1)
            noise = _ROUNDING * (lengths + center_lengths)
        else:
            product = lengths * center_lengths
            cosine = np.einsum("nd,nd->n", latents, centers) / np.where(product > 0, product, 1.0)
            block = np.maximum(1.0 - cosine, 0.0)  # a latent of length zero points nowhere: distance 1
            noise = np.full(len(block), _ROUNDING)
        result[rows] = np.where(block > noise, block, 0.0)
    return result
