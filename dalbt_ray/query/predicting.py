"""`dalbt predict`: the class of every image of the pool, and the trained head as a model of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from dalbt_ray.data.whole_file import whole_file
from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.model_file import ModelCard, form_tensors, write_model
from dalbt_ray.models.model_steps import model_steps
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.options.canonical import as_json
from dalbt_ray.query.known_images import Answered, KnownImages
from dalbt_ray.query.looking import Say, embed_unread
from dalbt_ray.query.on_ray import runner
from dalbt_ray.query.replies import NOT_OURS
from dalbt_ray.query.session import Model, Session, ingest_command
from dalbt_ray.query.trained_head import TrainedHead, train_head


@dataclass(frozen=True, kw_only=True)
class ToPredict:
    """The command line of `dalbt predict`.

    Attributes:
        pool: whose images.
        out: `.parquet` or `.csv`.
        head: folder that gets the head as `model.safetensors` and `model.json`; None for none.
        state, model, weights, side, address: as in `querying.Asked`.
    """

    pool: str
    out: str
    head: str | None = None
    state: str | None = None
    model: str = "efficientnet_lite0"
    weights: str = ""
    side: int = 0
    address: str | None = None


def predict(asked: ToPredict, say: Say) -> str:
    """Train the head on all answers and predict; new images are embedded first.

    Raises:
        InputError: no state, no label yet, or a file of another kind.
    """
    out = Path(asked.out).expanduser().absolute()
    if out.suffix not in (".parquet", ".csv"):
        raise InputError(
            "out", asked.out, "is neither .parquet nor .csv", remedy="as in --out predictions.parquet"
        )
    session = Session.of(asked.pool, asked.state)
    session.require_state()
    model = Model.of(session, asked.model, asked.weights, asked.side)
    with session.state.lease():
        run = runner(asked.address, session.state.storage.location, say)
        found = embed_unread(session.pool, model.blocks, model.embedding, say, run)
    images = model.images(found)
    answers = session.answered(images)
    head = train_head(images.features, answers)
    if head is None:
        remedy = f"take answers in first: {ingest_command(asked.pool, asked.state)}"
        raise InputError("POOL", asked.pool, "has no label yet", remedy=remedy)
    table = predictions(images, answers, head)
    with whole_file(out) as file:
        _write(table, file, out.suffix)
    lines = [f"{len(table):,} images in {out}, by a head of {int(answers.labeled.sum())} labels"]
    if asked.head is not None:
        folder = Path(asked.head).expanduser().absolute()
        encoder = Frozen(model=asked.model, weights=asked.weights, side=asked.side)
        export_head(folder, head, images, answers, encoder)
        lines.append(f"the head: {folder}; dalbt_ray.models.classifier.load_model reads it")
    return "\n".join(lines)


def predictions(images: KnownImages, answers: Answered, head: TrainedHead) -> pa.Table:
    """One row an image whose file is there.

    Columns `id`, `path`, `predicted` (a class, or `__ood__` where that is likeliest), `probability` of it, `not_ours`
    (null where that was never taught), `label` (the answer, null without one).
    """
    rows = np.flatnonzero(images.present)
    p = head.probabilities(images.features[rows])
    best = p.argmax(axis=1)
    names = np.array([*head.classes, NOT_OURS], object)
    taught = p.shape[1] > len(head.classes)
    labels = [
        answers.classes[answers.labels[row]]
        if answers.labeled[row]
        else NOT_OURS
        if answers.no_class[row]
        else None
        for row in rows
    ]
    return pa.table(
        {
            "id": [images.ids[row] for row in rows],
            "path": [images.paths[row] for row in rows],
            "predicted": names[best].tolist(),
            "probability": _float32(p[np.arange(len(rows)), best]),
            "not_ours": _float32(p[:, -1]) if taught else pa.nulls(len(rows), pa.float32()),
            "label": pa.array(labels, pa.string()),
        }
    )


def export_head(
    folder: Path, head: TrainedHead, images: KnownImages, answers: Answered, encoder: Frozen
) -> None:
    """Write the head in the form of `dalbt export`; "not ours", where taught, is its outlier class.

    Raises:
        InputError: the folder holds a model.
    """
    side = encoder.preprocessing.side
    shape = (side, side, 3)
    said = as_json(encoder)
    said.pop("weights", None)
    taught = len(head.bias) > len(head.classes)
    first = f"pixels: 8-bit RGB turned as EXIF says, {side} x {side} by Pillow's BICUBIC, no cropping"
    card = ModelCard(
        class_names=head.classes,
        image_shape=shape,
        encoder=said,
        network=as_json(NetworkSettings(projector=())),
        embedding=encoder.embedding.identity,
        steps=(first, *model_steps(encoder, shape, outlier_class=taught)[1:]),
        outlier_class=taught,
        origin={"command": "dalbt predict", "labels": int(answers.labeled.sum())},
    )
    tensors = {
        "classifier.weight": torch.from_numpy(head.weights).float(),
        "classifier.bias": torch.from_numpy(head.bias).float(),
        **form_tensors(images.form),
    }
    write_model(folder, card, tensors)


def _float32(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values.astype(np.float32))


def _write(table: pa.Table, file: IO[bytes], suffix: str) -> None:
    if suffix == ".csv":
        pyarrow.csv.write_csv(table, file)
    else:
        pq.write_table(table, file)
