"""Pretrained models from every source: features are those that the library itself gives, on images prepared by hand."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.pretrained.source import library

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def prepared(images: NDArray[np.uint8], mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Pixels as a library's transforms give them, without resizing."""
    rows = [torch.tensor(values)[:, None, None] for values in (mean, std)]
    return (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - rows[0]) / rows[1]


def test_open_clip(tmp_path: Path) -> None:
    """The image tower of a small CLIP whose configuration is registered for this test; weights as `.safetensors`."""
    open_clip = pytest.importorskip("open_clip")
    from safetensors.torch import save_file

    tower = {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16}
    text = {"context_length": 8, "vocab_size": 50, "width": 8, "heads": 2, "layers": 1}
    config = tmp_path / "tiny-clip.json"
    config.write_text(json.dumps({"embed_dim": 12, "vision_cfg": tower, "text_cfg": text}))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    network = open_clip.create_model("tiny-clip").eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    encoder = Frozen(model="open_clip/tiny-clip", weights=str(tmp_path / "weights.safetensors"))
    assert (encoder.preprocessing.side, encoder.preprocessing.interpolation) == (32, "bicubic")
    pixels = prepared(IMAGES, open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    with torch.inference_mode():
        wanted = network.encode_image(pixels)
    np.testing.assert_allclose(encoder.embedding.build()(IMAGES), wanted, atol=1e-5)
    torch.save(network.visual.state_dict(), tmp_path / "tower.pth")
    alone = Frozen(model="open_clip/tiny-clip", weights=str(tmp_path / "tower.pth"))
    with pytest.raises(InputError, match=r"tower.pth' are not those of tiny-clip"):
        alone.embedding.build()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "open_clip/ViT-B-33"}, r"^encoder.model: .*did you mean 'ViT-B-32'"),
        (
            {"model": "open_clip/ViT-B-32"},
            r"^encoder.weights: '' is empty, .*checkpoint of ViT-B-32 .*openai",
        ),
        ({"model": "onnx"}, r"^encoder.weights: '' is empty, .*name the .onnx file"),
        (
            {"model": "onnx", "weights": "FILE"},
            r"^encoder.model: 'onnx' does not say how .*side, mean and std",
        ),
        (
            {"model": "open_clip/ViT-L-14", "weights": "FILE"},
            r"^encoder.model: .* does not say how its images",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, options: dict[str, str], message: str) -> None:
    """Without the network: the model that is meant, the file to bring, or what the file does not say."""
    pytest.importorskip("open_clip")
    file = tmp_path / "weights"
    file.write_bytes(b"")
    with pytest.raises(InputError, match=message):
        Frozen(**{name: str(file) if value == "FILE" else value for name, value in options.items()})  # type: ignore[arg-type]


def test_open_clip_models_have_means_of_their_own(tmp_path: Path) -> None:
    """SigLIP was trained with 0.5, CLIP with OpenAI's numbers."""
    pytest.importorskip("open_clip")
    file = tmp_path / "weights.pth"
    file.write_bytes(b"")
    siglip, clip = (
        Frozen(model=f"open_clip/{name}", weights=str(file)).preprocessing
        for name in ("ViT-B-16-SigLIP", "ViT-B-32")
    )
    assert (siglip.mean, siglip.side) == ((0.5, 0.5, 0.5), 224)
    assert clip.mean == pytest.approx((0.4815, 0.4578, 0.4082), abs=1e-4)


@pytest.mark.parametrize("channels_last", [False, True])
def test_onnx(tmp_path: Path, channels_last: bool) -> None:
    """A convolution and a mean over the map, with channels first or last; a copy in another process is the same."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    kernel = np.random.default_rng(1).normal(size=(5, 3, 4, 4)).astype(np.float32)
    shape = ["n", 32, 32, 3] if channels_last else ["n", 3, 32, 32]
    nodes = [
        onnx.helper.make_node(
            "Transpose", ["pixels"], ["first"], perm=[0, 3, 1, 2] if channels_last else [0, 1, 2, 3]
        ),
        onnx.helper.make_node("Conv", ["first", "kernel"], ["map"]),
        onnx.helper.make_node("GlobalAveragePool", ["map"], ["features"]),
    ]
    real = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "tiny",
        [onnx.helper.make_tensor_value_info("pixels", real, shape)],
        [onnx.helper.make_tensor_value_info("features", real, ["n", 5, 1, 1])],
        [onnx.numpy_helper.from_array(kernel, "kernel")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    file = tmp_path / "tiny.onnx"
    file.write_bytes(model.SerializeToString())
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
    embed = Frozen(model="onnx", weights=str(file), side=32, mean=mean, std=std).embedding.build()
    wanted = nn.functional.conv2d(prepared(IMAGES, mean, std), torch.from_numpy(kernel)).mean(dim=(2, 3))
    np.testing.assert_allclose(embed(IMAGES), wanted, atol=1e-5)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(embed))(IMAGES), embed(IMAGES))


def test_a_torn_onnx_file_is_refused(tmp_path: Path) -> None:
    """By name."""
    pytest.importorskip("onnxruntime")
    file = tmp_path / "torn.onnx"
    file.write_bytes(b"no graph")
    encoder = Frozen(model="onnx", weights=str(file), side=8, mean=(0.5,) * 3, std=(0.5,) * 3)
    with pytest.raises(InputError, match=r"torn.onnx' cannot be read"):
        encoder.embedding.build()


def test_timm_reads_pth_with_its_own_preprocessing(tmp_path: Path) -> None:
    """A `.pth` whose tensors lie under `state_dict`, as training scripts write them."""
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    network = timm.create_model("test_resnet").eval()
    torch.save({"state_dict": network.state_dict(), "epoch": 3}, tmp_path / "weights.pth")
    encoder = Frozen(model="test_resnet", weights=str(tmp_path / "weights.pth"), side=32)
    own = timm.get_pretrained_cfg("test_resnet")
    assert (encoder.preprocessing.mean, encoder.preprocessing.std) == (tuple(own.mean), tuple(own.std))
    with torch.inference_mode():
        wanted = network.forward_head(
            network.forward_features(prepared(IMAGES, own.mean, own.std)), pre_logits=True
        )
    np.testing.assert_allclose(encoder.embedding.build()(IMAGES), wanted, atol=1e-4)


class Planted:
    """What a file with pickled code would run when it is opened."""

    def __reduce__(self) -> tuple[object, ...]:
        """Make a file."""
        return (Path.touch, (Path("planted"),))


def test_code_in_a_pth_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is refused, and what it would have done is not done."""
    monkeypatch.chdir(tmp_path)
    torch.save({"conv1.weight": Planted()}, "weights.pth")
    encoder = Frozen(model="torchvision/resnet18", weights=str(tmp_path / "weights.pth"))
    with pytest.raises(InputError, match="cannot be read"):
        encoder.embedding.build()
    assert not Path("planted").exists()


def test_a_library_that_is_not_installed_is_named_with_its_extra() -> None:
    """So that one command helps."""
    with pytest.raises(InputError, match=r"'nonesuch' is not installed; pip install 'dalbt-ray\[onnx\]'"):
        library("nonesuch", "'dalbt-ray[onnx]'")
