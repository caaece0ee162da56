"""`prepare_known` against a real HTTP server on this machine, with files in torchvision's own formats."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from torchvision import datasets

from dalbt_ray.data.catalog import KNOWN_SETS
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.prepare.torchvision_sets import prepare_known
from dalbt_ray.data.sources import find_set
from dalbt_ray.data.split_file import file_sha256, read_metadata, read_split
from dalbt_ray.errors import InputError

RNG = np.random.default_rng(0)
TRAIN, TEST = 20, 10  # images


class QuietHandler(SimpleHTTPRequestHandler):
    """A file server that does not write a log line per request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A served folder and its address."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def md5(data: bytes) -> str:
    """The checksum that torchvision compares."""
    return hashlib.md5(data).hexdigest()


Originals = dict[str, tuple[np.ndarray, np.ndarray]]


def draw(shape: tuple[int, ...]) -> Originals:
    """Random images and labels of both splits."""
    return {
        split: (RNG.integers(0, 256, (n, *shape), np.uint8), np.arange(n) % 10)
        for split, n in (("train", TRAIN), ("test", TEST))
    }


def idx(array: np.ndarray) -> bytes:
    """An array in the IDX format of LeCun's page, gzipped."""
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


def serve_idx(name: str, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Originals:
    """Put an MNIST-like set on the site and point torchvision at it."""
    originals = draw((28, 28))
    resources = []
    for split, prefix in (("train", "train"), ("test", "t10k")):
        for kind, array in zip(("images-idx3", "labels-idx1"), originals[split], strict=True):
            file, data = f"{prefix}-{kind}-ubyte.gz", idx(array)
            (folder / file).write_bytes(data)
            resources.append((file, md5(data)))
    dataset = getattr(datasets, KNOWN_SETS[name].torchvision)
    monkeypatch.setattr(dataset, "resources", resources)
    monkeypatch.setattr(dataset, "mirrors", [address])
    return {split: (images[..., None], labels) for split, (images, labels) in originals.items()}


def serve_cifar(folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Originals:
    """Put CIFAR-10 python batches on the site and point torchvision at them."""
    originals = draw((32, 32, 3))
    files: dict[str, object] = {"batches.meta": {"label_names": list(KNOWN_SETS["cifar10"].class_names)}}
    for split, parts in (("train", [f"data_batch_{i}" for i in range(1, 6)]), ("test", ["test_batch"])):
        images, labels = originals[split]
        flat = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        for part, rows in zip(parts, np.array_split(np.arange(len(images)), len(parts)), strict=True):
            files[part] = {"data": flat[rows], "labels": labels[rows].tolist()}
    packed = {file: pickle.dumps(content) for file, content in files.items()}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for file, data in packed.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{file}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    (folder / "cifar-10-python.tar.gz").write_bytes(archive.getvalue())
    cifar = datasets.CIFAR10
    monkeypatch.setattr(cifar, "url", address + "cifar-10-python.tar.gz")
    monkeypatch.setattr(cifar, "tgz_md5", md5(archive.getvalue()))
    sums = {file: md5(data) for file, data in packed.items()}
    monkeypatch.setattr(
        cifar, "train_list", [[f"data_batch_{i}", sums[f"data_batch_{i}"]] for i in range(1, 6)]
    )
    monkeypatch.setattr(cifar, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": sums["batches.meta"]})
    return originals


def serve_svhn(folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Originals:
    """Put SVHN's .mat files on the site, digit 0 being class 10 there, and point torchvision at them."""
    originals = draw((32, 32, 3))
    split_list = {}
    for split, (images, labels) in originals.items():
        file = f"{split}_32x32.mat"
        classes = np.where(labels == 0, 10, labels)[:, None].astype(np.uint8)
        savemat(folder / file, {"X": images.transpose(1, 2, 3, 0), "y": classes})
        split_list[split] = [address + file, file, md5((folder / file).read_bytes())]
    monkeypatch.setattr(datasets.SVHN, "split_list", split_list)
    return originals


def serve(name: str, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Originals:
    """Put a set on the site in its own format."""
    if name == "cifar10":
        return serve_cifar(folder, address, monkeypatch)
    if name == "svhn":
        return serve_svhn(folder, address, monkeypatch)
    return serve_idx(name, folder, address, monkeypatch)


def tree(root: Path) -> list[str]:
    """Everything below a folder."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist", "cifar10", "svhn"])
def test_download_and_conversion_keep_every_pixel_and_label(
    name: str, site: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torchvision gets the files; our form holds the same pixels, labels and order; no other file stays."""
    originals = serve(name, *site, monkeypatch)
    root = tmp_path / "data"
    written = prepare_known(name, root)
    assert [path.name for path in written] == ["train.parquet", "test.parquet"]
    assert tree(root) == [name, f"{name}/seal.json", f"{name}/test.parquet", f"{name}/train.parquet"]
    for split, (images, labels) in originals.items():
        found = read_split(root / name / f"{split}.parquet")
        np.testing.assert_array_equal(found.images, images)
        np.testing.assert_array_equal(found.labels, labels)
        np.testing.assert_array_equal(found.ids, np.arange(len(labels)))
    assert read_metadata(root / name / "train.parquet").class_names == KNOWN_SETS[name].class_names
    assert len(load_image_set(name, "", root).images) == TRAIN


def test_a_set_that_is_there_needs_no_network(
    site: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost split is fetched alone, with equal bytes; with both there, an empty site does no harm."""
    served = {name: (site[0] / name) for name in ("train_32x32.mat", "test_32x32.mat")}
    serve_svhn(*site, monkeypatch)
    root = tmp_path / "data"
    train, test = prepare_known("svhn", root)
    before = file_sha256(test)
    served["train_32x32.mat"].unlink()
    test.unlink()
    assert prepare_known("svhn", root) == [test]
    assert file_sha256(test) == before
    served["test_32x32.mat"].unlink()
    assert prepare_known("svhn", root) == []
    assert train.is_file()


@pytest.mark.parametrize("before", ["missing", "empty", "a set", "its empty folder", "one split"])
def test_no_network_leaves_everything_as_it_was(
    before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nobody listening, the message names the set and the alternative, and no file or folder came or went."""
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    root = tmp_path / "data"
    files = {"a set": "pets/train.parquet", "one split": "mnist/test.parquet"}
    if before in files:
        (root / files[before]).parent.mkdir(parents=True)
        (root / files[before]).write_bytes(b"as it was")
    elif before != "missing":
        (root / ("mnist" if before == "its empty folder" else "")).mkdir(parents=True)
    expected = tree(tmp_path)
    with pytest.raises(InputError, match=r"'mnist' could not be prepared.*embedded fashion_mini") as refusal:
        prepare_known("mnist", root)
    assert "\n" not in str(refusal.value)
    assert tree(tmp_path) == expected


def test_a_wrong_checksum_is_refused(
    site: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was changed on the way is neither converted nor kept, and the split that was whole is not written."""
    serve_svhn(*site, monkeypatch)
    with (site[0] / "test_32x32.mat").open("ab") as file:
        file.write(b"more")
    root = tmp_path / "data"
    with pytest.raises(InputError, match="corrupted"):
        prepare_known("svhn", root)
    whole = ".downloads/svhn/train_32x32.mat"
    assert tree(root) == [".downloads", ".downloads/svhn", whole]
    with pytest.raises(InputError, match="dalbt data prepare svhn"):
        find_set("svhn", root)


def test_an_interrupted_download_goes_on_with_what_is_complete(
    site: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole files are not fetched again; what a kill cut off, packed or unpacked, is not used."""
    originals = serve_idx("mnist", *site, monkeypatch)
    torn = site[0] / "t10k-labels-idx1-ubyte.gz"
    labels = torn.read_bytes()
    torn.write_bytes(labels[:-1])
    root = tmp_path / "data"
    with pytest.raises(InputError, match="could not be prepared"):
        prepare_known("mnist", root)
    raw = root / ".downloads" / "mnist" / "MNIST" / "raw"
    packed = sorted(raw.iterdir())
    assert [path.suffix for path in packed] == [".gz"] * 3
    for path in packed:
        path.with_suffix("").write_bytes(b"cut off")
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(labels[:-1])
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"cut off")
    for file in site[0].iterdir():
        file.unlink()
    torn.write_bytes(labels)
    prepare_known("mnist", root)
    np.testing.assert_array_equal(read_split(root / "mnist/train.parquet").images, originals["train"][0])
    assert tree(root) == ["mnist", "mnist/seal.json", "mnist/test.parquet", "mnist/train.parquet"]


def test_a_data_root_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    """A file where the data root should be."""
    blocked = tmp_path / "data"
    blocked.write_text("a file")
    with pytest.raises(InputError, match=r"could not be prepared: .*Not a directory"):
        prepare_known("svhn", blocked)
