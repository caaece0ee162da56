"""Barlow Twins and the joint loss against slow, obvious versions, and the invariances that define them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from dalbt_ray.losses.barlow_twins import barlow_twins_loss, cross_correlation
from dalbt_ray.losses.cross_entropy import cross_entropy
from dalbt_ray.objectives.joint import Joint

LAMBDA = 0.0051


@pytest.fixture
def views() -> tuple[Tensor, Tensor]:
    """Two correlated float64[32, 5] views with unequal scales and means."""
    generator = torch.Generator().manual_seed(0)
    z_a, noise = torch.randn(2, 32, 5, generator=generator, dtype=torch.float64)
    return z_a * torch.arange(1, 6) + 3, 0.7 * z_a + 0.3 * noise - 1


def loss_by_loops(z_a: Tensor, z_b: Tensor, redundancy_weight: float) -> float:
    """The loss by three nested loops over features and images."""
    images, features = z_a.shape
    a, b = z_a.double().numpy(), z_b.double().numpy()
    loss = 0.0
    for i in range(features):
        for j in range(features):
            mean_a, mean_b = a[:, i].mean(), b[:, j].mean()
            covariance = 0.0
            for n in range(images):
                covariance += (a[n, i] - mean_a) * (b[n, j] - mean_b) / images
            c = covariance / (a[:, i].std() * b[:, j].std())
            loss += (1 - c) ** 2 if i == j else redundancy_weight * c**2
    return loss


def test_cross_correlation_is_numpys(views: tuple[Tensor, Tensor]) -> None:
    """It is the off-diagonal block of numpy's correlation matrix of both views."""
    z_a, z_b = views
    expected = np.corrcoef(z_a.T.numpy(), z_b.T.numpy())[:5, 5:]
    np.testing.assert_allclose(cross_correlation(z_a, z_b), expected, atol=1e-12)


@pytest.mark.parametrize("redundancy_weight", [0.0, LAMBDA, 1.0])
def test_loss_is_the_sum_by_loops(views: tuple[Tensor, Tensor], redundancy_weight: float) -> None:
    """Three nested loops in float64 give the same number."""
    assert barlow_twins_loss(*views, redundancy_weight).item() == pytest.approx(
        loss_by_loops(*views, redundancy_weight), rel=1e-12
    )


def test_gradient_is_the_numerical_one(views: tuple[Tensor, Tensor]) -> None:
    """Finite differences confirm the gradient in both views."""
    inputs = tuple(view[:7].clone().requires_grad_() for view in views)
    assert torch.autograd.gradcheck(lambda a, b: barlow_twins_loss(a, b, LAMBDA), inputs)


@pytest.mark.parametrize("scale", [2.0, -3.0, 1e-6])
def test_affine_map_of_one_view_changes_at_most_signs(views: tuple[Tensor, Tensor], scale: float) -> None:
    """Scaling and shifting one view leaves correlations as they are, up to the sign of the scale."""
    z_a, z_b = views
    moved = cross_correlation(scale * z_a + 4, z_b)
    torch.testing.assert_close(moved, np.sign(scale) * cross_correlation(z_a, z_b), rtol=0, atol=1e-8)


def test_order_of_images_does_not_matter(views: tuple[Tensor, Tensor]) -> None:
    """A permutation of the batch, the same in both views, changes nothing."""
    order = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    z_a, z_b = views
    torch.testing.assert_close(cross_correlation(z_a[order], z_b[order]), cross_correlation(z_a, z_b))


def test_order_of_features_does_not_matter(views: tuple[Tensor, Tensor]) -> None:
    """A permutation of the features, the same in both views, leaves the loss as it is."""
    order = torch.tensor([3, 0, 4, 1, 2])
    z_a, z_b = views
    torch.testing.assert_close(
        barlow_twins_loss(z_a[:, order], z_b[:, order], LAMBDA), barlow_twins_loss(z_a, z_b, LAMBDA)
    )


def test_swapped_views_transpose(views: tuple[Tensor, Tensor]) -> None:
    """The matrix of (b, a) is the transposed matrix of (a, b)."""
    z_a, z_b = views
    torch.testing.assert_close(cross_correlation(z_b, z_a), cross_correlation(z_a, z_b).T)


def test_loss_of_whitened_features_with_themselves_is_zero(views: tuple[Tensor, Tensor]) -> None:
    """Decorrelated features that agree perfectly cost nothing."""
    centered = views[0] - views[0].mean(0)
    whitened = torch.linalg.qr(centered).Q
    assert barlow_twins_loss(whitened, whitened, 1.0).item() == pytest.approx(0, abs=1e-20)


def test_constant_feature_correlates_with_nothing(views: tuple[Tensor, Tensor]) -> None:
    """A feature that never changes has correlation 0 and gradient 0, not NaN."""
    z_a, z_b = views[0].float(), views[1].float()
    z_a[:, 2] = 1 / 3
    z_a.requires_grad_()
    barlow_twins_loss(z_a, z_b, LAMBDA).backward()
    assert (cross_correlation(z_a, z_b)[2] == 0).all()
    assert z_a.grad is not None
    assert (z_a.grad[:, 2] == 0).all()
    assert z_a.grad.isfinite().all()


def test_a_single_image_gives_a_constant_loss() -> None:
    """Nothing correlates over one image: the loss is the number of features and its gradient 0."""
    z = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    loss = barlow_twins_loss(z, 2 * z, LAMBDA)
    loss.backward()
    assert loss.item() == 3
    assert z.grad is not None
    assert (z.grad == 0).all()


def test_autocast_does_not_lower_the_precision(views: tuple[Tensor, Tensor]) -> None:
    """Under bfloat16 autocast the matrix is the float32 one."""
    z_a, z_b = views[0].float(), views[1].float()
    expected = cross_correlation(z_a, z_b)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(cross_correlation(z_a, z_b), expected)


def test_cross_entropy_by_hand() -> None:
    """Minus the mean log-probability of the right class."""
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    right = [0.5, np.exp(2) / (np.exp(2) + 1), 1 / (1 + np.e)]
    labels = torch.tensor([0, 0, 0])
    assert cross_entropy(logits, labels).item() == pytest.approx(-np.mean(np.log(right)))


def test_joint_loss_is_the_weighted_sum(views: tuple[Tensor, Tensor]) -> None:
    """Total = cross-entropy + gamma times Barlow Twins, also when views and labels differ in number."""
    logits, labels = torch.eye(4, dtype=torch.float64), torch.tensor([0, 1, 1, 3])
    loss = Joint(self_supervised_weight=0.1, redundancy_weight=LAMBDA).loss(logits, labels, views)
    expected = cross_entropy(logits, labels) + 0.1 * barlow_twins_loss(*views, LAMBDA)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
