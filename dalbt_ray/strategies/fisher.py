"""Fisher information of a softmax layer's weights, and the greedy that minimizes tr(M^-1 F) over it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats
from dalbt_ray.strategies.geometry import row_blocks

Array = NDArray[np.float64]
_ROUNDING = 1e-9  # of tr Q: what rounding may add to a bound


@dataclass(frozen=True)
class Classifications:
    """n images at the last layer. The Fisher information of one is V V^T with V = [sqrt(p_y) (e_y - p) (x) h]_y.

    A weight is numbered class by class: entry (a, j) of c x d is a d + j; D = c d of them. V is never stored.

    Attributes:
        probabilities: float64[n, c].
        features: float64[n, d].
    """

    probabilities: Array
    features: Array

    @classmethod
    def of(cls, probabilities: Floats, features: Array) -> Self:
        """Images with float[n, c] and float64[n, d]."""
        return cls(probabilities.astype(np.float64), features)

    def rows(self, rows: NDArray[np.int64] | slice) -> "Classifications":
        """Some of the images."""
        return Classifications(self.probabilities[rows], self.features[rows])

    def factor(self, row: int) -> Array:
        """V of one image, float64[D, c]."""
        p = self.probabilities[row]
        directions = (np.eye(len(p)) - p[:, None]) * np.sqrt(p)  # column y: sqrt(p_y) (e_y - p)
        factor: Array = np.einsum("ay,j->ajy", directions, self.features[row]).reshape(-1, len(p))
        return factor

    def total_information(self, rows: NDArray[np.int64]) -> Array:
        """Sum of the rows' V V^T = (diag(p) - p p^T) (x) h h^T, float64[D, D]."""
        classes, width = self.probabilities.shape[1], self.features.shape[1]
        total = np.zeros((classes, width, classes, width))
        for block in row_blocks(len(rows), classes * width):
            p, h = self.probabilities[rows[block]], self.features[rows[block]]
            weighted = (p[:, :, None] * h[:, None, :]).reshape(len(p), -1)
            total -= (weighted.T @ weighted).reshape(total.shape)
            for label in range(classes):
                total[label, :, label, :] += (p[:, label, None] * h).T @ h
        return total.reshape(classes * width, -1)

    def project(self, columns: Array) -> Array:
        """V^T U for every image, float64[n, c, r] of U float64[D, r]."""
        n, classes = self.probabilities.shape
        width, r = self.features.shape[1], columns.shape[1]
        by_feature = columns.reshape(classes, width, r).transpose(1, 0, 2).reshape(width, -1)
        products = (self.features @ by_feature).reshape(n, classes, r)  # (e_a (x) h)^T U
        products -= np.einsum("na,nar->nr", self.probabilities, products)[:, None]
        products *= np.sqrt(self.probabilities)[:, :, None]
        return products

    def forms(self, matrix: Array) -> Array:
        """V^T A V for every image, float64[n, c, c] of a symmetric A float64[D, D]."""
        n, classes = self.probabilities.shape
        result = np.empty((n, classes, classes))
        for block in row_blocks(n, classes * len(matrix)):
            part = self.rows(block)
            half = part.project(matrix).reshape(-1, classes, classes, self.features.shape[1])
            products = np.einsum("nybj,nj->nyb", half, part.features)
            products -= np.einsum("nyb,nb->ny", products, part.probabilities)[:, :, None]
            result[block] = products * np.sqrt(part.probabilities)[:, None, :]
        return result


class Information:
    """M = prior I + the information of all images that count, and what the objective tr(M^-1 F) needs of it.

    Attributes:
        matrix: float64[D, D], M.
        inverse: float64[D, D], M^-1.
        sandwich: float64[D, D], M^-1 F M^-1 with F the pool's mean information.
    """

    def __init__(self, labeled: Array, pool: Array, prior: float) -> None:
        """From the labeled images' information, its sum, and the pool's, its mean; float64[D, D] both."""
        self.matrix = prior * np.eye(len(labeled)) + labeled
        self._pool = pool
        self._invert()

    def _invert(self) -> None:
        """Start afresh from M: updates of its inverse lose digits where one image tells most about a direction."""
        inverse = np.linalg.inv(self.matrix)
        self.inverse: Array = (inverse + inverse.T) / 2
        self.sandwich: Array = self.inverse @ self._pool @ self.inverse

    def forward_backward(self, images: Classifications, budget: int) -> NDArray[np.int64]:
        """Pick twice `budget` images, then remove half; M holds the picks that remain.

        With P = V^T M^-1 V and Q = V^T M^-1 F M^-1 V (c x c) of an image, adding it lowers the objective by
        tr((I + P)^-1 Q) and removing it raises the objective by tr((I - P)^-1 Q) (Woodbury).

        Args:
            images: candidates, at least `budget` of them; equally good ones in their order.
            budget: images to keep.

        Returns:
            int64[budget], distinct rows of `images` in the order of picking.
        """
        picks: list[int] = []
        rest, others = np.arange(len(images.features)), images
        p, q = others.forms(self.inverse), others.forms(self.sandwich)
        while len(picks) < min(2 * budget, len(images.features)):
            best = best_addition(p, q)
            self._update(others, p, q, best, +1)
            picks.append(int(rest[best]))
            left = np.delete(np.arange(len(rest)), best)
            rest, others, p, q = rest[left], others.rows(left), p[left], q[left]
        self._invert()
        kept = np.array(picks, np.int64)
        images = images.rows(kept)  # only picks can be removed
        p, q = images.forms(self.inverse), images.forms(self.sandwich)
        while len(kept) > budget:
            worst = cheapest_removal(p, q)
            self._update(images, p, q, worst, -1)
            left = np.delete(np.arange(len(kept)), worst)
            kept, images, p, q = kept[left], images.rows(left), p[left], q[left]
        self._invert()
        return kept

    def _update(self, images: Classifications, p: Array, q: Array, row: int, sign: int) -> None:
        """Add (sign 1) or remove (sign -1) an image: M, M^-1, its sandwich, and every image's P and Q, in place."""
        factor = images.factor(row)
        left, right = self.inverse @ factor, self.sandwich @ factor
        middle = np.asarray(np.linalg.inv(np.eye(factor.shape[1]) + sign * (factor.T @ left)), np.float64)
        inner = factor.T @ right
        seen_left, seen_right = np.split(images.project(np.hstack([left, right])), 2, axis=2)
        _subtract(p, q, seen_left, seen_right, middle, inner, sign)
        _subtract(self.inverse, self.sandwich, left, right, middle, inner, sign)
        self.matrix += sign * (factor @ factor.T)


def best_addition(p: Array, q: Array) -> int:
    """The image with the largest `change(p, q, +1)`, the first of equals.

    A change is solved for only where it can be the largest: as I - P <= (I + P)^-1 <= I - P / (1 + |P|) for P >= 0 and
    its Frobenius norm |P|, it lies between max(tr Q - tr PQ, tr Q / (1 + |P|)) and tr Q - tr PQ / (1 + |P|).
    """
    trace, overlap, beyond = _trace(q), _inner(p, q), 1 + np.sqrt(_inner(p, p))
    likely = np.maximum(trace - overlap, trace / beyond).argmax()
    reached = change(p[[likely]], q[[likely]], +1)[0]
    contenders = np.flatnonzero(trace - overlap / beyond + _ROUNDING * trace >= reached)
    return int(contenders[change(p[contenders], q[contenders], +1).argmax()])


def cheapest_removal(p: Array, q: Array) -> int:
    """The image with the smallest `change(p, q, -1)`, the last of equals: so additions are undone.

    Solved for only where it can be the smallest: (I - P)^-1 >= I + P, so that it is at least tr Q + tr PQ.
    """
    trace = _trace(q)
    least = trace + _inner(p, q)
    likely = least.argmin()
    reached = change(p[[likely]], q[[likely]], -1)[0]
    contenders = np.flatnonzero(least - _ROUNDING * trace <= reached)[::-1]
    return int(contenders[change(p[contenders], q[contenders], -1).argmin()])


def change(p: Array, q: Array, sign: int) -> Array:
    """tr((I + sign P)^-1 Q), float64[n] of two float64[n, c, c]."""
    return _trace(np.asarray(np.linalg.solve(np.eye(p.shape[1]) + sign * p, q), np.float64))


def _trace(matrices: Array) -> Array:
    return np.asarray(np.einsum("ncc->n", matrices))


def _inner(a: Array, b: Array) -> Array:
    """tr(A B) of symmetric matrices."""
    return np.asarray(np.einsum("ncd,ncd->n", a, b))


def _subtract(a: Array, g: Array, left: Array, right: Array, middle: Array, inner: Array, sign: int) -> None:
    """What adding U U^T to M takes from A = M^-1 and from G = A F A, in place; on projections V^T A V as on A.

    With L = A U, R = G U, S = (I + sign U^T A U)^-1 and T = U^T G U (Woodbury):
    A - sign L S L^T and G - sign (L S R^T + R S L^T) + L S T S L^T.
    """
    weighted = left @ middle
    half = weighted @ (sign * right - weighted @ inner / 2).swapaxes(-1, -2)
    a -= sign * (weighted @ left.swapaxes(-1, -2))
    g -= half + half.swapaxes(-1, -2)
