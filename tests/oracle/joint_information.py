"""The joint mutual information of many labels and the dropout mask, by three routes that share no code with ours."""

from itertools import product

import numpy as np
from numpy.typing import NDArray


def joint_mutual_information(passes: NDArray[np.floating]) -> float:
    """I(y_1..y_b; mask) in nats by summing over every label configuration: passes float[b, t, c]."""
    b, t, c = passes.shape
    joint = 0.0
    for labels in product(range(c), repeat=b):
        given_mask = np.prod([passes[i, :, label] for i, label in enumerate(labels)], axis=0)
        p = given_mask.mean()
        joint -= p * np.log(p) if p > 0 else 0.0
    conditional = sum(-(p * np.log(np.where(p > 0, p, 1))).sum() / t for p in passes)
    return float(joint - conditional)


def sampled_joint_information(
    passes: NDArray[np.floating], draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The same for any number of images: mean and standard error over labels drawn from a mask each.

    log p(y | mask) - log mean_j p(y | mask_j) is unbiased for a law that is uniform on these t masks. As an estimate
    for all masks of the network it is too low and never above log t (the prior contrastive bound of Foster et al.
    2020), which 100 picks reach whatever they are.
    """
    logs = np.log(np.maximum(passes.astype(np.float64), 1e-300))
    values = []
    for mask in rng.integers(passes.shape[1], size=draws):
        cumulated = passes[:, mask].astype(np.float64).cumsum(axis=1)
        uniform = rng.random((len(passes), 1)) * cumulated[:, -1:]
        labels = (cumulated < uniform).sum(axis=1)
        likelihood = np.take_along_axis(logs, labels[:, None, None], axis=2)[..., 0].sum(axis=0)
        largest = likelihood.max()
        values.append(likelihood[mask] - largest - np.log(np.exp(likelihood - largest).mean()))
    return float(np.mean(values)), float(np.std(values) / np.sqrt(draws))


def gaussian_information(passes: NDArray[np.floating], *, calibrated: bool = True) -> float:
    """1/2 log det(I + covariance) over all labels of a batch, as one (b c) x (b c) matrix in float64.

    Args:
        passes: float[b, t, c], of masks that took no part in the choice.
        calibrated: scale each image by bisection so that it alone has its BALD score; otherwise the chi-square form.
    """
    b, t, c = passes.shape
    columns = np.empty((t, b * c))
    for image, each in enumerate(passes.astype(np.float64)):
        mean = each.mean(axis=0)
        deviation = (each - mean) / np.sqrt(np.maximum(mean, 1e-12)) / np.sqrt(t - 1)
        if calibrated:
            entropy = -(mean * np.log(np.maximum(mean, 1e-300))).sum()
            bald = max(entropy + (each * np.log(np.maximum(each, 1e-300))).sum() / t, 0.0)
            covariance = deviation.T @ deviation
            low, high = 1e-15, 1e15
            for _ in range(120):
                middle = np.sqrt(low * high)
                alone = 0.5 * np.linalg.slogdet(np.eye(c) + middle * covariance)[1]
                low, high = (middle, high) if alone <= bald else (low, middle)
            deviation *= np.sqrt(low)
        columns[:, image * c : (image + 1) * c] = deviation
    # The smaller of the two forms of one determinant (Sylvester).
    gram = columns.T @ columns if b * c <= t else columns @ columns.T
    return float(0.5 * np.linalg.slogdet(np.eye(len(gram)) + gram)[1])
