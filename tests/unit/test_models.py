"""Networks and their layers: equal to the stock layers, seeded, and separate where they must be."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dalbt_ray.errors import InputError
from dalbt_ray.models.dropout import (
    ConsistentDropout,
    draw_dropout_masks,
    dropout_pass,
    set_dropout_generator,
)
from dalbt_ray.models.encoder import Encoder
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import Network, NetworkSettings, build_network
from dalbt_ray.models.norm import GlobalBatchNorm, frozen_statistics
from dalbt_ray.models.pooling import max_pool, pooled_convolution
from dalbt_ray.models.resnet import ResNet18
from dalbt_ray.models.timm_model import Timm
from dalbt_ray.models.vgg import VGG16
from tests.seeds import seeded

PLAIN = NetworkSettings()
TINY_TIMM = Timm(model="test_resnet.r160_in1k")
ALL = (LeNet(), VGG16(), ResNet18(), TINY_TIMM)


def lenet(*, variational: bool = False, **settings: object) -> Network:
    """A LeNet for 28x28 gray images and 10 classes."""
    network = replace(PLAIN, **settings)
    return build_network(LeNet(), network, (28, 28, 1), 10, seeded(), variational=variational)


def images(count: int = 6, shape: tuple[int, int, int] = (28, 28, 1)) -> Tensor:
    """Random images in [0, 1]."""
    height, width, channels = shape
    return torch.rand(count, channels, height, width, generator=seeded(1))


def pooled_with_gradient(pool: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Output, and the gradient of its sum weighted with 1, 2, 3, ..."""
    leaf = x.clone().requires_grad_()
    pooled = pool(leaf)
    pooled.backward(torch.arange(1.0, pooled.numel() + 1).view_as(pooled))
    assert leaf.grad is not None
    return pooled.detach(), leaf.grad


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(3, 6, 8, 6), (2, 3, 7, 9), (2, 1, 2, 3), (2, 16, 4, 4)])
def test_max_pool_is_the_stock_one(shape: tuple[int, ...], memory_format: torch.memory_format) -> None:
    """Without ties output and gradient equal `max_pool2d`'s bit for bit, odd sides included."""
    x = torch.randn(shape, generator=seeded()).contiguous(memory_format=memory_format)
    ours = pooled_with_gradient(max_pool, x)
    stock = pooled_with_gradient(lambda values: functional.max_pool2d(values, 2), x)
    assert torch.equal(ours[0], stock[0])
    assert torch.equal(ours[1], stock[1])
    assert torch.equal(max_pool(x), stock[0])


def test_max_pool_on_ties() -> None:
    """In all 81 windows of three values the stock maximum takes the gradient, but for the documented case."""
    windows = torch.cartesian_prod(*[torch.arange(3.0)] * 4).view(81, 1, 2, 2)
    pooled, gradient = pooled_with_gradient(max_pool, windows)
    _, stock = pooled_with_gradient(lambda values: functional.max_pool2d(values, 2), windows)
    highest = windows.amax((2, 3), keepdim=True)
    assert torch.equal(pooled, highest)
    diagonal = (windows[:, 0, 0, 1] == highest.view(-1)) & (windows[:, 0, 1, 0] == highest.view(-1))
    diagonal &= windows[:, 0, 0, 0] < highest.view(-1)
    assert torch.equal(gradient[~diagonal], stock[~diagonal])
    assert torch.equal(gradient[diagonal, 0, 1, 0], stock[diagonal].sum((1, 2, 3)))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("side", [28, 27])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 6), (3, 8), (6, 16)])
def test_pooled_convolution_is_both_after_each_other(
    inputs: int, outputs: int, side: int, memory_format: torch.memory_format
) -> None:
    """With gradients and without, odd sides included; to the last bits, whose order of summing is the library's."""
    layer = nn.Conv2d(inputs, outputs, 5, padding=(2, 1))
    x = torch.randn((5, inputs, side, 28), generator=seeded()).contiguous(memory_format=memory_format)
    stock = functional.max_pool2d(layer(x), 2)
    assert torch.equal(pooled_convolution(x, layer), stock)
    with torch.no_grad():
        without = pooled_convolution(x, layer)
    assert without.shape == stock.shape
    torch.testing.assert_close(without, stock, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("ours", "stock", "shape"), [
    (GlobalBatchNorm(3), nn.BatchNorm2d(3), (4, 3, 5, 5)),
    (GlobalBatchNorm(3), nn.BatchNorm1d(3), (4, 3)),
    (GlobalBatchNorm(3, affine=False), nn.BatchNorm1d(3, affine=False), (4, 3)),
])  # fmt: skip
def test_batch_norm_is_the_stock_one(ours: GlobalBatchNorm, stock: nn.Module, shape: tuple[int, ...]) -> None:
    """In one process: same outputs while training and evaluating, same running averages."""
    for seed in (0, 1):
        x = torch.randn(shape, generator=seeded(seed)) * 2 + 1
        assert torch.equal(ours(x), stock(x))
    ours.eval(), stock.eval()
    assert torch.equal(ours(x), stock(x))
    assert torch.equal(ours.running_var, stock.running_var)


def test_frozen_statistics_leave_running_averages_alone() -> None:
    """Inside, the output is that of training and no buffer changes; afterwards buffers move again."""
    network = build_network(VGG16(), PLAIN, (32, 32, 3), 10, seeded())
    x = images(2, (32, 32, 3))
    before = {name: value.clone() for name, value in network.named_buffers()}
    with frozen_statistics(network):
        inside = network.encode(x)
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    assert torch.equal(network.encode(x), inside)
    assert not any(torch.equal(value, before[name]) for name, value in network.named_buffers())


def test_same_seed_same_weights_and_no_global_draw() -> None:
    """Two builds are bit-equal, and the global generator is as it was."""
    before = torch.get_rng_state()
    first, second = lenet().state_dict(), lenet().state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "change", [{"dropout": 0.5}, {"projector": ()}, {"projector": (7,)}, {"variational": True}]
)
def test_other_settings_keep_the_shared_weights(change: dict[str, object]) -> None:
    """Encoder and classifier start alike whatever else the network has."""
    plain, other = lenet(), lenet(**change)
    x = images()
    assert torch.equal(plain.eval()(x), other.eval()(x))


@pytest.mark.parametrize("encoder", ALL, ids=lambda encoder: encoder.name)
def test_all_weights_are_drawn(encoder: Encoder) -> None:
    """Another seed changes every weight and bias of every linear and convolution layer."""
    builds = [
        build_network(encoder, PLAIN, (32, 32, 3), 10, seeded(seed), variational=True) for seed in (0, 1)
    ]
    for (name, layer), other in zip(builds[0].named_modules(), builds[1].modules(), strict=True):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            for first, second in zip(layer.parameters(), other.parameters(), strict=True):
                assert not torch.isclose(first, second).all(), name
                assert first.abs().max() <= 1, name


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (8, 8, 1), (256, 256, 3), (20, 45, 3)])
@pytest.mark.parametrize(
    ("encoder", "dropout"), [(LeNet(), 0.0), (LeNet(), 0.5), (LeNet(dropout_at="hidden_layer"), 0.5)]
)
def test_lenet_takes_any_size(shape: tuple[int, int, int], encoder: LeNet, dropout: float) -> None:
    """From 8 to 256 pixels, square or not: 60 finite features and one logit a class."""
    network = build_network(encoder, NetworkSettings(dropout=dropout), shape, 7, seeded())
    set_dropout_generator(network, seeded())
    z = network.encode(images(2, shape))
    assert z.shape == (2, 60)
    assert network.classify(z).shape == (2, 7)
    assert z.isfinite().all()


@pytest.mark.parametrize(("dropout_at", "layers"), [("every_layer", 3), ("hidden_layer", 1)])
def test_lenet_drops_where_it_is_told(
    dropout_at: Literal["every_layer", "hidden_layer"], layers: int
) -> None:
    """After the hidden layer alone, a pass is the plain network with some of 120 units off, the others doubled."""
    network = build_network(
        LeNet(dropout_at=dropout_at), NetworkSettings(dropout=0.5), (28, 28, 1), 7, seeded()
    ).eval()
    pixels = images(5)
    masks = draw_dropout_masks(network, 2, seeded())
    plain = network.classify(network.encode(pixels))
    units = network.encoder(LeNet().prepared(pixels))
    stem = network.stem(pixels)
    with dropout_pass(network, masks, 1):
        found = network.finish(stem)
    *dropped, before_classifier = masks.layers
    assert len(dropped) == layers
    assert before_classifier.eq(1).all()
    by_hand = network.classify(network.latent_norm(network.latent(units * dropped[-1][1])))
    assert torch.equal(found, by_hand) == (dropout_at == "hidden_layer")
    assert not torch.equal(found, plain)


def test_vgg_latent_is_its_512_channels() -> None:
    """No layer lies between the last convolution block and the classifier."""
    network = build_network(VGG16(), PLAIN, (32, 32, 3), 10, seeded())
    assert network.encode(images(2, (32, 32, 3))).shape == (2, 512)
    assert sum(isinstance(layer, nn.Conv2d) for layer in network.modules()) == 13
    assert isinstance(network.latent, nn.Identity)


def test_bytes_and_unit_range_are_the_same_image() -> None:
    """uint8 pixels and the same pixels over 255 have the same latent."""
    pixels = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8, generator=seeded())
    network = lenet().eval()
    assert torch.equal(network.encode(pixels), network.encode(pixels.float() / 255))


def test_variational_mean_is_the_latent() -> None:
    """`encode` gives the mean of `encode_distribution`; a plain network has no distribution."""
    network = lenet(variational=True).eval()
    mean, log_variance = network.encode_distribution(images())
    assert torch.equal(mean, network.encode(images()))
    assert log_variance.shape == mean.shape
    with pytest.raises(RuntimeError, match="variational=True"):
        lenet().encode_distribution(images())


def test_latent_norm_standardizes_the_batch() -> None:
    """With `latent_norm="batch"` every latent feature has mean 0 and variance 1 while training."""
    z = lenet(latent_norm="batch").encode(images(32))
    torch.testing.assert_close(z.mean(0), torch.zeros(60), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.var(0, unbiased=False), torch.ones(60), atol=1e-1, rtol=0)


def test_empty_projector_reads_the_latent() -> None:
    """Without widths the projections are z."""
    z = torch.randn(4, 60, generator=seeded())
    assert torch.equal(lenet(projector=()).project(z), z)


def test_training_dropout_draws_a_mask_per_image_from_its_generator() -> None:
    """Same generator state, same masks; images of a batch differ; survivors are scaled up."""
    layer = ConsistentDropout(0.25, (50,))
    set_dropout_generator(layer, seeded())
    first = layer(torch.ones(40, 50))
    set_dropout_generator(layer, seeded())
    assert torch.equal(layer(torch.ones(40, 50)), first)
    assert not torch.equal(first[0], first[1])
    assert set(first.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert first.mean().item() == pytest.approx(1, abs=0.05)


def test_training_dropout_refuses_the_global_generator() -> None:
    """Without a generator training stops instead of drawing from the global one."""
    with pytest.raises(RuntimeError, match="set_dropout_generator"):
        lenet(dropout=0.5)(images())


@pytest.mark.parametrize("encoder", ALL, ids=lambda encoder: encoder.name)
def test_dropout_pass_is_one_function_of_the_image(encoder: Encoder) -> None:
    """Within a pass an image scores alike in any batch, in one go or from its stem; passes differ; then it is plain."""
    shape = (32, 32, 3)
    network = build_network(encoder, NetworkSettings(dropout=0.5), shape, 10, seeded()).eval()
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    x = images(6, shape)
    plain = network(x)
    masks = draw_dropout_masks(network, 2, seeded())
    with dropout_pass(network, masks, 0):
        whole, alone = network(x), network(x[4:5])
        assert torch.equal(network.finish(network.stem(x)), whole)
    with dropout_pass(network, masks, 1):
        other = network(x)
    torch.testing.assert_close(whole[4:5], alone)
    assert not torch.allclose(whole, other)
    assert torch.equal(network(x), plain)
    assert all(torch.equal(value, buffers[name]) for name, value in network.named_buffers())


def test_dropout_pass_without_dropout_changes_nothing() -> None:
    """Probability 0: every pass equals the plain forward."""
    network = lenet().eval()
    with dropout_pass(network, draw_dropout_masks(network, 1, seeded()), 0):
        inside = network(images())
    assert torch.equal(inside, network(images()))


@pytest.mark.parametrize(("settings", "message"), [
    ({"latent_norm": "layer"}, "network.latent_norm: 'layer' is unknown; allowed: none, batch"),
    ({"projector": (64, 0)}, "at least 1"),
    ({"projector": 64}, "network.projector: 64 must be a list"),
    ({"dropout": 1.0}, "below 1"),
    ({"dropout": "half"}, "network.dropout: 'half' must be a number"),
])  # fmt: skip
def test_wrong_settings_name_field_and_remedy(settings: dict[str, object], message: str) -> None:
    """Refused when they are made, in one line."""
    with pytest.raises(InputError, match=message) as caught:
        NetworkSettings(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("encoder", "shape"), [(LeNet(), (7, 28, 1)), (VGG16(), (28, 28, 1)), (ResNet18(), (15, 15, 3))]
)
def test_images_that_do_not_fit_are_refused(encoder: Encoder, shape: tuple[int, int, int]) -> None:
    """Too small for the encoder: the error names the shape."""
    with pytest.raises(InputError, match="image_shape"):
        build_network(encoder, PLAIN, shape, 10, seeded())
