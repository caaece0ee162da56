"""Export a finished trial's model: its last round is trained again, since a sweep keeps no weights."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dalbt_ray.data.embedding.embedded_set import training_form
from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.data.sources import user_cache
from dalbt_ray.errors import InputError
from dalbt_ray.launch.finished_trial import FinishedTrial, finished_trial
from dalbt_ray.launch.rerun import surroundings
from dalbt_ray.models.encoder import Encoder, Shape
from dalbt_ray.models.model_file import CARD, ModelCard, form_tensors, network_tensors, write_model
from dalbt_ray.models.model_steps import model_steps
from dalbt_ray.models.network import Network
from dalbt_ray.options.canonical import Json, as_json
from dalbt_ray.options.own_code import own_sources
from dalbt_ray.results import Record, ResultsStore, RoundRow, published_records
from dalbt_ray.trial.manifest import environment
from dalbt_ray.trial.networks import Run, score_test, train_networks
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.round_rows import replay
from dalbt_ray.trial.rounds import retrain
from dalbt_ray.workers.device import settle
from dalbt_ray.workers.world import World


@dataclass(frozen=True)
class Export:
    """What was exported.

    Attributes:
        trial_id: the trial.
        label: its short name.
        folder: where the two files are.
        labeled: images that the model was trained on.
        accuracy: on the test images, as a fraction.
        differences: `test_accuracy 0.91 -> 0.92`: measures that are not those recorded; only where `surroundings` is
            not empty.
        surroundings: what differs in environment or code, a reason for other bits.
    """

    trial_id: str
    label: str
    folder: Path
    labeled: int
    accuracy: float
    differences: list[str]
    surroundings: list[str]

    def __str__(self) -> str:
        """One line, then what differs from the record."""
        verdict = (
            "as recorded" if not self.differences else "not to the last bit as recorded, other conditions:"
        )
        line = (
            f"{self.folder}: the model of trial {self.trial_id} ({self.label}), {self.labeled} labels, "
            f"test accuracy {100 * self.accuracy:.2f} %, {verdict}"
        )
        return "\n".join(
            [line, *(f"  {each}" for each in self.differences and self.surroundings + self.differences)]
        )


def export_model(
    results: str, trial_id: str, out: Path, data_root: Path | None, sweep_file: str | None = None
) -> Export:
    """Train a finished trial's last round again, compare what it measures with the record, and write the model.

    Args:
        results: the results folder or URI.
        trial_id: 16 hex digits.
        out: the folder that gets `model.safetensors` and `model.json`.
        data_root: the folder of image sets.
        sweep_file: the Python file that defines the user's own classes of the trial, if there are any.

    Raises:
        InputError: see `finished_trial`; a trial without a trained network, or of an ensemble that predicts together;
            measures that differ from the record although nothing else does; a folder
            that holds a model.
    """
    if (out / CARD).exists():
        raise InputError("out", str(out), "holds a model already", remedy="name another folder")
    finished = finished_trial(results, trial_id, data_root, sweep_file)
    trial, manifest = finished.trial, finished.manifest
    records = published_records(ResultsStore(results), trial_id)
    row = records[-1].row
    if row.status == "diverged" or not row.n_labeled:
        problem = f"has no trained network after its last round ({row.status}, {row.n_labeled} labels)"
        raise InputError("trial", trial_id, problem)
    if trial.makeup.averages:
        problem = f"predicts by the mean of {trial.makeup.members} networks, and a model file holds one"
        raise InputError("trial", trial_id, problem)
    torch.set_num_threads(int(manifest["environment"].get("threads", 1)))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settle(device)
    cache = user_cache(os.environ)
    run = Run(
        trial=trial,
        image_set=finished.image_set,
        oracle=Oracle.prepare(trial, finished.image_set),
        world=World(),
        device=device,
        stop=lambda: False,
        own_code=own_sources(trial),
        cache=cache,
    )
    networks = _last_networks(run, records)
    test = score_test(run, networks).probabilities
    measures: Json = {
        metric.column: metric.measure(test, run.oracle.test_labels) for metric in trial.measured
    }
    differences = [
        f"{name} {row.measures[name]} -> {value}"
        for name, value in measures.items()
        if name in row.measures and row.measures[name] != value
    ]
    conditions = surroundings(manifest, trial, device)
    if differences and not conditions:
        problem = f"gives other measures under equal conditions: {differences[0]}"
        raise InputError("trial", trial_id, problem, remedy="dalbt rerun tells from which round on")
    files = ImageSetFiles.find(trial.dataset, trial.ood, data_root)
    tensors = network_tensors(networks[0])
    if trial.encoder.embedding is not None:
        tensors |= form_tensors(training_form(files, trial.encoder.embedding, data_root, cache))
    measures["validation_accuracy"] = row.validation_accuracy
    card = _card(finished, run, networks[0], files.shape, measured=measures, origin=_origin(finished, row))
    write_model(out, card, tensors)
    accuracy = float((test.argmax(axis=1) == run.oracle.test_labels).mean())
    return Export(trial_id, trial.label, out, row.n_labeled, accuracy, differences, conditions)


def _card(
    finished: FinishedTrial, run: Run, network: Network, shape: Shape, *, measured: Json, origin: Json
) -> ModelCard:
    trial, embedding = finished.trial, finished.trial.encoder.embedding
    outlier_class = network.classifier.out_features > network.classes
    return ModelCard(
        class_names=tuple(finished.image_set.class_names[known] for known in run.oracle.classes.known),
        image_shape=shape,
        encoder=encoder_json(trial.encoder),
        network=as_json(trial.makeup.network),
        variational=network.log_variance is not None,
        outlier_class=outlier_class,
        embedding=None if embedding is None else embedding.identity,
        steps=model_steps(trial.encoder, shape, outlier_class=outlier_class),
        data={"dataset": trial.dataset, "ood": trial.ood, "data_hash": finished.image_set.data_hash},
        measured=measured,
        origin=origin,
        versions=environment(run.device),
    )


def encoder_json(encoder: Encoder) -> dict[str, Any]:
    """The encoder without the path that its weights have on this machine; their hash stays."""
    said = as_json(encoder)
    said.pop("weights", None)
    return said


def _last_networks(run: Run, records: list[Record]) -> list[Network]:
    """The networks of the last round; of the earlier ones only where a warm start continued from them."""
    if run.trial.training.init == "warm":
        return retrain(run, records)
    state = replay(run.trial, run.oracle, records[:-1])
    return train_networks(run, state, len(records) - 1, []).networks


def _origin(finished: FinishedTrial, row: RoundRow) -> Json:
    trial = finished.trial
    return {
        "trial_id": finished.manifest["trial_id"],
        "label": trial.label,
        "strategy": as_json(trial.strategy),
        "objective": as_json(trial.objective),
        "seed": trial.seed,
        "round": row.round,
        "labels": row.n_labeled,
        "labeled_sha256": row.labeled_sha256,
    }
