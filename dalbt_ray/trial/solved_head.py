"""The round of an encoder whose classifier is solved on features that never change: no steps, no batches."""

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray.models.logistic_regression import LogisticRegression
from dalbt_ray.models.network import Network
from dalbt_ray.trial.scoring import Scores, known_softmax, outlier_probability
from dalbt_ray.trial.training import TrainingReport


def solve(
    network: Network,
    solver: LogisticRegression,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    validation: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> TrainingReport:
    """Put the solution into the network's classifier.

    Args:
        network: whose latent is its input.
        solver: of the encoder.
        features: float32[m, d], of the labeled images.
        labels: int64[m], their classes; the outlier class is the last of the classifier.
        validation: the same for the validation images.
    """
    classes = network.classifier.out_features
    solution = solver.solve(features, labels, classes, validation)
    with torch.no_grad():
        network.classifier.weight.copy_(torch.from_numpy(solution.weights))
        network.classifier.bias.copy_(torch.from_numpy(solution.bias))
    network.eval()
    return TrainingReport(solution.steps, solution.loss, 0.0)


@torch.inference_mode()
def score_features(network: Network, features: NDArray[np.float32]) -> Scores:
    """What `score_batch` says of images whose features, float32[k, d], are the latent already: one product.

    Always on the CPU, where the features are.
    """
    weights, bias = network.classifier.weight.cpu(), network.classifier.bias.cpu()
    logits = torch.from_numpy(features) @ weights.T + bias
    return Scores(
        probabilities=known_softmax(network, logits),
        features=features,
        outlier_probability=outlier_probability(network, logits),
    )


def rows_of(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[k, 1, 1, d] as float32[k, d]."""
    return images.reshape(len(images), images.shape[-1])  # not -1, which no image at all leaves open
